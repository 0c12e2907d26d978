import { type DocumentNode, execute, GraphQLError, Kind, type OperationDefinitionNode, parse, validate } from 'graphql';
import type { Cloud } from './cloud.ts';
import { answer, type JsonBody } from './http.ts';
import { isObject, type JsonObject } from './json-reader.ts';
import { operations } from './operations.ts';
import { schema } from './schema.ts';
import { NotFound, quote, refuse, Violation } from './violation.ts';

/**
 * Executes one GraphQL request. What the schema does not know (fields, input members, types of variables) is a violation; variables that the
 * document does not declare, explicit nulls and an empty operationName are not: official clients send them.
 */
export async function takeGraphqlRequest(cloud: Cloud, { value: body }: JsonBody, askedUrl: string): Promise<Response> {
	for (const member of Object.keys(body))
		if (!/^(query|variables|operationName)$/.test(member)) refuse(`the unknown member ${JSON.stringify(member)}`);
	const document = readDocument(body.query);
	const operation = readOperation(document, body.operationName);
	try {
		const result = await execute({
			schema,
			document,
			rootValue: operations(cloud, askedUrl),
			variableValues: readVariables(body.variables),
			operationName: operation.name?.value,
		});
		judgeErrors(result.errors ?? []);
		return answer(200, result);
	} catch (error) {
		if (error instanceof Violation) refuse(`${nameOf(operation)}: ${error.message}`);
		throw error;
	}
}

function readDocument(query: unknown): DocumentNode {
	if (typeof query !== 'string') refuse('query is no text');
	try {
		const document = parse(query);
		const [error] = validate(schema, document);
		if (error) throw error;
		return document;
	} catch (error) {
		if (error instanceof GraphQLError) refuse(`the document does not validate: ${quote(error.message.replace(/\s+/g, ' '))}`);
		throw error;
	}
}

function readOperation(document: DocumentNode, name: unknown): OperationDefinitionNode {
	if (name !== undefined && name !== null && typeof name !== 'string') refuse('operationName is no text');
	const all = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
	const chosen = name ? all.filter((operation) => operation.name?.value === name) : all;
	const [operation] = chosen;
	if (chosen.length !== 1 || !operation) refuse(`operationName ${JSON.stringify(name)} names ${chosen.length} of ${all.length} operations`);
	// Each of W&B's documents has one; with more of them, one could be applied when another is refused.
	if (operation.operation === 'mutation' && operation.selectionSet.selections.length > 1) refuse('more than one mutation in one request');
	return operation;
}

function readVariables(variables: JsonObject[string] | undefined): JsonObject | undefined {
	if (variables === undefined || variables === null) return undefined;
	return isObject(variables) ? variables : refuse('variables is no object');
}

/** A run that is not there is an answer, not a violation; everything else that went wrong is. */
function judgeErrors(errors: readonly GraphQLError[]): void {
	for (const { originalError, message } of errors) {
		if (originalError instanceof NotFound) continue;
		if (originalError && !(originalError instanceof Violation) && !(originalError instanceof GraphQLError)) throw originalError;
		refuse(message);
	}
}

function nameOf(operation: OperationDefinitionNode): string {
	const [first] = operation.selectionSet.selections;
	return operation.name?.value ?? (first?.kind === Kind.FIELD ? first.name.value : 'anonymous');
}
