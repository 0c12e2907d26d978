import { expose } from 'comlink';
import { webWriterPlatform } from '../src/platform/web/writer-platform.ts';
import { Writer } from '../src/writer.ts';

expose(new Writer(webWriterPlatform()));
