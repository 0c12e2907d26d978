/**
 * What call number `i` of every program here logs: numbers that a rounded or shifted record would show, and now and then other keys and text.
 *
 * @param {number} i @returns {Record<string, number | string>}
 */
export function valuesOf(i) {
	return { i, third: i / 3, ...(i % 7 === 0 ? { label: `call ${i}` } : {}), ...(i % 11 === 0 ? { 'deep/key': -i } : {}) };
}
