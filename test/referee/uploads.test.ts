import { beforeEach, describe, expect, test } from 'vitest';
import { Exchange, RUN_ID } from './exchange.ts';

const CREATE = `mutation CreateRunFiles($entity: String!, $project: String!, $run: String!, $files: [String!]!) {
	createRunFiles(input: { entityName: $entity, projectName: $project, runName: $run, files: $files }) { runID uploadHeaders files { name uploadUrl } }
}`;
const ASKED = { 'X-Upload-Policy': 'as-given' };

let exchange: Exchange;
beforeEach(async () => {
	exchange = await Exchange.started();
});

function create(...files: string[]) {
	return exchange.query(CREATE, { entity: 'referee', project: 'tides', run: RUN_ID, files });
}

async function addressOf(path: string): Promise<string> {
	return (await create(path)).data.createRunFiles.files[0].uploadUrl;
}

function put(url: string, body: BodyInit, headers: Record<string, string> = ASKED): Promise<Response> {
	return exchange.referee.fetch(new Request(url, { method: 'PUT', body, headers }));
}

const bytes = (...values: number[]) => new Uint8Array(values);

test('each file gets an address of its own, in another order than asked', async () => {
	const { data } = await create('media/images/ä b.png', 'empty.txt');
	const { files, uploadHeaders } = data.createRunFiles;
	expect(files.map((file: { name: string }) => file.name)).toEqual(['empty.txt', 'media/images/ä b.png']);
	expect(uploadHeaders).toEqual(['X-Upload-Policy: as-given']);
	await exchange.takes(put(files[0].uploadUrl, bytes()));
	await exchange.takes(put(files[1].uploadUrl, bytes(1, 2)));
	await exchange.takes(put(files[1].uploadUrl, bytes(3)));
	expect([...exchange.referee.files(RUN_ID)]).toEqual([
		['empty.txt', bytes()],
		['media/images/ä b.png', bytes(3)],
	]);
});

test('an empty file counts, and what it is called does not', async () => {
	await exchange.takes(put(await addressOf('..hidden/a..b'), bytes()));
	expect(exchange.referee.files(RUN_ID).get('..hidden/a..b')).toEqual(bytes());
});

test.each([[''], ['/etc/passwd'], ['media/../../x'], ['..\\x']])('the path %j is refused', async (path) => {
	await exchange.refuses(create(path), /leads out of the run/);
});

describe('an upload', () => {
	test.each<[what: string, headers: Record<string, string>, why: RegExp]>([
		['with Authorization', { ...ASKED, Authorization: 'Basic x' }, /carries Authorization/],
		['with a Content-Type', { ...ASKED, 'Content-Type': 'image/png' }, /carries Content-Type image\/png, which was not asked for/],
		['with a header of its own', { ...ASKED, 'X-Mine': '1' }, /carries the header x-mine, which was not asked for/],
		['without what was asked', {}, /the upload header x-upload-policy is missing, not as-given/],
		['with another value', { 'X-Upload-Policy': 'mine' }, /the upload header x-upload-policy is mine, not as-given/],
		['with another length', { ...ASKED, 'Content-Length': '7' }, /an upload of 2 bytes says Content-Length 7/],
	])('%s is refused', async (_what, headers, why) => {
		await exchange.refuses(put(await addressOf('a.png'), bytes(1, 2), headers), why);
		expect(exchange.referee.files(RUN_ID).size).toBe(0);
	});

	test('carries a Content-Type where it was asked for', async () => {
		exchange = await Exchange.started({ uploadHeaders: ['Content-Type: application/octet-stream', 'x-amz-meta: a: b'] });
		const headers = { 'Content-Type': 'application/octet-stream', 'x-amz-meta': 'a: b' };
		await exchange.takes(put(await addressOf('a.png'), bytes(1), headers));
	});

	test('with what HTTP stacks add by themselves is taken', async () => {
		const headers = { 'User-Agent': 'x', Accept: '*/*', 'Accept-Encoding': 'gzip', Origin: 'null', 'Sec-Fetch-Mode': 'cors', 'Content-Length': '1' };
		await exchange.takes(put(await addressOf('a.png'), bytes(1), { ...ASKED, ...headers }));
	});

	test('to an address that nobody gave out is refused', async () => {
		const url = await addressOf('a.png');
		await exchange.refuses(put(url.replace(/\?.*/, ''), bytes(1)), /nobody gave out the address/);
		await exchange.refuses(put('https://referee.test/storage/99/a.png?signature=x', bytes(1)), /nobody gave out the address/);
		expect(exchange.referee.files(RUN_ID).size).toBe(0);
	});

	test('to a run that was deleted is 404', async () => {
		const url = await addressOf('a.png');
		const { data } = await exchange.upsert({});
		await exchange.query('mutation D($id: ID!) { deleteRun(input: { id: $id }) { clientMutationId } }', { id: data.upsertBucket.bucket.id });
		expect((await put(url, bytes(1))).status).toBe(404);
		expect(exchange.referee.violations).toEqual([]);
	});

	test('goes where the storage is said to be', async () => {
		exchange = await Exchange.started({ storageUrl: 'http://storage.test:8080' });
		expect(await addressOf('a.png')).toMatch(/^http:\/\/storage\.test:8080\/storage\/1\/a\.png\?signature=/);
	});
});
