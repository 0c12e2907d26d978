/** The package where there are no threads and no disk. */
import { createInit } from './init.ts';
import { edgePlatform } from './platform/edge/index.ts';

export * from './api.ts';
export const init = createInit(edgePlatform);
