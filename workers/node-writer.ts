import { parentPort, workerData } from 'node:worker_threads';
import { type Endpoint, expose } from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { nodeWriterPlatform } from '../src/platform/node/writer-platform.ts';
import { Writer } from '../src/writer.ts';

const { dir } = workerData as { dir: string };
expose(new Writer(nodeWriterPlatform(dir)), nodeEndpoint(parentPort as never) as Endpoint);
