import { requireManage } from '../access/guards.ts';
import { RequestError } from '../request-error.ts';
import { type ArtifactRow, MANIFEST, type ManifestEntry } from '../store/artifact-store.ts';
import type { Tracker } from '../tracker.ts';
import { artifactId, artifactNode, keyOfId } from './artifact-nodes.ts';
import type { GraphqlContext } from './nodes.ts';

/** Largest manifest read. */
const MAX_MANIFEST_BYTES = 256 * 2 ** 20;

interface CreateArtifactInput {
	entityName: string;
	projectName: string;
	runName?: string | null;
	artifactTypeName: string;
	artifactCollectionName?: string | null;
	digest: string;
	description?: string | null;
	aliases?: { alias: string }[] | null;
	metadata?: string | null;
	ttlDurationSeconds?: number | null;
	historyStep?: number | null;
	enableDigestDeduplication?: boolean | null;
	clientID?: string | null;
	sequenceClientID?: string | null;
}

interface AliasesInput {
	artifactID: string;
	aliases: { alias: string }[];
}

/** What clients do with artifacts, in order: create, manifest, files, manifest again, commit; then use and edit. */
export const artifactRoots = {
	artifact({ id }: { id: string }, { tracker }: GraphqlContext) {
		const key = keyOfId(id);
		const found = key === undefined ? undefined : tracker.artifacts.artifact(key);
		return found ? artifactNode(found, tracker) : null;
	},

	clientIDMapping({ clientID }: { clientID: string }, { tracker }: GraphqlContext) {
		const found = tracker.artifacts.byClientId(clientID);
		return found ? { serverID: artifactId(found) } : null;
	},

	createArtifact({ input }: { input: CreateArtifactInput }, { tracker }: GraphqlContext) {
		const project = tracker.meta.project(input.entityName, input.projectName);
		if (!project) throw new RequestError(404, `There is no project ${input.entityName}/${input.projectName}.`);
		if (!input.artifactCollectionName) throw new RequestError(400, 'createArtifact: give artifactCollectionName.');
		const created = tracker.database.transaction(() =>
			tracker.artifacts.create(
				project,
				{
					type: input.artifactTypeName,
					collection: input.artifactCollectionName as string,
					digest: input.digest,
					run: input.runName ? tracker.runNamed(input.entityName, input.projectName, input.runName) : undefined,
					description: input.description ?? null,
					metadata: input.metadata ?? null,
					aliases: (input.aliases ?? []).map(({ alias }) => alias),
					historyStep: input.historyStep ?? null,
					ttlS: input.ttlDurationSeconds ?? null,
					clientId: input.clientID ?? null,
					sequenceClientId: input.sequenceClientID ?? null,
					isDeduplicated: input.enableDigestDeduplication ?? false,
				},
				tracker.nowMs(),
			),
		);
		return { artifact: artifactNode(created, tracker) };
	},

	createArtifactManifest: ({ input }: { input: { artifactID: string; digest: string } }, context: GraphqlContext) =>
		manifestPayload(found(input.artifactID, context.tracker), input.digest, context),
	updateArtifactManifest: ({ input }: { input: { artifactManifestID: string; digest?: string | null } }, context: GraphqlContext) =>
		manifestPayload(found(input.artifactManifestID, context.tracker), input.digest ?? '', context),

	createArtifactFiles(
		{ input }: { input: { artifactFiles: { artifactID: string; name: string; md5: string }[] } },
		{ tracker, origin }: GraphqlContext,
	) {
		const edges = input.artifactFiles.map(({ artifactID, name, md5 }) => {
			if (name === MANIFEST) throw new RequestError(400, 'A file of an artifact must have a name.');
			const artifact = found(artifactID, tracker);
			const node = { id: `${artifact.id}:${name}`, name, storagePath: name, uploadHeaders: [], uploadMultipartUrls: null };
			return {
				node: { ...node, uploadUrl: uploadUrl(artifact, name, md5, tracker, origin), artifact: artifactNode(artifact, tracker) },
				cursor: name,
			};
		});
		return { files: { totalCount: edges.length, pageInfo: { endCursor: null, hasNextPage: false }, edges } };
	},

	async commitArtifact({ input }: { input: { artifactID: string } }, { tracker }: GraphqlContext) {
		const artifact = found(input.artifactID, tracker);
		const manifest = tracker.artifacts.file(artifact, MANIFEST);
		if (!manifest?.sha256) throw new RequestError(400, `The manifest of artifact ${artifact.id} has not arrived: it cannot be committed.`);
		const entries = await readManifest(manifest.sha256, tracker);
		const committed = tracker.database.transaction(() => tracker.artifacts.commit(found(input.artifactID, tracker), entries, tracker.nowMs()));
		return { artifact: artifactNode(committed, tracker) };
	},

	useArtifact({ input }: { input: { artifactID: string; entityName: string; projectName: string; runName: string } }, { tracker }: GraphqlContext) {
		const artifact = found(input.artifactID, tracker);
		tracker.artifacts.use(artifact, tracker.runNamed(input.entityName, input.projectName, input.runName));
		return { artifact: artifactNode(artifact, tracker) };
	},

	updateArtifact(
		{ input }: { input: { artifactID: string; description?: string | null; metadata?: string | null; aliases?: { alias: string }[] | null } },
		{ tracker }: GraphqlContext,
	) {
		const artifact = found(input.artifactID, tracker);
		tracker.database.transaction(() => {
			tracker.artifacts.update(artifact, input, tracker.nowMs());
			if (!input.aliases) return;
			const wanted = new Set(input.aliases.map(({ alias }) => alias));
			for (const alias of tracker.artifacts.aliases(artifact)) if (!wanted.has(alias)) tracker.artifacts.removeAlias(artifact, alias);
			for (const alias of wanted) tracker.artifacts.setAlias(artifact, alias);
		});
		return { artifact: artifactNode(found(input.artifactID, tracker), tracker) };
	},

	async deleteArtifact({ input }: { input: { artifactID: string; deleteAliases?: boolean | null } }, { tracker, access }: GraphqlContext) {
		requireManage(access);
		const artifact = found(input.artifactID, tracker);
		if (!input.deleteAliases && tracker.artifacts.aliases(artifact).length > 0) {
			throw new RequestError(409, 'The artifact has aliases and was not deleted; delete them with it (delete_aliases=True).');
		}
		const node = artifactNode(artifact, tracker);
		tracker.files.releaseBlobs(tracker.database.transaction(() => tracker.artifacts.remove(artifact)));
		await tracker.files.sweep();
		return { artifact: { ...node, state: 'DELETED' } };
	},

	addAliases({ input }: { input: AliasesInput }, { tracker }: GraphqlContext) {
		const artifact = found(input.artifactID, tracker);
		for (const { alias } of input.aliases) tracker.artifacts.setAlias(artifact, alias);
		return { success: true };
	},

	deleteAliases({ input }: { input: AliasesInput }, { tracker }: GraphqlContext) {
		const artifact = found(input.artifactID, tracker);
		for (const { alias } of input.aliases) tracker.artifacts.removeAlias(artifact, alias);
		return { success: true };
	},
};

function found(id: string, tracker: Tracker): ArtifactRow {
	const key = keyOfId(id);
	const artifact = key === undefined ? undefined : tracker.artifacts.artifact(key);
	if (!artifact) throw new RequestError(404, `There is no artifact with id ${id}.`);
	return artifact;
}

/** An artifact has one manifest, whose id is the artifact's. */
function manifestPayload(artifact: ArtifactRow, digest: string, { tracker, origin }: GraphqlContext) {
	const file = {
		id: `${artifact.id}:`,
		name: 'wandb_manifest.json',
		uploadHeaders: [],
		uploadUrl: () => uploadUrl(artifact, MANIFEST, digest, tracker, origin),
	};
	return { artifactManifest: { id: artifactId(artifact), file } };
}

function uploadUrl({ id }: ArtifactRow, path: string, md5: string, tracker: Tracker, origin: string): string {
	const token = tracker.files.openUpload(({ sha256, size }) => {
		const artifact = tracker.artifacts.artifact(id);
		if (!artifact) throw new RequestError(410, 'The artifact that this file belongs to was deleted.');
		// What is committed does not change.
		if (artifact.version !== null) return sha256;
		const before = tracker.artifacts.file(artifact, path)?.sha256 ?? undefined;
		tracker.artifacts.putFile(artifact, { path, md5, sha256, size });
		return before;
	});
	return `${origin}/uploads/${token}`;
}

/** The entries of a manifest of W&B's format 1 (wandb 0.19 to 0.31). */
async function readManifest(sha256: string, tracker: Tracker): Promise<ManifestEntry[]> {
	if (((await tracker.blobs.size(sha256)) ?? 0) > MAX_MANIFEST_BYTES)
		throw new RequestError(413, `A manifest is larger than ${MAX_MANIFEST_BYTES} bytes.`);
	const pieces: Buffer[] = [];
	for await (const piece of tracker.blobs.open(sha256)) pieces.push(piece as Buffer);
	let contents: Record<string, { digest: string; size?: number; ref?: string; birthArtifactID?: string }>;
	try {
		({ contents } = JSON.parse(Buffer.concat(pieces).toString('utf8')));
		return Object.entries(contents).map(([path, { digest, size, ref, birthArtifactID }]) => ({
			path,
			digest,
			size: Number(size ?? 0),
			birth: birthArtifactID ? keyOfId(birthArtifactID) : undefined,
			isReference: typeof ref === 'string',
		}));
	} catch {
		throw new RequestError(400, 'The manifest is no JSON object with contents.');
	}
}
