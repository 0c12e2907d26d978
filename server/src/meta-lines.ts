import { type LineObject, type LineValue, parseLine, writeLine } from '../../src/core/json-line.ts';
import { TIMESTAMP } from '../../src/core/keys.ts';
import type { Edit, MetaRecord, PlacedEdit, RunInfoChange } from '../../src/core/meta.ts';
import { addDefinition, decodeDefinitions, encodeDefinitions, type MetricDefinition } from '../../src/core/metrics.ts';
import { isLater, type RecordPlace } from '../../src/core/place.ts';
import { addAlert } from './alerts.ts';
import { editConfig, wandbValue, withWandbValue } from './config-edits.ts';
import type { MetaStore, RunFields, RunRow } from './store/meta-store.ts';

/** The last moment that a Date can be. */
const MAX_TIME_MS = 8.64e15;

export interface MetaLine {
	place: RecordPlace;
	line: LineObject;
}

/**
 * Applies new meta lines (src/core/meta.ts) to what is known of their run. What a line says is kept with its place, so the order in which the
 * lines of several writers arrive does not matter. A member that is not as it should be is left out: to refuse the line would stop its writer for ever.
 *
 * @returns whether the run was opened again.
 */
export function applyMetaLines(meta: MetaStore, run: RunRow, lines: readonly MetaLine[], nowMs: number): { isResumed: boolean } {
	const configEdits: PlacedEdit[] = [];
	let hasMetrics = false;
	let isResumed = false;
	for (const { place, line } of lines) {
		const record = line as Partial<Record<keyof MetaRecord, LineValue>>;
		configEdits.push(...placed(record.config, place));
		for (const edit of placed(record.summary, place)) keepEdit(meta, run, 'summary', edit);
		if (isObject(record.metric) && typeof record.metric.name === 'string') {
			keepEdit(meta, run, 'metric', { ...place, edit: [[record.metric.name, place.writer, String(place.n)], record.metric] });
			hasMetrics = true;
		}
		if (isObject(record.info)) applyInfo(meta, run, record.info, place);
		if (isObject(record.alert)) {
			const saidS = line[TIMESTAMP];
			const saidMs = typeof saidS === 'number' ? Math.round(1000 * saidS) : Number.NaN;
			// Records may have waited for days: an alert's moment is when it was raised.
			addAlert(meta, run, record.alert, Math.abs(saidMs) <= MAX_TIME_MS ? saidMs : nowMs);
		}
		if (record.resumed === true) isResumed = true;
	}
	if (configEdits.length > 0 || hasMetrics) applyConfig(meta, run, configEdits, hasMetrics);
	return { isResumed };
}

/** Edits of one record stand in their order: a whole object may be set and then a part of it. */
function placed(value: LineValue | undefined, place: RecordPlace): PlacedEdit[] {
	return toEdits(value).map((edit, i) => ({ ...place, n: place.n + i / 2 ** 20, edit }));
}

function applyConfig(meta: MetaStore, run: RunRow, edits: readonly PlacedEdit[], hasMetrics: boolean): void {
	const { config: edited, kept } = editConfig(parseLine(run.config) as LineObject, meta.edits(run, 'config'), edits);
	for (const edit of kept) meta.putEdit(run, 'config', edit);
	const config = hasMetrics ? withWandbValue(edited, 'm', encodeDefinitions(definitions(meta, run, edited))) : edited;
	meta.update(run, { config: writeLine(config) });
}

/** Those that other tools have put into the config, then ours, each laid over the earlier ones of its name. */
function definitions(meta: MetaStore, run: RunRow, config: LineObject): MetricDefinition[] {
	const said = meta.edits(run, 'metric').sort((a, b) => (isLater(a, b) ? 1 : -1));
	const ours = said.reduce<MetricDefinition[]>((known, { edit }) => addDefinition(known, edit[1] as unknown as MetricDefinition), []);
	const names = new Set(ours.map(({ name }) => name));
	return [...decodeDefinitions(wandbValue(config).m).filter(({ name }) => !names.has(name)), ...ours];
}

function applyInfo(meta: MetaStore, run: RunRow, info: LineObject, place: RecordPlace): void {
	const change = info as unknown as RunInfoChange;
	const fields: RunFields = {};
	const isText = (value: unknown) => typeof value === 'string' || value === null;
	if (typeof change.name === 'string') fields.displayName = change.name;
	if (isText(change.notes)) fields.notes = change.notes ?? '';
	if (Array.isArray(change.tags) && change.tags.every((tag) => typeof tag === 'string')) fields.tags = change.tags;
	if (isText(change.group)) fields.group = change.group as string | null;
	if (isText(change.jobType)) fields.jobType = change.jobType as string | null;
	for (const [field, value] of Object.entries(fields) as [keyof RunFields, LineValue][]) {
		if (keepEdit(meta, run, 'info', { ...place, edit: [[field], value] })) meta.update(run, { [field]: value });
	}
}

/** Keeps the edit unless a later one of its path is known. */
function keepEdit(meta: MetaStore, run: RunRow, kind: 'summary' | 'info' | 'metric', edit: PlacedEdit): boolean {
	const known = meta.edit(run, kind, edit.edit[0]);
	if (known && !isLater(edit, known)) return false;
	meta.putEdit(run, kind, edit);
	return true;
}

function toEdits(value: LineValue | undefined): Edit[] {
	if (!Array.isArray(value)) return [];
	return value.filter((edit): edit is LineValue[] & Edit => {
		if (!Array.isArray(edit) || edit.length < 1 || edit.length > 2) return false;
		return Array.isArray(edit[0]) && edit[0].every((key) => typeof key === 'string');
	});
}

function isObject(value: LineValue | undefined): value is LineObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}
