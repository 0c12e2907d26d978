/** The package in a page or a Web Worker. */
import { createInit } from './init.ts';
import { webPlatform } from './platform/web/index.ts';

export * from './api.ts';
export const init = createInit(webPlatform);
