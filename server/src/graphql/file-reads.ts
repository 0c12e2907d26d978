import { extname } from 'node:path';
import { requireManage } from '../access/guards.ts';
import { RequestError } from '../request-error.ts';
import type { RunRow } from '../store/meta-store.ts';
import type { Tracker } from '../tracker.ts';
import type { GraphqlContext } from './nodes.ts';
import { page } from './page.ts';

const TYPES: Record<string, string> = {
	'.png': 'image/png',
	'.jpg': 'image/jpeg',
	'.json': 'application/json',
	'.txt': 'text/plain',
	'.log': 'text/plain',
};

interface FilesArgs {
	names?: (string | null)[] | null;
	pattern?: string | null;
	after?: string | null;
	first?: number | null;
}

/** Files of a run whose bytes are here. */
export function fileReads(run: RunRow, tracker: Tracker) {
	return {
		fileCount: ({ pattern }: { pattern?: string | null }) => stored(run, tracker, pattern).length,
		files({ names, pattern, after, first }: FilesArgs, { origin }: GraphqlContext) {
			const wanted = names && names.length > 0 ? new Set(names) : undefined;
			const files = stored(run, tracker, pattern).filter(({ path }) => !wanted || wanted.has(path));
			return page(
				files,
				{ after, first },
				({ path }) => path,
				(file) => {
					const url = () => origin + tracker.links.pathOf(file.sha256, file.path);
					return {
						id: `${run.id}:${file.path}`,
						name: file.path,
						displayName: file.path,
						url: ({ upload }: { upload?: boolean | null }) => (upload ? uploadUrl(run, tracker, file.path, origin) : url()),
						directUrl: url,
						sizeBytes: file.sizeBytes,
						mimetype: TYPES[extname(file.path).toLowerCase()] ?? 'application/octet-stream',
						updatedAt: new Date(file.uploadedMs).toISOString(),
						md5: null,
						digest: null,
					};
				},
			);
		},
	};
}

/** Mutations of files. */
export const fileEdits = {
	async deleteFiles({ input }: { input: { files: string[] } }, { tracker, access }: GraphqlContext) {
		requireManage(access);
		for (const id of input.files) {
			const [, storageId = '', path = ''] = /^(\d+):(.+)$/s.exec(id) ?? [];
			const run = tracker.meta.runByStorageId(storageId);
			if (!run) throw new RequestError(404, `There is no file with id ${id}.`);
			await tracker.deleteFile(run, path);
		}
		return { success: true };
	},
	/** Nothing is to be done: the bytes came through this server. */
	markRunFilesUploaded: () => ({ success: true }),
};

function uploadUrl(run: RunRow, tracker: Tracker, path: string, origin: string): string {
	const [upload] = tracker.files.openUploads(run, [path]);
	return `${origin}/uploads/${upload?.token}`;
}

/** @param pattern of SQL's LIKE: `%` is any text, `_` any character. */
function stored(run: RunRow, tracker: Tracker, pattern: string | null | undefined) {
	const like = pattern
		? new RegExp(
				`^${pattern
					.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
					.replaceAll('%', '.*')
					.replaceAll('_', '.')}$`,
				's',
			)
		: undefined;
	return tracker.files
		.all(run)
		.flatMap(({ path, sizeBytes, sha256, uploadedMs }) =>
			sha256 === undefined || uploadedMs === undefined || (like && !like.test(path)) ? [] : [{ path, sizeBytes, sha256, uploadedMs }],
		);
}
