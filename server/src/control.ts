import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';

/** How commands reach the server that runs on a data folder: the port and the secret of this start, readable by its owner alone. */
const CONTROL_FILE = 'control.json';
const MAX_BODY_BYTES = 65_536;

export interface Control {
	close(): void;
}

/**
 * Listens on a port of 127.0.0.1 for commands on the data folder. A door of its own: it is there whatever address the server is bound to, and neither
 * tokens nor pages open it, but only who may read a file of the folder that no other user may.
 */
export async function listenForCommands(dataDir: string, backUp: (folder: string) => Promise<void>): Promise<Control> {
	const file = join(dataDir, CONTROL_FILE);
	const secret = randomBytes(32).toString('hex');
	const server = createServer((request, response) => void answer(request, response, secret, backUp));
	await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
	// What a killed server left may have other rights.
	rmSync(file, { force: true });
	writeFileSync(file, JSON.stringify({ port: (server.address() as { port: number }).port, secret }), { mode: 0o600 });
	return {
		close() {
			rmSync(file, { force: true });
			server.close();
			server.closeAllConnections();
		},
	};
}

/** Has the server that runs on `dataDir` back it up to `folder`, an absolute path. @throws Error in words for whoever asked. */
export async function askForBackup(dataDir: string, folder: string): Promise<void> {
	let response: Response;
	try {
		const { port, secret } = JSON.parse(readFileSync(join(dataDir, CONTROL_FILE), 'utf8')) as { port: number; secret: string };
		response = await fetch(`http://127.0.0.1:${port}/backup`, {
			method: 'POST',
			headers: { 'content-type': 'application/json', authorization: `Bearer ${secret}` },
			body: JSON.stringify({ folder }),
		});
	} catch (error) {
		const reason = error instanceof Error ? ((error.cause as NodeJS.ErrnoException | undefined)?.code ?? error.message) : String(error);
		throw new Error(`The server that uses the data folder did not answer (${reason}). No backup was made; try again, or stop it first: ${dataDir}`);
	}
	const { error } = (await response.json()) as { error?: string };
	if (error !== undefined) throw new Error(error);
}

async function answer(request: IncomingMessage, response: ServerResponse, secret: string, backUp: (folder: string) => Promise<void>): Promise<void> {
	const reply = (status: number, body: object) => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
	try {
		if (!isSame(request.headers.authorization ?? '', `Bearer ${secret}`))
			return reply(403, { error: 'Only commands on the data folder may ask here.' });
		if (request.method !== 'POST' || request.url !== '/backup') return reply(404, { error: 'There is nothing at this address.' });
		const { folder } = JSON.parse(await readText(request)) as { folder?: unknown };
		if (typeof folder !== 'string') return reply(400, { error: 'folder must be text.' });
		await backUp(folder);
		reply(200, {});
	} catch (error) {
		reply(500, { error: error instanceof Error ? error.message : String(error) });
	}
}

/** Takes as long whatever was sent. */
function isSame(sent: string, known: string): boolean {
	const digest = (text: string) => createHash('sha256').update(text).digest();
	return timingSafeEqual(digest(sent), digest(known));
}

async function readText(request: IncomingMessage): Promise<string> {
	const parts: Buffer[] = [];
	let size = 0;
	for await (const part of request as AsyncIterable<Buffer>) {
		size += part.length;
		if (size > MAX_BODY_BYTES) throw new Error('The command is too long.');
		parts.push(part);
	}
	return Buffer.concat(parts).toString();
}
