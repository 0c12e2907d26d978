/** Pictures and other objects for `run.log()`: `import { Image } from 'tidelog/media'`. A part of its own, since most runs log numbers alone. */
export { type Box, type Boxes, Image, type ImageOptions, type ImageSource, type Mask, type Pixels } from './media/image.ts';
