import { expect, test } from 'vitest';
import { Exchange, RUN_ID, STARTED, UPSERT } from './exchange.ts';
import { listen } from './listen.ts';
import { Referee } from './referee.ts';

const KEY = 'k'.repeat(40);
const BASIC = `Basic ${Buffer.from(`api:${KEY}`).toString('base64')}`;

test('with an API key, requests without it are answered 401', async () => {
	const exchange = new Exchange({ apiKey: KEY });
	exchange.headers.Authorization = BASIC;
	await exchange.takes(exchange.upsert({ config: JSON.stringify(STARTED) }));
	await exchange.takes(exchange.stream({}));
	for (const authorization of [undefined, 'Basic eDp5', `Bearer ${KEY}`]) {
		exchange.headers = { 'Content-Type': 'application/json', ...(authorization && { Authorization: authorization }) };
		expect((await exchange.upsert({ notes: 'x' })).status).toBe(401);
		expect((await exchange.stream({ complete: true, exitcode: 0 })).status).toBe(401);
	}
	expect(exchange.referee.violations).toEqual([]);
	expect(exchange.referee.state(RUN_ID)).toBe('running');
});

test('addresses that W&B does not have are 404 and a violation; where telemetry goes, 404 only', async () => {
	const exchange = await Exchange.started();
	expect((await exchange.post('/sdk/otel/v1/metrics', '{}')).status).toBe(404);
	expect(exchange.referee.violations).toEqual([]);
	expect((await exchange.post('/api/runs', '{}')).status).toBe(404);
	expect((await exchange.referee.fetch(new Request('https://referee.test/graphql'))).status).toBe(404);
	expect(exchange.referee.violations).toEqual(['POST /api/runs: there is no such address', 'GET /graphql: there is no such address']);
	await exchange.refuses(exchange.post('/files/a/b/%zz/file_stream', '{}'), /is not percent-encoded UTF-8/);
});

test('a run is found by its id or, where that is not enough, by its path', async () => {
	const exchange = await Exchange.started();
	expect(exchange.referee.run(RUN_ID)?.path).toBe(`referee/tides/${RUN_ID}`);
	await exchange.upsert({ project: 'ebbs', config: JSON.stringify(STARTED) });
	expect(() => exchange.referee.rows(RUN_ID)).toThrow(/2 runs have the id a1b2c3d4; name one of referee\/tides\/a1b2c3d4, referee\/ebbs/);
	expect(exchange.referee.state(`referee/ebbs/${RUN_ID}`)).toBe('running');
	expect(exchange.referee.rows('nobody')).toEqual([]);
	expect(exchange.referee.state('nobody')).toBeUndefined();
});

test('a name with spaces and letters of any kind is found on the path of file_stream', async () => {
	const exchange = new Exchange();
	await exchange.takes(exchange.upsert({ name: 'ein Lauf', project: 'Gezeiten ü', config: JSON.stringify(STARTED) }));
	await exchange.takes(exchange.post(`/files/referee/${encodeURIComponent('Gezeiten ü')}/ein%20Lauf/file_stream`, '{}'));
});

test('over HTTP it answers the same, and pages of any origin may ask', async () => {
	const referee = new Referee({ nowMs: () => 0 });
	const { url, close } = await listen(referee);
	try {
		const asked = await fetch(`${url}/graphql`, {
			method: 'OPTIONS',
			headers: {
				Origin: 'http://page.test',
				'Access-Control-Request-Method': 'POST',
				'Access-Control-Request-Headers': 'authorization,content-type',
			},
		});
		expect(asked.status).toBe(204);
		expect(asked.headers.get('access-control-allow-headers')).toBe('authorization,content-type');
		expect(asked.headers.get('access-control-allow-methods')).toContain('PUT');
		const body = JSON.stringify({ query: UPSERT, variables: { name: RUN_ID, project: 'tides', config: JSON.stringify(STARTED) } });
		const upserted = await fetch(`${url}/graphql`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
		expect(upserted.status).toBe(200);
		expect(upserted.headers.get('access-control-allow-origin')).toBe('*');
		const files = `mutation { createRunFiles(input: { entityName: "referee", projectName: "tides", runName: "${RUN_ID}", files: ["a"] }) { files { uploadUrl } } }`;
		const created = await fetch(`${url}/graphql`, {
			method: 'POST',
			headers: { 'Content-Type': 'application/json' },
			body: JSON.stringify({ query: files }),
		});
		const { data } = (await created.json()) as { data: { createRunFiles: { files: { uploadUrl: string }[] } } };
		const put = await fetch(data.createRunFiles.files[0]?.uploadUrl ?? '', {
			method: 'PUT',
			headers: { 'X-Upload-Policy': 'as-given' },
			body: new Uint8Array([1, 2]),
		});
		expect(put.status).toBe(200);
		expect(referee.files(RUN_ID).get('a')).toEqual(new Uint8Array([1, 2]));
		expect(referee.violations).toEqual([]);
		const refused = await fetch(`${url}/files/referee/tides/${RUN_ID}/file_stream`, { method: 'POST', body: '{}' });
		expect(refused.status).toBe(400);
		expect(referee.violations).toHaveLength(1);
	} finally {
		await close();
	}
});
