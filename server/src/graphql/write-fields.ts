import { buildSchema, type DocumentNode, GraphQLError, type GraphQLSchema, isObjectType, TypeInfo, visit, visitWithTypeInfo } from 'graphql';
import { SDL } from './schema.ts';

const WRITING = buildSchema(SDL);

/** What somebody may ask for who may write runs and see nothing else; `true`: all fields of the type. Of runs, only their own are answered (nodes.ts). */
const FIELDS: Record<string, true | readonly string[]> = {
	Query: ['serverInfo', 'model', 'project'],
	Mutation: ['upsertBucket', 'createRunFiles', 'rewindRun', 'notifyScriptableRunAlert'],
	ServerInfo: true,
	LocalVersionInfo: true,
	ServerFeature: true,
	Project: ['id', 'name', 'entityName', 'entity', 'bucket', 'run'],
	Entity: ['id', 'name'],
	Run: true,
	TidelogRun: true,
	UpsertBucketPayload: true,
	CreateRunFilesPayload: true,
	File: true,
	RewindRunPayload: true,
	SuccessPayload: true,
};

/** What of a document is not among those fields. Fragments are looked at too, used or not. */
export function readingErrors(schema: GraphQLSchema, document: DocumentNode): GraphQLError[] {
	const errors: GraphQLError[] = [];
	const types = new TypeInfo(schema);
	visit(
		document,
		visitWithTypeInfo(types, {
			Field(node) {
				const type = types.getParentType()?.name;
				const allowed = type === undefined ? undefined : FIELDS[type];
				const field = node.name.value;
				if (field === '__typename' || (allowed === true ? isWritten(type as string, field) : allowed?.includes(field))) return;
				errors.push(new GraphQLError(`Pages and tokens that may only write runs cannot ask for ${type}.${field}.`, { nodes: node }));
			},
		}),
	);
	return errors;
}

/** Of a type that is allowed as a whole: the fields that are there for writing, not those that are there for reading (schema-reads.ts). */
function isWritten(type: string, field: string): boolean {
	const known = WRITING.getType(type);
	return isObjectType(known) && field in known.getFields();
}
