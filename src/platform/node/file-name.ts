import { createHash } from 'node:crypto';

/** Names that Windows keeps for devices, with any ending. */
const DEVICES = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/;
const MAX_LENGTH = 180;

/**
 * The name under which an id lies in a folder, on every file system: ids made by Tidelog stay as they are; of others, what some system
 * would refuse is written as %XX, and which letters are capitals is said at the end, since half of all systems do not tell `A` from `a`.
 * Law: two ids have the same name, even with all letters made small, only when they are the same.
 */
export function fileName(id: string): string {
	const small = id.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
	let name = small.replace(/[^a-z0-9_.-]/gu, (character) => Buffer.from(character).toString('hex').replace(/../g, '%$&'));
	name = name.replace(/^\.|\.$/g, '%2e').replace(DEVICES, (device) => `%${device.charCodeAt(0).toString(16)}${device.slice(1)}`);
	if (small !== id) {
		let capitals = 0n;
		for (let i = 0; i < id.length; i++) if (id[i] !== small[i]) capitals |= 1n << BigInt(i);
		name += `~${capitals.toString(16)}`;
	}
	if (name.length <= MAX_LENGTH && name !== '' && id.isWellFormed()) return name;
	return `${name.slice(0, MAX_LENGTH - 40)}~-${createHash('sha256').update(Buffer.from(id, 'utf16le')).digest('hex').slice(0, 32)}`;
}
