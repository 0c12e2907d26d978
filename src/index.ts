export { TidelogError, type TidelogErrorCode } from './errors.ts';
export { init } from './init.ts';
export type { LiveObject } from './live-object.ts';
export { Image, type ImageOptions, type ImageSource, type Pixels } from './media/image.ts';
export type { InitOptions } from './options.ts';
export type { FinishOptions, FinishResult, LogOptions, Run, RunStatus } from './run.ts';
export type { TfjsCallbacks, TfjsLogs, TfjsOptions } from './tfjs.ts';
export type { Connection } from './transport/messages.ts';
