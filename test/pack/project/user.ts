import { type FinishResult, init, type Run, type RunStatus, TidelogError } from 'tidelog';
import { Image } from 'tidelog/media';

const run: Run = init({ project: 'types', config: { lr: 0.1 }, onError: (error: TidelogError) => console.log(error.code) });
run.log({ loss: 1, sample: new Image({ data: new Uint8ClampedArray(4), width: 1, height: 1 }) }, { step: 0, commit: false });
run.config.lr = 0.2;
run.config.update({ epochs: 3 });
const status: RunStatus = run.status;
const result: FinishResult = await run.finish({ exitCode: 0, timeoutMs: 1000 });
console.log(status.pending.disk, result.isSynced, TidelogError.name);

// @ts-expect-error: a run without a project cannot be meant
init({ config: {} });
// @ts-expect-error: there is no such option
init({ project: 'types', sever: 'http://127.0.0.1:8420' });
// @ts-expect-error: values come as an object
run.log(5);
