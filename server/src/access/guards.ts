import { DEFAULT_ENTITY } from '../../../src/core/protocol.ts';
import { RequestError } from '../request-error.ts';
import type { MetaStore, RunRow } from '../store/meta-store.ts';
import type { Access } from './access.ts';
import { hashRunKey, isSameHash } from './secrets.ts';

/*
 * How a new route uses these: whatever lies under /api/ and every GET by a page is for readers already (routes/api.ts, safety.ts). A route that
 * shows data elsewhere begins with `requireRead(c.get('access'))`; one that changes a run finds the run and calls `requireRun(access, meta, run)`, or
 * `requireNewRun(access, entity, project)` where it makes one; one that deletes, stops or configures calls `requireManage(access)`. In resolvers
 * `access` is in the context, and a field that a page may ask for is named in graphql/write-fields.ts; all others are refused to it.
 */

const NO_RIGHT = 'The page or token that this request comes from may not do this.';
const NO_TOKEN = 'This server wants a token: send it as "Authorization: Basic base64(api:TOKEN)".';

/** @throws RequestError 401 where no token came and one might help, else 403. */
export function refuse(access: Access, message = NO_RIGHT): never {
	const isUnknown = !access.token && access.mayWrite === 'none';
	throw isUnknown ? new RequestError(401, NO_TOKEN) : new RequestError(403, message);
}

export function requireRead(access: Access): void {
	if (!access.mayRead) refuse(access);
}

export function requireManage(access: Access): void {
	if (!access.mayManage) refuse(access);
}

/**
 * Whether a request may touch a run that exists. Who may write only their own runs proves that it is theirs by its key: tokens of pages, and
 * loopback pages themselves, are everybody's, and must not open other people's runs.
 */
export function requireRun(access: Access, meta: MetaStore, run: RunRow): void {
	if (access.mayWrite === 'none') refuse(access);
	if (access.mayWrite === 'any') return;
	requireProject(access, run.project.entity, run.project.name);
	const hash = meta.runKeyHash(run);
	if (hash && access.runKey !== undefined && isSameHash(hash, hashRunKey(access.runKey))) return;
	refuse(access, `Run ${run.name} was not begun by this page: it can go on only where its key is. Log to another run id, or with an API key.`);
}

/** Whether a request may make a run. */
export function requireNewRun(access: Access, entity: string, project: string): void {
	if (access.mayWrite === 'none') refuse(access);
	if (access.mayWrite === 'any') return;
	requireProject(access, entity, project);
	if (access.runKey === undefined)
		refuse(access, 'A page makes a run with a key of its own (header tidelog-run-key, 32 characters of 0-9 a-z); none came.');
}

function requireProject({ token }: Access, entity: string, project: string): void {
	if (token?.project === undefined || (entity === DEFAULT_ENTITY && project === token.project)) return;
	throw new RequestError(403, `This ingest token is for project "${token.project}" only.`);
}
