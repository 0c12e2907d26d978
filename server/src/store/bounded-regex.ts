import { createContext, Script } from 'node:vm';
import { RequestError } from '../request-error.ts';

const MOST_MS = 100;
const context = createContext({ pattern: '', values: [] as readonly string[] });
// The engine looks for the end of the time while it goes back and forth within one match, so that no pattern runs on.
const script = new Script('(() => { const regex = new RegExp(pattern); return values.filter((value) => regex.test(value)); })()');

/** The patterns of one request, which share 100 ms: a pattern such as `(a+)+$` takes time that doubles with each character. */
export class BoundedRegex {
	#leftMs = MOST_MS;

	/**
	 * The values in which a JavaScript pattern is found.
	 * @throws RequestError 400 when the pattern is none, or the time is over.
	 */
	matching(pattern: string, values: readonly string[]): string[] {
		const startMs = performance.now();
		context.pattern = pattern;
		context.values = values;
		try {
			return Array.from(script.runInContext(context, { timeout: Math.max(1, Math.ceil(this.#leftMs)) }) as string[]);
		} catch (error) {
			const { code, message } = error as { code?: string; message?: string };
			if (code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
				throw new RequestError(
					400,
					`The pattern ${JSON.stringify(pattern)} over ${values.length} values, with those before it, takes more than ${MOST_MS} ms; leave out nested repeats such as (a+)+, or use contains.`,
				);
			throw new RequestError(400, `${JSON.stringify(pattern)} is no pattern: ${message ?? String(error)}.`);
		} finally {
			context.values = [];
			this.#leftMs -= performance.now() - startMs;
		}
	}
}
