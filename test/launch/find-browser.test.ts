import { describe, expect, test } from 'vitest';
import { browserArgs, planBrowser } from '../../scripts/find-browser.mjs';

const machine = (over: object = {}, files: string[] = []) => ({
	env: { PATH: '' },
	platform: 'linux',
	isRoot: false,
	isFile: (path: string) => files.includes(path),
	playwrightCli: undefined as string | undefined,
	...over,
});

describe('a browser for the tests', () => {
	test('is the one that TIDELOG_BROWSER names, and nothing else when that is not there', () => {
		const env = { TIDELOG_BROWSER: '/opt/mine', PATH: '/usr/bin' };
		expect(planBrowser(machine({ env }, ['/opt/mine', '/usr/bin/chromium']))).toEqual({ kind: 'found', path: '/opt/mine' });
		expect(planBrowser(machine({ env }, ['/usr/bin/chromium']))).toEqual({ kind: 'none', message: expect.stringContaining('/opt/mine') });
	});

	test('is found on PATH before the usual places, and in these when PATH is empty', () => {
		const files = ['/opt/tools/google-chrome', '/usr/bin/chromium'];
		expect(planBrowser(machine({ env: { PATH: '/opt/tools:/usr/bin' } }, files))).toEqual({ kind: 'found', path: '/opt/tools/google-chrome' });
		expect(planBrowser(machine({}, files))).toEqual({ kind: 'found', path: '/usr/bin/chromium' });
		const mac = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome';
		expect(planBrowser(machine({ platform: 'darwin' }, [mac]))).toEqual({ kind: 'found', path: mac });
	});

	test('is installed by apt-get as root on Debian, with nothing on PATH', () => {
		const plan = planBrowser(machine({ isRoot: true, playwrightCli: '/pw/cli.js' }, ['/usr/bin/apt-get']));
		expect(plan).toEqual({
			kind: 'install',
			command: '/bin/sh',
			args: ['-c', 'apt-get update && apt-get install -y --no-install-recommends chromium fonts-liberation'],
		});
	});

	test("is Playwright's download where apt-get may not or cannot be used", () => {
		const asUser = planBrowser(machine({ playwrightCli: '/pw/cli.js' }, ['/usr/bin/apt-get']));
		expect(asUser).toEqual({ kind: 'install', command: process.execPath, args: ['/pw/cli.js', 'install', 'chromium'] });
		expect(planBrowser(machine({ isRoot: true, playwrightCli: '/pw/cli.js' }))).toMatchObject({ args: ['/pw/cli.js', 'install', 'chromium'] });
	});

	test('is asked for in one message when there is no way to one', () => {
		expect(planBrowser(machine())).toEqual({ kind: 'none', message: expect.stringMatching(/TIDELOG_BROWSER=/) });
	});

	test('runs without a sandbox only as root', () => {
		expect(browserArgs({ isRoot: true })).toContain('--no-sandbox');
		expect(browserArgs({ isRoot: false })).not.toContain('--no-sandbox');
	});
});
