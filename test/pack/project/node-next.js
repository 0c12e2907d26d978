import { init } from 'tidelog';

/** Logs one row, and waits until the server has it: the run that the process before left is sent as well, or is about to be. */
const [server] = process.argv.slice(2);
const run = init({ project: 'pack', name: 'the next', server });
run.log({ i: 0 });
await run.synced();
const { isSynced, status } = await run.finish();
process.stdout.write(JSON.stringify({ id: run.id, isSynced, isVerified: status.verified }));
