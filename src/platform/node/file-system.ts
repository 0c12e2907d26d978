import {
	closeSync,
	fstatSync,
	fsyncSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	readSync,
	renameSync,
	statSync,
	truncateSync,
	unlinkSync,
	utimesSync,
	writeSync,
} from 'node:fs';
import { threadId } from 'node:worker_threads';

/** What the file store asks of the disk, so that tests can put one in its place that fails. */
export const fileSystem = {
	closeSync,
	fstatSync,
	fsyncSync,
	truncateSync,
	mkdirSync,
	openSync,
	readdirSync,
	readFileSync,
	readSync,
	renameSync,
	statSync,
	unlinkSync,
	utimesSync,
	writeSync,
};
export type FileSystem = typeof fileSystem;

/** A failure of the disk, told with the file that it concerns. */
export function diskError(path: string, error: unknown): Error {
	const { code, message } = error as NodeJS.ErrnoException;
	const why: Record<string, string> = {
		ENOSPC: ' (the disk is full)',
		EDQUOT: " (the user's share of the disk is used up)",
		EMFILE: ' (this process has too many files open)',
		ENFILE: ' (the machine has too many files open)',
		EACCES: ' (no right to write here)',
		EPERM: ' (no right to write here)',
		EROFS: ' (the disk is read-only)',
	};
	return Object.assign(new Error(`${path}: ${message}${why[code ?? ''] ?? ''}; nothing of this write is kept.`, { cause: error }), { code });
}

/**
 * Writes a file in one step: others see the old one or the new one, whole. `isStrict` waits until it is on the disk.
 * A file of this name that a crash left half-written is written over by the next try.
 */
export function replaceFile(fs: FileSystem, path: string, bytes: Uint8Array, isStrict: boolean): void {
	const temporary = `${path}.${process.pid}-${threadId}.tmp`;
	try {
		const file = fs.openSync(temporary, 'w');
		try {
			writeAll(fs, file, bytes);
			if (isStrict) fs.fsyncSync(file);
		} finally {
			fs.closeSync(file);
		}
		fs.renameSync(temporary, path);
	} catch (error) {
		remove(fs, temporary);
		throw diskError(path, error);
	}
}

/** A write may take a part only, e.g. when the disk is nearly full; the rest then says why. */
export function writeAll(fs: FileSystem, file: number, bytes: Uint8Array): void {
	for (let at = 0; at < bytes.length; ) at += fs.writeSync(file, bytes, at);
}

/** Makes names of a folder last: a new or renamed file is in it for good only then. */
export function syncFolder(fs: FileSystem, path: string): void {
	// Windows opens no folders, and needs no such thing.
	if (process.platform === 'win32') return;
	const folder = fs.openSync(path, 'r');
	try {
		fs.fsyncSync(folder);
	} finally {
		fs.closeSync(folder);
	}
}

/** Contents of a file, or undefined when there is none. */
export function readIfThere(fs: FileSystem, path: string): Buffer<ArrayBuffer> | undefined {
	return ifThere(() => fs.readFileSync(path));
}

/** Names in a folder; none when there is no folder. */
export function namesIn(fs: FileSystem, path: string): string[] {
	return ifThere(() => fs.readdirSync(path)) ?? [];
}

/** Removes a file; one that is not there is as good as removed. */
export function remove(fs: FileSystem, path: string): void {
	ifThere(() => fs.unlinkSync(path));
}

export function ifThere<T>(use: () => T): T | undefined {
	try {
		return use();
	} catch (error) {
		const { code } = error as NodeJS.ErrnoException;
		if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
		throw error;
	}
}
