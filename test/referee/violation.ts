/** What W&B would not take. The request that raised it is answered with 400, and nothing of it is applied. */
export class Violation extends Error {}

/** Something that is not there (any more). Clients may meet this without a fault of theirs, so it is no violation. */
export class NotFound extends Error {}

export function refuse(message: string): never {
	throw new Violation(message);
}

/** A text as it is quoted in a message: not more of it than a person wants to read. */
export function quote(text: string): string {
	return text.length > 160 ? `${text.slice(0, 120)}… (${text.length} characters)` : text;
}
