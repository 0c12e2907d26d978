import { buildSchema, graphql } from 'graphql';
import { Hono } from 'hono';
import type { GraphqlContext } from '../graphql/nodes.ts';
import { roots } from '../graphql/resolvers.ts';
import { SDL } from '../graphql/schema.ts';
import { ARTIFACTS_SDL } from '../graphql/schema-artifacts.ts';
import { READS_SDL } from '../graphql/schema-reads.ts';
import { RequestError, refusal } from '../request-error.ts';
import type { Tracker } from '../tracker.ts';

const schema = buildSchema([SDL, READS_SDL, ARTIFACTS_SDL].join('\n'));

interface GraphqlRequest {
	query?: unknown;
	variables?: Record<string, unknown> | null;
	operationName?: string | null;
}

export function graphqlRoute(tracker: Tracker): Hono {
	return new Hono().post('/graphql', async (c) => {
		const body = (await c.req.json().catch(() => undefined)) as GraphqlRequest | undefined;
		if (typeof body?.query !== 'string') return c.json({ errors: [{ message: 'The body must be JSON with a text "query".' }] }, 400);
		const context: GraphqlContext = { tracker, origin: new URL(c.req.url).origin };
		const result = await graphql({
			schema,
			source: body.query,
			rootValue: roots,
			contextValue: context,
			variableValues: body.variables ?? {},
			// W&B's client sends "" for "the only operation there is".
			operationName: body.operationName || null,
		});
		// Clients decide by the status: a mistake of theirs must not look like a passing problem, which they would retry for 90 s.
		const cause = result.errors?.map((error) => error.originalError).find((error) => error instanceof RequestError);
		const unexpected = result.errors?.find((error) => error.originalError && !(error.originalError instanceof RequestError));
		if (unexpected) {
			console.error(unexpected.originalError);
			return c.json({ errors: [{ message: 'The server failed at this; its log says why. Nothing was changed.' }] }, 500);
		}
		const errors = result.errors?.map(({ message, path }) => ({ message, path }));
		const answer = { data: result.data, ...(errors ? { errors } : {}) };
		return cause ? c.json({ ...refusal(cause, tracker.database.serverId), ...answer }, cause.status) : c.json(answer);
	});
}
