/** The part of the writer that sends to W&B servers: a script of its own, which the worker loads when the first such server answers. */
import * as rows from '../src/sync/send-rows.ts';

Object.assign(globalThis, { tidelogRows: rows });
