/** The part of the writer that encodes media: a script of its own, which the worker loads when the first comes. */
import * as media from '../src/media/encode.ts';

Object.assign(globalThis, { tidelogMedia: media });
