/**
 * Columns of doubles as bytes: a number for each column, then the columns. 0 = as they are, 8 bytes a value; 1 = first value and stride, since
 * steps and line numbers nearly always count up evenly. Little-endian, as every machine that Node 24 runs on.
 */
export function packColumns(columns: readonly (readonly number[] | Float64Array)[]): Uint8Array {
	const count = columns[0]?.length ?? 0;
	const isEven = columns.map(countsUpEvenly);
	const size = isEven.reduce((sum, even) => sum + 1 + (even ? 2 : count), 0);
	const numbers = new Float64Array(size);
	let at = columns.length;
	for (const [i, column] of columns.entries()) {
		if (isEven[i]) {
			numbers[i] = 1;
			numbers[at++] = column[0] as number;
			numbers[at++] = count > 1 ? (column[1] as number) - (column[0] as number) : 0;
		} else {
			numbers.set(column, at);
			at += count;
		}
	}
	return new Uint8Array(numbers.buffer);
}

export function unpackColumns(bytes: Uint8Array, columns: number, count: number): Float64Array[] {
	const aligned = bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
	const numbers = new Float64Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 8);
	let at = columns;
	return Array.from({ length: columns }, (_, i) => {
		if (numbers[i] === 0) {
			at += count;
			return numbers.subarray(at - count, at);
		}
		const first = numbers[at++] as number;
		const stride = numbers[at++] as number;
		return Float64Array.from({ length: count }, (_value, k) => first + k * stride);
	});
}

function countsUpEvenly(column: readonly number[] | Float64Array): boolean {
	const first = column[0] as number;
	const stride = column.length > 1 ? (column[1] as number) - first : 0;
	for (let i = 0; i < column.length; i++) if (!Object.is(first + i * stride, column[i])) return false;
	return column.length > 0;
}
