/** A tensor of TensorFlow.js (4.22), by what it can do: the library itself is not imported. */
export interface TensorLike {
	readonly shape: readonly number[];
	readonly dtype: string;
	data(): Promise<ArrayLike<number>>;
	clone(): TensorLike;
	dispose(): void;
}

export function isTensor(value: object): value is TensorLike {
	const { shape, dtype, data, clone } = value as Partial<TensorLike>;
	return Array.isArray(shape) && typeof dtype === 'string' && typeof data === 'function' && typeof clone === 'function';
}

/** The numbers as they are now. Reads a clone, which is freed after: the caller may dispose of the tensor on the next line. */
export async function readTensor(tensor: TensorLike): Promise<ArrayLike<number>> {
	const clone = tensor.clone();
	try {
		return await clone.data();
	} finally {
		// One made inside tf.tidy() is gone already.
		if (!(clone as { isDisposed?: boolean }).isDisposed) clone.dispose();
	}
}
