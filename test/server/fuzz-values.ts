import fc from 'fast-check';
import {
	buildSchema,
	type GraphQLInputType,
	type GraphQLOutputType,
	type GraphQLSchema,
	getNamedType,
	isCompositeType,
	isEnumType,
	isInputObjectType,
	isListType,
	isNonNullType,
	isObjectType,
} from 'graphql';

/** Text that has broken programs, and text that means something here. */
export const nastyString = fc.oneof(
	{
		weight: 3,
		arbitrary: fc.constantFrom(
			'',
			'p',
			'r',
			'other',
			'local',
			'loss',
			'a.b',
			'1',
			'2',
			'_step',
			'__proto__',
			'constructor',
			'toString',
			'hasOwnProperty',
			'../x',
			'/etc/passwd',
			'a\0b',
			'\ud800',
			'💥',
			' ',
			'\n',
			'*',
			'(a+)+$',
			'[',
			'\\',
			"'; DROP TABLE runs; --",
			'%',
			'x'.repeat(5_000),
			'{',
			'{}',
			'[]',
			'null',
			'5',
			'{"a":1}',
			'{"a":{"value":1}}',
			'{"_wandb":5}',
			'{"_wandb":{"value":5}}',
			'{"_wandb":{"value":{"m":5}}}',
			'{"_wandb":{"value":{"m":[[5],{"1":3}],"e":null}}}',
			'{"_wandb":{"value":{"branch_point":{"run_id":"r","step":0}}}}',
			'{"_wandb":{"value":{"branch_point":{"run_id":"r","step":-1e99}}}}',
			'{"_wandb":{"value":{"branch_point":7}}}',
			'{"a":NaN}',
			'{"__proto__":{"x":1}}',
			'9223372036854775808',
			'-1',
			'1e400',
			'NaN',
		),
	},
	{ weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
);

export const word = fc.oneof(
	fc.constantFrom('key', 'stream', 'project', 'filter', 'sort', 'order', 'limit', 'first', 'after', 'format', 'x', 'keys', 'run', 'step', 'page'),
	fc.string({ maxLength: 5 }),
);

const number = fc.oneof(fc.constantFrom(0, 1, -1, 0.5, 100, 2 ** 31, -(2 ** 31), 2 ** 53, 2 ** 63, 1e308, -1e308, 5e-324, 1e18), fc.double());
const anyJson = fc.oneof(fc.jsonValue({ maxDepth: 3 }), nastyString, number, fc.constant(null));

/** Mostly `arbitrary`, sometimes anything else. */
const mostly = (arbitrary: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => fc.oneof({ weight: 7, arbitrary }, { weight: 1, arbitrary: anyJson });

const historyLine = fc.oneof(
	fc
		.record({ loss: mostly(number), _step: mostly(number), _timestamp: mostly(number), _runtime: mostly(number), a: anyJson }, { requiredKeys: [] })
		.map((row) => JSON.stringify(row)),
	nastyString,
);
/** Records of our SDK about a run as a whole, nearly: src/core/meta.ts. */
const metaLine = fc.oneof(
	fc
		.dictionary(
			fc.constantFrom('config', 'summary', 'info', 'metric', 'alert', 'end', 'name', 'tags', 'notes', 'file', '_timestamp', '_runtime', 'x'),
			anyJson,
			{ maxKeys: 4 },
		)
		.map((record) => JSON.stringify(record)),
	fc
		.array(fc.tuple(fc.array(nastyString, { maxLength: 3 }), anyJson), { maxLength: 3 })
		.map((config) => JSON.stringify({ config, summary: config, _timestamp: 1, _runtime: 0 })),
	nastyString,
);
const linesOf = (line: fc.Arbitrary<string>) =>
	mostly(fc.record({ offset: mostly(fc.nat(5)), content: mostly(fc.array(mostly(line), { maxLength: 4 })) }));
const fileStream = fc.record(
	{
		files: mostly(
			fc.record(
				{
					'wandb-history.jsonl': linesOf(historyLine),
					'wandb-events.jsonl': linesOf(historyLine),
					'wandb-summary.json': linesOf(nastyString),
					'output.log': linesOf(nastyString),
					'tidelog-meta.jsonl': linesOf(metaLine),
					__proto__: linesOf(nastyString),
				},
				{ requiredKeys: [], noNullPrototype: false },
			),
		),
		tidelog: mostly(
			fc.record({
				v: mostly(fc.constant(1)),
				writer: mostly(fc.constantFrom('a000000000000001', 'b000000000000002')),
				startedMs: mostly(fc.nat()),
				upTo: mostly(fc.nat(9)),
				gen: mostly(fc.constantFrom(0, 1)),
			}),
		),
		complete: mostly(fc.boolean()),
		exitcode: mostly(number),
		uploaded: mostly(fc.array(nastyString, { maxLength: 2 })),
		dropped: anyJson,
	},
	{ requiredKeys: [] },
);
const names = mostly(fc.array(mostly(nastyString), { maxLength: 4 }));
/** What the reading routes take, all members together: each route finds its own. */
const reading = fc.record(
	{
		project: mostly(fc.constant('p')),
		runIds: names,
		keys: names,
		x: mostly(fc.constantFrom('step', 'runtime', 'time', 'loss', { key: 'loss' })),
		points: mostly(number),
		buckets: mostly(number),
		width: mostly(number),
		from: mostly(number),
		to: mostly(number),
		range: mostly(fc.tuple(number, number)),
		filter: anyJson,
		sort: anyJson,
		order: anyJson,
		group: names,
		columns: names,
		search: nastyString,
		limit: mostly(number),
		offset: mostly(number),
	},
	{ requiredKeys: [] },
);
export const jsonOf: fc.Arbitrary<unknown> = fc.oneof(
	{ weight: 4, arbitrary: fileStream },
	{ weight: 4, arbitrary: reading },
	{ weight: 1, arbitrary: anyJson },
);

const schemas = new Map<string, GraphQLSchema>();
function schemaOf(sdl: string): GraphQLSchema {
	const schema = schemas.get(sdl) ?? buildSchema(sdl);
	schemas.set(sdl, schema);
	return schema;
}

export function rootFields(sdl: string): ['query' | 'mutation', string][] {
	const schema = schemaOf(sdl);
	return [
		...Object.keys(schema.getQueryType()?.getFields() ?? {}).map((field): ['query', string] => ['query', field]),
		...Object.keys(schema.getMutationType()?.getFields() ?? {}).map((field): ['mutation', string] => ['mutation', field]),
	];
}

/** A document that asks for all fields of a root field down to a few levels, and variables that nearly fit. */
export function documentOf(
	sdl: string,
	operation: 'query' | 'mutation',
	field: string,
): fc.Arbitrary<{ query: string; variables: Record<string, unknown> }> {
	const schema = schemaOf(sdl);
	const root = (operation === 'query' ? schema.getQueryType() : schema.getMutationType())?.getFields()[field];
	if (!root) throw new Error(`The schema has no ${operation} ${field}.`);
	const values: Record<string, fc.Arbitrary<unknown>> = {};
	const declared: string[] = [];
	const args = (list: readonly { name: string; type: GraphQLInputType }[]) => {
		if (list.length === 0) return '';
		const given = list.map(({ name, type }) => {
			const variable = `v${declared.length}`;
			declared.push(`$${variable}: ${String(type)}`);
			values[variable] = inputOf(type);
			return `${name}: $${variable}`;
		});
		return `(${given.join(', ')})`;
	};
	const select = (type: GraphQLOutputType, levels: number): string => {
		const named = getNamedType(type);
		if (!isCompositeType(named)) return '';
		if (!isObjectType(named)) return ' { __typename }';
		const parts = Object.values(named.getFields()).flatMap((child) => {
			if (isCompositeType(getNamedType(child.type)) && levels === 0) return [];
			return [`${child.name}${args(child.args)}${select(child.type, levels - 1)}`];
		});
		return ` { __typename ${parts.join(' ')} }`;
	};
	const selected = `${field}${args(root.args)}${select(root.type, 3)}`;
	const query = `${operation}${declared.length > 0 ? ` (${declared.join(', ')})` : ''} { ${selected} }`;
	return fc.record(values, { requiredKeys: [] }).map((variables) => ({ query, variables: variables as Record<string, unknown> }));
}

/** Now and then something that the type refuses; else a value of it. */
function inputOf(type: GraphQLInputType): fc.Arbitrary<unknown> {
	if (isNonNullType(type)) return inputOf(type.ofType);
	const rarely = (arbitrary: fc.Arbitrary<unknown>) =>
		fc.oneof({ weight: 30, arbitrary }, { weight: 1, arbitrary: anyJson }, { weight: 3, arbitrary: fc.constant(null) });
	if (isListType(type)) return rarely(fc.array(inputOf(type.ofType), { maxLength: 3 }));
	if (isEnumType(type)) return rarely(fc.constantFrom(...type.getValues().map(({ name }) => name)));
	if (isInputObjectType(type)) {
		const members = Object.values(type.getFields());
		return rarely(
			fc.record(Object.fromEntries(members.map((member) => [member.name, inputOf(member.type)])), {
				requiredKeys: members.filter((member) => isNonNullType(member.type)).map(({ name }) => name),
			}),
		);
	}
	if (type.name === 'Int') return rarely(fc.oneof(fc.constantFrom(0, 1, 5, 2 ** 31 - 1, -1), fc.integer()));
	if (type.name === 'Float') return rarely(number);
	if (type.name === 'Boolean') return rarely(fc.boolean());
	return fc.oneof({ weight: 8, arbitrary: nastyString }, { weight: 1, arbitrary: anyJson });
}
