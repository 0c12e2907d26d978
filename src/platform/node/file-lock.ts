import { hostname } from 'node:os';
import { type FileSystem, fileSystem, ifThere, readIfThere, remove, writeAll } from './file-system.ts';

/**
 * A lock among processes: a file that exists while it is held, with who holds it: `pid start host`. A process that was killed leaves its file;
 * whoever comes next sees that it is gone. The pid alone would not do: in containers every process may be number 1.
 */
export interface FileLock {
	release(): void;
	/** Says that it is still held, to other machines that share the folder. False when it was lost. */
	touch(): boolean;
}

/** Whether the process of another machine lives cannot be asked; a lock that it has not touched for this long is stale. */
const FOREIGN_STALE_MS = 3_600_000;
/** A file without content: its maker was killed between two system calls, or is between them now. */
const EMPTY_STALE_MS = 10_000;

const UNKNOWN = '-';

/** Locks of this thread that are released, though the disk did not let their files be removed. */
const stuck = new Set<string>();

let ours: string | undefined;

/**
 * Undefined while another holds it.
 *
 * @param staleMs For locks that are held while no event loop turns: one older than this was left by a thread that was ended, though its process lives.
 */
export function fileLock(path: string, staleMs = Number.POSITIVE_INFINITY, fs: FileSystem = fileSystem): FileLock | undefined {
	ours ??= `${process.pid} ${startOf(process.pid)} ${hostname()}`;
	const mine = ours;
	// The second try is for the file of a process that is gone, which the first one takes away.
	for (let attempt = 0; attempt < 2; attempt++) {
		try {
			const file = fs.openSync(path, 'wx');
			try {
				try {
					writeAll(fs, file, Buffer.from(mine));
				} finally {
					fs.closeSync(file);
				}
			} catch (error) {
				remove(fs, path);
				throw error;
			}
			const isMine = () => isHeldHere(path, fs);
			return {
				release: () => letGo(path, fs),
				touch: () => {
					if (!isMine()) return false;
					const now = new Date();
					fs.utimesSync(path, now, now);
					return true;
				},
			};
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
		}
		const held = readIfThere(fs, path)?.toString();
		const isStuck = held === mine && stuck.has(path);
		if (held === undefined || ((isStuck || isStale(held, ageOf(path, fs), staleMs)) && takeAway(path, held, fs))) continue;
		return undefined;
	}
	return undefined;
}

/** Whether this process holds the lock, in whichever thread. */
export function isHeldHere(path: string, fs: FileSystem = fileSystem): boolean {
	ours ??= `${process.pid} ${startOf(process.pid)} ${hostname()}`;
	return readIfThere(fs, path)?.toString() === ours;
}

function letGo(path: string, fs: FileSystem): void {
	try {
		// Another machine may have taken it for abandoned.
		if (readIfThere(fs, path)?.toString() === ours) remove(fs, path);
		stuck.delete(path);
	} catch {
		// What was done under the lock is done; the next who wants it from this thread takes the file over.
		stuck.add(path);
	}
}

function isStale(held: string, ageMs: number, staleMs: number): boolean {
	if (ageMs > staleMs) return true;
	const [pid, start, host] = held.split(' ');
	if (held === '') return ageMs > EMPTY_STALE_MS;
	if (host !== hostname()) return ageMs > FOREIGN_STALE_MS;
	try {
		process.kill(Number(pid), 0);
	} catch (error) {
		// EPERM: it lives, and belongs to somebody else.
		return (error as NodeJS.ErrnoException).code === 'ESRCH';
	}
	const now = startOf(Number(pid));
	return start !== UNKNOWN && now !== UNKNOWN && now !== start;
}

/** Two may find the same stale file: the one who renames it wins, and the other must not take away the winner's new file. */
function takeAway(path: string, held: string, fs: FileSystem): boolean {
	const aside = `${path}.${process.pid}.stale`;
	return (
		ifThere(() => {
			fs.renameSync(path, aside);
			const isIt = fs.readFileSync(aside, 'utf8') === held;
			if (isIt) fs.unlinkSync(aside);
			else fs.renameSync(aside, path);
			return isIt;
		}) ?? true
	);
}

function ageOf(path: string, fs: FileSystem): number {
	return Date.now() - (ifThere(() => fs.statSync(path).mtimeMs) ?? Date.now());
}

/** When a process started, in the units of Linux (field 22 of /proc/pid/stat); elsewhere nothing, and the pid has to do. */
function startOf(pid: number): string {
	if (process.platform !== 'linux') return UNKNOWN;
	try {
		const stat = fileSystem.readFileSync(`/proc/${pid}/stat`, 'utf8');
		// The name of the program, which may hold anything, ends at the last parenthesis.
		return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? UNKNOWN;
	} catch {
		return UNKNOWN;
	}
}
