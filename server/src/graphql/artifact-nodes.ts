import { type ArtifactFile, type ArtifactRow, type CollectionRow, MANIFEST } from '../store/artifact-store.ts';
import type { ProjectRow, RunRow } from '../store/meta-store.ts';
import type { Tracker } from '../tracker.ts';
import { type GraphqlContext, projectNode, runNode } from './nodes.ts';
import { page } from './page.ts';

interface Place {
	after?: string | null;
	first?: number | null;
}

/** Clients turn ids of artifacts into hex and back, so they are base64: of `Artifact:<number>`, as W&B's own are. */
export function artifactId({ id }: ArtifactRow): string {
	return Buffer.from(`Artifact:${id}`).toString('base64');
}

/** The key in the store; undefined for what is no id. */
export function keyOfId(id: string): number | undefined {
	const number = /^Artifact:(\d+)$/.exec(Buffer.from(id, 'base64').toString())?.[1];
	return number === undefined ? undefined : Number(number);
}

export function projectArtifacts(project: ProjectRow) {
	const named = (name: string, { tracker }: GraphqlContext) => {
		const colon = name.indexOf(':');
		const collection = tracker.artifacts.collection(project.id, colon === -1 ? name : name.slice(0, colon));
		const found = collection && tracker.artifacts.named(collection, colon === -1 ? 'latest' : name.slice(colon + 1));
		return collection && found ? { collection, found } : undefined;
	};
	return {
		artifact({ name }: { name: string }, context: GraphqlContext) {
			const result = named(name, context);
			return result ? artifactNode(result.found, context.tracker) : null;
		},
		artifactCollectionMembership({ name }: { name: string }, context: GraphqlContext) {
			const result = named(name, context);
			return result ? membershipNode(result.found, result.collection, context.tracker) : null;
		},
		artifactCollection({ name }: { name: string }, { tracker }: GraphqlContext) {
			const found = tracker.artifacts.collection(project.id, name);
			return found ? collectionNode(found, tracker) : null;
		},
		artifactType({ name }: { name: string }, { tracker }: GraphqlContext) {
			return tracker.artifacts.collections(project.id, name).length > 0 ? typeNode(name, project, tracker) : null;
		},
		artifactTypes(place: Place, { tracker }: GraphqlContext) {
			const names = [...new Set(tracker.artifacts.collections(project.id).map(({ type }) => type))];
			return page(names, place, String, (name) => typeNode(name, project, tracker));
		},
	};
}

export function runArtifacts(run: RunRow, tracker: Tracker) {
	return {
		inputArtifacts: (place: Place) => versionsPage(tracker.artifacts.inputs(run), place, tracker),
		outputArtifacts: (place: Place) => versionsPage(tracker.artifacts.outputs(run), place, tracker),
	};
}

function versionsPage(rows: ArtifactRow[], place: Place, tracker: Tracker) {
	return page(
		rows,
		place,
		({ id }) => String(id),
		(row) => artifactNode(row, tracker),
		({ version }) => ({ version: `v${version}` }),
	);
}

function typeNode(name: string, project: ProjectRow, tracker: Tracker): object {
	return {
		...projectArtifacts(project),
		id: `${project.id}:${name}`,
		name,
		createdAt: new Date(project.createdMs).toISOString(),
		artifactCollections: (place: Place) =>
			page(tracker.artifacts.collections(project.id, name), place, String, (row) => collectionNode(row, tracker)),
	};
}

export function collectionNode(collection: CollectionRow, tracker: Tracker): object {
	const { artifacts } = tracker;
	const project = artifacts.projectOf(collection);
	return {
		__typename: 'ArtifactSequence',
		id: String(collection.id),
		name: collection.name,
		state: 'READY',
		createdAt: new Date(collection.created_ms).toISOString(),
		updatedAt: new Date(collection.created_ms).toISOString(),
		project: () => projectNode(project),
		defaultArtifactType: () => typeNode(collection.type, project, tracker),
		tags: { edges: [] },
		aliases: (place: Place) =>
			page(
				artifacts.versions(collection).flatMap((row) => artifacts.aliases(row)),
				place,
				String,
				(alias) => aliasNode(alias, collection, tracker),
			),
		artifacts: (place: Place) => versionsPage(artifacts.versions(collection), place, tracker),
		artifactMembership({ aliasName }: { aliasName: string }) {
			const found = artifacts.named(collection, aliasName);
			return found ? membershipNode(found, collection, tracker) : null;
		},
		latestArtifact() {
			const found = artifacts.named(collection, 'latest');
			return found ? artifactNode(found, tracker) : null;
		},
	};
}

function aliasNode(alias: string, collection: CollectionRow, tracker: Tracker) {
	return {
		id: `${collection.id}:${alias}`,
		alias,
		artifactCollection: () => collectionNode(collection, tracker),
		artifactCollectionName: collection.name,
	};
}

function membershipNode(artifact: ArtifactRow, collection: CollectionRow, tracker: Tracker) {
	const node = artifactNode(artifact, tracker);
	return {
		id: `${collection.id}:${artifact.id}`,
		createdAt: node.createdAt,
		versionIndex: artifact.version,
		aliases: node.aliases,
		artifactCollection: () => collectionNode(collection, tracker),
		artifact: node,
		files: node.files,
	};
}

export function artifactNode(artifact: ArtifactRow, tracker: Tracker) {
	const { artifacts } = tracker;
	const collection = artifacts.collectionById(artifact.collection);
	const runOf = (id: number) => {
		const run = tracker.meta.runByStorageId(String(id));
		return run ? [run] : [];
	};
	return {
		__typename: 'Artifact',
		id: artifactId(artifact),
		digest: artifact.digest,
		digestAlgorithm: 'MANIFEST_MD5',
		state: artifact.version === null ? 'PENDING' : 'COMMITTED',
		description: artifact.description,
		metadata: artifact.metadata,
		size: artifact.size,
		fileCount: artifact.file_count,
		versionIndex: artifact.version,
		commitHash: artifact.digest.slice(0, 20),
		historyStep: artifact.history_step,
		createdAt: new Date(artifact.created_ms).toISOString(),
		updatedAt: new Date(artifact.updated_ms).toISOString(),
		// −2: it does not run out.
		ttlDurationSeconds: artifact.ttl_s ?? -2,
		ttlIsInherited: artifact.ttl_s === null,
		tags: [],
		aliases: () => artifacts.aliases(artifact).map((alias) => aliasNode(alias, collection, tracker)),
		artifactType: () => typeNode(collection.type, artifacts.projectOf(collection), tracker),
		artifactSequence: () => collectionNode(collection, tracker),
		currentManifest: (_args: unknown, { origin }: GraphqlContext) => {
			const file = artifacts.file(artifact, MANIFEST);
			return file?.sha256 ? { id: artifactId(artifact), file: fileNode({ ...file, path: 'wandb_manifest.json' }, artifact, tracker, origin) } : null;
		},
		createdBy: () => (artifact.run === null ? null : runOf(artifact.run).map((run) => ({ __typename: 'Run', ...runNode(run, tracker) }))[0]),
		usedBy: () =>
			page(
				artifacts.usedBy(artifact).flatMap(runOf),
				{ first: 1_000 },
				({ id }) => String(id),
				(run) => runNode(run, tracker),
			),
		files({ names, ...place }: Place & { names?: string[] | null }, { origin }: GraphqlContext) {
			const files = artifacts.files(artifact).filter(({ path }) => !names || names.includes(path));
			return page(
				files,
				place,
				({ path }) => path,
				(file) => fileNode(file, artifact, tracker, origin),
			);
		},
	};
}

function fileNode(file: ArtifactFile, artifact: ArtifactRow, tracker: Tracker, origin: string) {
	const url = file.sha256 ? origin + tracker.links.pathOf(file.sha256, file.path) : null;
	return {
		id: `${artifact.id}:${file.path}`,
		name: file.path,
		displayName: file.path,
		url,
		directUrl: url,
		sizeBytes: file.size,
		mimetype: 'application/octet-stream',
		updatedAt: new Date(artifact.updated_ms).toISOString(),
		md5: file.md5,
		digest: file.md5,
		storagePath: file.path,
		artifact: () => artifactNode(artifact, tracker),
	};
}
