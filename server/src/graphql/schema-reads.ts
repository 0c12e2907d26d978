/** What W&B's public API (`wandb.Api()`) reads and edits beside what a run needs that logs (schema.ts). */
export const READS_SDL = /* GraphQL */ `
extend type Query {
	organization(name: String): Organization
	users(query: String): UserConnection
}
extend type Mutation {
	markRunFilesUploaded(input: MarkRunFilesUploadedInput!): SuccessPayload
	deleteFiles(input: DeleteFilesInput!): SuccessPayload
	updateRunState(input: UpdateRunStateInput!): SuccessPayload
}

type ServerSettings { serverMessages: [ServerMessage!] }
type ServerMessage { utfText: String plainText: String htmlText: String messageType: String messageLevel: Int }
extend type UpsertBucketPayload { serverSettings: ServerSettings }

extend type User { photoUrl: String admin: Boolean deletedAt: DateTime apiKeys: ApiKeyConnection }
type ApiKey { id: ID! name: String description: String }
type ApiKeyConnection { edges: [ApiKeyEdge!]! }
type ApiKeyEdge { node: ApiKey }
type UserConnection { edges: [UserEdge!]! }
type UserEdge { node: User }
type Organization { id: ID name: String orgEntity: Entity coreWeaveOrganizationId: String featureFlags(rampIDType: RampIDType!): [FeatureFlag!] }
type FeatureFlag { rampKey: String! isEnabled: Boolean! }
enum RampIDType { UserName EntityName OrgName }
extend type Entity { available: Boolean photoUrl: String readOnly: Boolean entityType: String organization: Organization user: User codeSavingEnabled: Boolean }

extend type Project {
	user: User isBenchmark: Boolean! readOnly: Boolean access: String views: JSON
	totalSweeps: Int!
	allViews(viewType: String, viewName: String, first: Int, after: String): ViewConnection
}
type ViewConnection { pageInfo: PageInfo! edges: [ViewEdge!]! }
type ViewEdge { node: View cursor: String }
type View { id: ID! type: String name: String displayName: String description: String user: User spec: JSONString previewUrl: String createdAt: DateTime updatedAt: DateTime }

extend type Run {
	shouldStop: Boolean failed: Boolean running: Boolean readOnly: Boolean updatedAt: DateTime user: User
	systemMetrics: JSONString
	historyKeys: JSON
	history(minStep: Int64, maxStep: Int64, samples: Int): [JSONString!]!
	events(samples: Int): [JSONString!]!
	sampledHistory(specs: [JSONString!]!): [JSON!]!
	parquetHistory(liveKeys: [String!]!): ParquetHistory!
	fileCount(pattern: String): Int
	files(names: [String], after: String, first: Int, pattern: String): FileConnection
}
type ParquetHistory { parquetUrls: [String!]! liveData: [JSON!]! }

extend type File {
	displayName: String url(upload: Boolean): String directUrl: String sizeBytes: Int64 mimetype: String
	updatedAt: DateTime md5: String digest: String
}
type FileConnection { totalCount: Int! pageInfo: PageInfo! edges: [FileEdge!]! uploadHeaders: [String!] }
type FileEdge { node: File cursor: String! }

input MarkRunFilesUploadedInput { entityName: String! projectName: String! runName: String! files: [String!]! }
input DeleteFilesInput { files: [ID!]! projectId: Int }
input UpdateRunStateInput { id: ID! state: String! }
`;
