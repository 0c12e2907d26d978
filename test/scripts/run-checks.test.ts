import { afterEach, expect, test, vi } from 'vitest';
import { runChecks } from '../../scripts/check/run-checks.ts';

afterEach(() => vi.restoreAllMocks());

test('a check that does not exist is told in one line, and nothing runs', async () => {
	const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
	const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
	expect(await runChecks(['lock', 'spelling'])).toBe(1);
	expect(error).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/^There is no check "spelling"\. Known are types, .*files\.$/));
	expect(log).not.toHaveBeenCalled();
});

test('the lock file of this repository serves all platforms, and nobody imports whom they must not', async () => {
	const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
	expect([await runChecks(['lock', 'imports']), ...log.mock.calls.flat()]).toEqual([
		0,
		expect.stringMatching(/^imports +ok /),
		expect.stringMatching(/^lock +ok /),
	]);
});
