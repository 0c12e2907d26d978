import { buildSchema, execute, GraphQLError, isScalarType, Kind, parse, specifiedRules, validate } from 'graphql';
import { Hono } from 'hono';
import type { Env } from '../access/access.ts';
import { refuse } from '../access/guards.ts';
import { limitErrors, MAX_TOKENS } from '../graphql/limits.ts';
import type { GraphqlContext } from '../graphql/nodes.ts';
import { roots } from '../graphql/resolvers.ts';
import { SDL } from '../graphql/schema.ts';
import { ARTIFACTS_SDL } from '../graphql/schema-artifacts.ts';
import { READS_SDL } from '../graphql/schema-reads.ts';
import { readingErrors } from '../graphql/write-fields.ts';
import { readJson } from '../read-body.ts';
import { RequestError, refusal } from '../request-error.ts';
import type { Tracker } from '../tracker.ts';

export const WHOLE_SDL = [SDL, READS_SDL, ARTIFACTS_SDL].join('\n');
const schema = buildSchema(WHOLE_SDL);
// buildSchema lets any value through for a scalar of the schema's own.
const jsonString = schema.getType('JSONString');
if (isScalarType(jsonString)) {
	const toText = (value: unknown) => {
		if (typeof value === 'string') return value;
		throw new GraphQLError('A JSONString must be text.');
	};
	jsonString.coerceInputValue = toText;
	jsonString.coerceInputLiteral = (node) => toText(node.kind === Kind.STRING ? node.value : undefined);
}

interface GraphqlRequest {
	query?: unknown;
	variables?: Record<string, unknown> | null;
	operationName?: string | null;
}

export function graphqlRoute(tracker: Tracker): Hono<Env> {
	return new Hono<Env>().post('/graphql', async (c) => {
		const access = c.get('access');
		if (!access.mayRead && access.mayWrite === 'none') refuse(access);
		const body = (await readJson(c)) as GraphqlRequest;
		if (typeof body.query !== 'string') return c.json({ errors: [{ message: 'The body must be JSON with a text "query".' }] }, 400);
		const told = (errors: readonly GraphQLError[]) => errors.map(({ message, path }) => ({ message, path }));
		let document: ReturnType<typeof parse>;
		try {
			document = parse(body.query, { maxTokens: MAX_TOKENS });
		} catch (error) {
			if (error instanceof GraphQLError) return c.json({ errors: told([error]) });
			throw error;
		}
		const mistakes = validate(schema, document, specifiedRules);
		if (mistakes.length > 0) return c.json({ errors: told(mistakes) });
		const tooMuch = limitErrors(document);
		if (tooMuch.length > 0) return c.json({ errors: told(tooMuch) }, 400);
		const isChange = document.definitions.some((definition) => 'operation' in definition && definition.operation === 'mutation');
		if (isChange && access.mayWrite === 'none') refuse(access, 'This token may only read; nothing was changed.');
		const hidden = access.mayRead ? [] : readingErrors(schema, document);
		if (hidden.length > 0) return c.json({ errors: told(hidden), error: hidden[0]?.message }, 403);
		const context: GraphqlContext = { tracker, origin: new URL(c.req.url).origin, access };
		const result = await execute({
			schema,
			document,
			rootValue: roots,
			contextValue: context,
			variableValues: body.variables ?? {},
			// W&B's client sends "" for "the only operation there is".
			operationName: body.operationName || null,
		});
		// Clients decide by the status: a mistake of theirs must not look like a passing problem, which they would retry for 90 s.
		const cause = result.errors?.map((error) => error.originalError).find((error) => error instanceof RequestError);
		const unexpected = result.errors?.find(({ originalError: from }) => from && !(from instanceof RequestError || from instanceof GraphQLError));
		if (unexpected?.originalError) throw unexpected.originalError;
		const answer = { data: result.data, ...(result.errors ? { errors: told(result.errors) } : {}) };
		if (cause) return c.json({ ...refusal(cause, tracker.database.serverId), ...answer }, cause.status);
		// Nothing was begun: the variables are not those that the document declares.
		return c.json(answer, result.data === undefined ? 400 : 200);
	});
}
