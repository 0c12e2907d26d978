import { createContext, Script } from 'node:vm';
import { RequestError } from '../request-error.ts';

const MOST_MS = 100;
const context = createContext({ pattern: '', values: [] as readonly string[] });
// The engine looks for the end of the time while it goes back and forth within one match, so that no pattern runs on.
const script = new Script('(() => { const regex = new RegExp(pattern); return values.filter((value) => regex.test(value)); })()');

/**
 * The values in which a JavaScript pattern is found. A pattern such as `(a+)+$` takes time that doubles with each character; it is ended after 100 ms.
 * @throws RequestError 400 when the pattern is none, or takes too long.
 */
export function matching(pattern: string, values: readonly string[]): string[] {
	context.pattern = pattern;
	context.values = values;
	try {
		return Array.from(script.runInContext(context, { timeout: MOST_MS }) as string[]);
	} catch (error) {
		const { code, message } = error as { code?: string; message?: string };
		if (code === 'ERR_SCRIPT_EXECUTION_TIMEOUT')
			throw new RequestError(
				400,
				`The pattern ${JSON.stringify(pattern)} takes more than ${MOST_MS} ms over ${values.length} values; leave out nested repeats such as (a+)+, or use contains.`,
			);
		throw new RequestError(400, `${JSON.stringify(pattern)} is no pattern: ${message ?? String(error)}.`);
	} finally {
		context.values = [];
	}
}
