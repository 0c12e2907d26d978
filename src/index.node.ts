/** The package in Node, Deno and Bun. */
import { createInit } from './init.ts';
import { nodePlatform } from './platform/node/index.ts';

export * from './api.ts';
export const init = createInit(nodePlatform);
