/**
 * JSON has no NaN, no infinities and no exact large integers. On the way from the server to a dashboard they travel as
 * `{"_type": "number", "value": "NaN" | "Infinity" | "-Infinity" | digits}`.
 */
const SPECIAL = 'number';

/** A copy that JSON.stringify carries without loss. */
export function toWire(value: unknown): unknown {
	if (typeof value === 'bigint') return { _type: SPECIAL, value: value.toString() };
	if (typeof value === 'number') return Number.isFinite(value) ? value : { _type: SPECIAL, value: String(value) };
	if (Array.isArray(value)) return value.map(toWire);
	if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, toWire(member)]));
	return value;
}

/** The inverse of {@link toWire}. */
export function fromWire(value: unknown): unknown {
	if (Array.isArray(value)) return value.map(fromWire);
	if (typeof value !== 'object' || value === null) return value;
	const { _type, value: text } = value as { _type?: unknown; value?: unknown };
	if (_type === SPECIAL && typeof text === 'string') return /^-?\d+$/.test(text) ? BigInt(text) : Number(text);
	return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, fromWire(member)]));
}
