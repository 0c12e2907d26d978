import { SmallTraining, type Step } from './small-training.ts';
import { promiseCallbacks, sleep, takeTasks, turn } from './task-clock.ts';

/*
 * The training thread is the page's own. What logging causes in a worker it causes here too, and here alone are the page's visibility and the
 * database that is kept open for its last words; the writer is a worker away either way.
 */

export interface TrainSlowdownOptions {
	server: string;
	rounds: number;
	steps: number;
}

/** Microseconds. */
export interface TrainSlowdownValues {
	/** In `log()` and the promise callbacks it left; a number a step. */
	log: number[];
	/** In tasks that logging caused; a number a step, after which they ran. Those after the end of a round count to its last step. */
	tasks: number[];
	/** How many tasks that were. */
	taskCount: number;
	/** What `log` would hold if nothing were logged: the measuring itself. */
	empty: number[];
	with: LoopTime[];
	without: LoopTime[];
	/** Examples of a step. */
	batchSize: number;
}

/** Means over the steps of a round, microseconds. */
export interface LoopTime {
	/** From step to step. */
	step: number;
	/** Of it, in waiting for the loop's next turn. */
	turn: number;
}

interface Round {
	loop: LoopTime;
	log: number[];
	tasks: number[];
	taskCount: number;
	last: Step;
}

/** The writer reports at most this far apart; what the last steps of a round cause has come by then. */
const LATE_TASKS_MS = 300;

export async function measure({ server, rounds, steps }: TrainSlowdownOptions): Promise<TrainSlowdownValues> {
	if (!crossOriginIsolated) throw new Error("the steps of this page's clock are too long");
	// A hidden page sends each record at once, and its timers are slow.
	if (document.visibilityState !== 'visible') throw new Error('the page is hidden, and training in view was to be measured');
	const training = await SmallTraining.begin();
	const untrained = await training.step();
	await training.chooseBatchSize();

	const { batchSize, learningRate, tensors } = training;
	const alone = await round(training, steps, () => undefined);
	if (alone.taskCount > 0) throw new Error(`training alone caused ${alone.taskCount} tasks; those of logging cannot be told from them`);

	// Only now: what it hands to the browser goes through the clock.
	const { init } = await import('tidelog');
	const errors: string[] = [];
	const run = init({
		project: 'bench',
		name: 'train-slowdown',
		config: { batchSize, learningRate },
		server,
		onError: (error) => errors.push(error.message),
	});
	let logged = 0;
	const withLog = async () => {
		const done = await round(training, steps, ({ loss, accuracy }) => {
			logged++;
			run.log({ 'train/loss': loss, 'train/acc': accuracy, lr: learningRate, epoch: Math.floor(logged / 100), examples: logged * batchSize });
		});
		// Nothing of it is left for the round without.
		await run.synced();
		return done;
	};

	// One that does not count: the writer starts and opens the run.
	await withLog();
	const values: TrainSlowdownValues = { log: [], tasks: [], taskCount: 0, empty: [], with: [], without: [], batchSize };
	let last = untrained;
	for (let n = 0; n < rounds; n++) {
		const empty = await round(training, steps, () => undefined);
		values.without.push(empty.loop);
		values.empty.push(...empty.log);
		const done = await withLog();
		values.with.push(done.loop);
		values.log.push(...done.log);
		values.tasks.push(...done.tasks);
		values.taskCount += done.taskCount;
		if (done.taskCount === 0) throw new Error('logging caused no task, and yet messages say what is stored and sent');
		last = done.last;
	}

	const { accepted, durable, synced, dropped, droppedValues } = run.status;
	if (accepted !== logged || durable !== logged || synced !== logged || dropped + droppedValues + errors.length > 0) {
		throw new Error(`of ${logged} records ${durable} were stored, ${synced} sent and ${dropped} dropped; ${errors.join('; ')}`);
	}
	if (!(last.loss < untrained.loss / 2)) throw new Error(`the loss went from ${untrained.loss} to ${last.loss}: that was no training`);
	if (training.tensors !== tensors) throw new Error(`the training held ${tensors} tensors and then ${training.tensors}`);
	return values;
}

async function round(training: SmallTraining, steps: number, log: (step: Step) => void): Promise<Round> {
	// What other work left (late tasks, garbage) is not part of it.
	await sleep(LATE_TASKS_MS);
	await turn();
	takeTasks();
	const done: Round = { loop: { step: 0, turn: 0 }, log: [], tasks: [], taskCount: 0, last: { loss: Number.NaN, accuracy: Number.NaN } };
	const countTasks = () => {
		const { tasks, tookMs } = takeTasks();
		done.taskCount += tasks;
		return tookMs * 1000;
	};
	const loopStartMs = performance.now();
	let turnMs = 0;
	for (let n = 0; n < steps; n++) {
		const step = await training.step();
		const startMs = performance.now();
		log(step);
		await promiseCallbacks();
		const endMs = performance.now();
		await turn();
		turnMs += performance.now() - endMs;
		done.log.push((endMs - startMs) * 1000);
		done.tasks.push(countTasks());
		done.last = step;
	}
	done.loop = { step: ((performance.now() - loopStartMs) * 1000) / steps, turn: (turnMs * 1000) / steps };
	await sleep(LATE_TASKS_MS);
	done.tasks[steps - 1] = (done.tasks[steps - 1] as number) + countTasks();
	return done;
}
