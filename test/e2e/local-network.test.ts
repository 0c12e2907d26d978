import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RunningServer, startServer } from '../../server/src/index.ts';
import type { init as Init, Run } from '../../src/index.ts';
import { launchBrowser, serveFolder, temporaryFolder } from './support.ts';

/** A page of the internet that logs to 127.0.0.1 needs the visitor's permission (docs/safety.md). */
const folder = temporaryFolder();
let site: Awaited<ReturnType<typeof serveFolder>>;
let server: RunningServer;

beforeAll(async () => {
	const body = '<!doctype html><script type="module">import { init } from "/index.js"; window.init = init;</script>';
	site = await serveFolder('dist', { '/': { type: 'text/html', body } });
	server = await startServer({ port: 0, dataDir: folder.path, origins: [site.url] });
});

afterAll(async () => {
	await server.close();
	site.server.close();
	folder.remove();
});

test('until it is given the run is offline and its records stay on the device; then they go by themselves', { timeout: 90_000 }, async () => {
	// The site's port counts as the internet, the server's as this machine.
	const browser = await launchBrowser([`--ip-address-space-overrides=${new URL(site.url).host}=public`]);
	try {
		const context = await browser.newContext();
		const page = await context.newPage();
		await page.goto(site.url);
		await page.waitForFunction(() => 'init' in window);
		await page.evaluate((url) => {
			const page = window as unknown as { init: typeof Init; run: Run };
			page.run = page.init({ project: 'p', id: 'r', server: url });
			page.run.log({ loss: 1 });
		}, server.url);
		const status = () => page.evaluate(() => ({ ...(window as unknown as { run: Run }).run.status }));
		await expect.poll(status, { timeout: 15_000 }).toMatchObject({ connection: 'offline', synced: 0, pending: { disk: 1 } });
		await context.grantPermissions(['local-network-access'], { origin: site.url });
		await expect.poll(status, { timeout: 60_000 }).toMatchObject({ synced: 1, pending: { disk: 0 } });
	} finally {
		await browser.close();
	}
});
