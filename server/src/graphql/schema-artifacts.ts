/** Artifacts, as W&B's clients (0.19 to 0.31) log, use and read them. */
export const ARTIFACTS_SDL = /* GraphQL */ `
extend type Query { artifact(id: ID!): Artifact clientIDMapping(clientID: ID!): ClientIDMapping }
extend type Mutation {
	createArtifact(input: CreateArtifactInput!): CreateArtifactPayload
	createArtifactManifest(input: CreateArtifactManifestInput!): ArtifactManifestPayload
	updateArtifactManifest(input: UpdateArtifactManifestInput!): ArtifactManifestPayload
	createArtifactFiles(input: CreateArtifactFilesInput!): CreateArtifactFilesPayload
	commitArtifact(input: CommitArtifactInput!): ArtifactPayload
	useArtifact(input: UseArtifactInput!): ArtifactPayload
	updateArtifact(input: UpdateArtifactInput!): ArtifactPayload
	deleteArtifact(input: DeleteArtifactInput!): ArtifactPayload
	addAliases(input: AddAliasesInput!): SuccessPayload
	deleteAliases(input: DeleteAliasesInput!): SuccessPayload
}
extend type Project {
	artifact(name: String!, enableTracking: Boolean): Artifact
	artifactType(name: String!): ArtifactType
	artifactTypes(after: String, first: Int): ArtifactTypeConnection
	artifactCollection(name: String!): ArtifactCollection
	artifactCollectionMembership(name: String!): ArtifactCollectionMembership
}
extend type Run {
	inputArtifacts(after: String, first: Int): VersionedArtifactConnection
	outputArtifacts(after: String, first: Int): VersionedArtifactConnection
}
extend type File { storagePath: String uploadHeaders: [String!] uploadMultipartUrls: UploadMultipartUrls artifact: Artifact }
type UploadMultipartUrls { uploadID: String! uploadUrlParts: [UploadUrlPart!]! }
type UploadUrlPart { partNumber: Int64! uploadUrl: String! }

enum ArtifactState { PENDING COMMITTED DELETED }
enum ArtifactDigestAlgorithm { MANIFEST_MD5 MANIFEST_XXH128 }
enum ArtifactManifestType { FULL INCREMENTAL PATCH }
enum ArtifactStorageLayout { V1 V2 }
enum ArtifactCollectionState { READY DELETED }
type Artifact {
	id: ID! digest: String! digestAlgorithm: ArtifactDigestAlgorithm state: ArtifactState! description: String metadata: JSONString
	size: Int64! fileCount: Int64! versionIndex: Int commitHash: String historyStep: Int64 createdAt: DateTime! updatedAt: DateTime
	ttlDurationSeconds: Int64! ttlIsInherited: Boolean! tags: [Tag!]! aliases: [ArtifactAlias!]!
	artifactType: ArtifactType! artifactSequence: ArtifactSequence! currentManifest: ArtifactManifest
	createdBy: ArtifactCreator usedBy: RunConnection!
	files(names: [String!], after: String, first: Int): FileConnection!
}
union ArtifactCreator = Run | User
type ArtifactManifest { id: ID! file: File! }
type ArtifactAlias { id: ID! alias: String! artifactCollection: ArtifactCollection! artifactCollectionName: String }
type Tag { id: ID! name: String! tagCategoryName: String }
type TagConnection { edges: [TagEdge!]! }
type TagEdge { node: Tag }
interface ArtifactCollection {
	id: ID! name: String! description: String state: ArtifactCollectionState createdAt: DateTime! updatedAt: DateTime project: Project
	defaultArtifactType: ArtifactType! tags: TagConnection! aliases(after: String, first: Int): ArtifactAliasConnection!
	artifacts(after: String, first: Int, order: String, filters: JSONString): VersionedArtifactConnection!
	artifactMembership(aliasName: String!): ArtifactCollectionMembership
}
type ArtifactSequence implements ArtifactCollection {
	id: ID! name: String! description: String state: ArtifactCollectionState createdAt: DateTime! updatedAt: DateTime project: Project
	defaultArtifactType: ArtifactType! tags: TagConnection! aliases(after: String, first: Int): ArtifactAliasConnection!
	artifacts(after: String, first: Int, order: String, filters: JSONString): VersionedArtifactConnection!
	artifactMembership(aliasName: String!): ArtifactCollectionMembership
	latestArtifact: Artifact
}
type ArtifactPortfolio implements ArtifactCollection {
	id: ID! name: String! description: String state: ArtifactCollectionState createdAt: DateTime! updatedAt: DateTime project: Project
	defaultArtifactType: ArtifactType! tags: TagConnection! aliases(after: String, first: Int): ArtifactAliasConnection!
	artifacts(after: String, first: Int, order: String, filters: JSONString): VersionedArtifactConnection!
	artifactMembership(aliasName: String!): ArtifactCollectionMembership
}
type ArtifactCollectionMembership {
	id: ID! createdAt: DateTime! versionIndex: Int aliases: [ArtifactAlias!]! artifactCollection: ArtifactCollection artifact: Artifact
	files(names: [String!], after: String, first: Int): FileConnection!
}
type ArtifactType {
	id: ID! name: String! description: String createdAt: DateTime!
	artifact(name: String!): Artifact
	artifactCollection(name: String!): ArtifactCollection
	artifactCollections(after: String, first: Int, filters: JSONString, order: String): ArtifactCollectionConnection!
}
type ArtifactAliasConnection { pageInfo: PageInfo! edges: [ArtifactAliasEdge!]! }
type ArtifactAliasEdge { node: ArtifactAlias cursor: String }
type ArtifactTypeConnection { pageInfo: PageInfo! edges: [ArtifactTypeEdge!]! }
type ArtifactTypeEdge { node: ArtifactType cursor: String! }
type ArtifactCollectionConnection { totalCount: Int! pageInfo: PageInfo! edges: [ArtifactCollectionEdge!]! }
type ArtifactCollectionEdge { node: ArtifactCollection cursor: String! }
type VersionedArtifactConnection { totalCount: Int! pageInfo: PageInfo! edges: [VersionedArtifactEdge!]! }
type VersionedArtifactEdge { node: Artifact! version: String! cursor: String! }
type ClientIDMapping { serverID: ID! }

input ArtifactAliasInput { artifactCollectionName: String! alias: String! entityName: String projectName: String }
input ArtifactCollectionAliasInput { artifactCollectionName: String! alias: String! entityName: String projectName: String }
input TagInput { tagName: String! tagCategoryName: String attributes: JSONString }
input CreateArtifactInput {
	entityName: String! projectName: String! runName: String artifactTypeName: String! artifactCollectionName: String artifactCollectionNames: [String!]
	digest: String! digestAlgorithm: ArtifactDigestAlgorithm! description: String labels: JSONString aliases: [ArtifactAliasInput!] tags: [TagInput!]
	metadata: JSONString ttlDurationSeconds: Int64 historyStep: Int64 enableDigestDeduplication: Boolean distributedID: String clientID: ID
	sequenceClientID: ID storageRegion: String clientMutationId: String
}
type CreateArtifactPayload { artifact: Artifact! }
input CreateArtifactManifestInput {
	artifactID: ID! baseArtifactID: ID name: String! digest: String! entityName: String! projectName: String! runName: String!
	type: ArtifactManifestType clientMutationId: String
}
input UpdateArtifactManifestInput { artifactManifestID: ID! digest: String baseArtifactID: ID clientMutationId: String }
type ArtifactManifestPayload { artifactManifest: ArtifactManifest! }
input CreateArtifactFileSpecInput { artifactID: ID! artifactManifestID: ID name: String! md5: String! mimetype: String uploadPartsInput: [UploadPartsInput!] }
input UploadPartsInput { partNumber: Int64! hexMD5: String! }
input CreateArtifactFilesInput { artifactFiles: [CreateArtifactFileSpecInput!]! storageLayout: ArtifactStorageLayout cloudRegionID: ID clientMutationId: String }
type CreateArtifactFilesPayload { files: FileConnection! }
input CommitArtifactInput { artifactID: ID! clientMutationId: String }
input UseArtifactInput { artifactID: ID! entityName: String! projectName: String! runName: String! usedAs: String artifactEntityName: String artifactProjectName: String clientMutationId: String }
input UpdateArtifactInput { artifactID: ID! description: String metadata: JSONString labels: JSONString ttlDurationSeconds: Int64 aliases: [ArtifactAliasInput!] tagsToAdd: [TagInput!] tagsToDelete: [TagInput!] clientMutationId: String }
input DeleteArtifactInput { artifactID: ID! deleteAliases: Boolean clientMutationId: String }
type ArtifactPayload { artifact: Artifact! }
input AddAliasesInput { artifactID: ID! aliases: [ArtifactCollectionAliasInput!]! clientMutationId: String }
input DeleteAliasesInput { artifactID: ID! aliases: [ArtifactCollectionAliasInput!]! clientMutationId: String }
`;
