/** The package in Node, Deno and Bun. */
import { createInit, type Init } from './init.ts';
import { nodePlatform } from './platform/node/index.ts';
import { isNotebook } from './platform/node/notebook.ts';

export * from './api.ts';

const begin = createInit(nodePlatform);
/** A cell that is run again begins its run again, and the one before is finished, as W&B has it in notebooks. */
export const init: Init = isNotebook() ? (options) => begin({ reinit: 'finish_previous', ...options }) : begin;
