import { afterEach, expect, test, vi } from 'vitest';
import { judge, quantile, spreadOf } from '../../bench/bench.ts';
import { main } from '../../bench/main.ts';

afterEach(() => vi.restoreAllMocks());

const bench = { name: 'x', unit: 'µs' };
const measured = { median: 2, p99: 9, samples: 7, samplesAre: 'seven' };

test('quantiles lie between the values, whatever their order', () => {
	expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
	expect(quantile([4, 1, 3, 2], 1)).toBe(4);
	expect(quantile([5], 0.99)).toBe(5);
	expect(() => quantile([], 0.5)).toThrow('no values');
});

test('one disturbed round does not make a baseline noisy, half of them do', () => {
	expect(spreadOf([10, 10, 10, 10, 10, 10, 90])).toBe(0);
	expect(spreadOf([10, 10, 10, 20, 20, 20, 20])).toBeGreaterThan(0.25);
});

test('a limit is judged on its own side, and one that is broken fails the bench', () => {
	const limits = [
		{ what: 'median µs', limit: 3, value: 2, is: 'at most' as const },
		{ what: 'rows/s', limit: 3, value: 2, is: 'at least' as const },
	];
	expect(judge(bench, { ...measured, limits }).budget).toEqual([
		{ what: 'median µs at most', limit: 3, value: 2, ok: true },
		{ what: 'rows/s at least', limit: 3, value: 2, ok: false },
	]);
	expect(judge(bench, { ...measured, limits }).ok).toBe(false);
	expect(judge(bench, { ...measured, limits: limits.slice(0, 1) }).ok).toBe(true);
});

test('with a noisy baseline there is no verdict', () => {
	const limits = [{ what: 'median µs', limit: 1, value: 2, is: 'at most' as const }];
	const baseline = { what: 'postMessage', median: 8, spread: 0.26 };
	expect(judge(bench, { ...measured, limits, baseline })).toMatchObject({ ok: null, baseline: 8, ratio: 0.25 });
	expect(judge(bench, { ...measured, limits, baseline: { ...baseline, spread: 0.25 } }).ok).toBe(false);
});

test('a bench or option that does not exist is told in one line; no name lists the benches', async () => {
	const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
	const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
	expect(await main(['log-cal'])).toBe(1);
	expect(await main(['log-call', '--jsn'])).toBe(1);
	expect(error.mock.calls.flat()).toEqual([
		expect.stringMatching(/^There is no bench "log-cal"\. Known are log-call, .*\.$/),
		'There is no option --jsn. Known are --json and --save.',
	]);
	expect(log).not.toHaveBeenCalled();
	expect(await main([])).toBe(0);
	expect(log.mock.calls.flat().join('\n')).toMatch(/^log-call +µs +/m);
});
