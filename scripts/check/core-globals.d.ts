// What src/core may use beside the language itself: each is in every runtime that we name (browsers, Node, Deno, Bun, edge functions).
// Only the members that core needs, so that what it begins to use is looked at once. src/core/tsconfig.json includes this file.

declare class TextEncoder {
	encode(text?: string): Uint8Array<ArrayBuffer>;
}

declare class TextDecoder {
	constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
	decode(bytes?: ArrayBuffer | ArrayBufferView): string;
}

interface AbortSignal {
	readonly aborted: boolean;
}
