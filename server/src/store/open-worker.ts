import { workerData } from 'node:worker_threads';
import { openDatabase } from './database.ts';

// Brings the data folder up to date, and leaves it to the server.
openDatabase(workerData as string).close();
