/**
 * The part of W&B's GraphQL schema that is served so far. W&B publishes none; names and types are those that the documents of its clients
 * (0.19 to 0.30) need in order to validate. Custom scalars are passed through: JSONString is a string that holds JSON text.
 */
export const SDL = /* GraphQL */ `
scalar JSONString
scalar JSON
scalar DateTime
scalar Int64
scalar Duration

enum AlertSeverity { INFO WARN ERROR }

type Query {
	viewer: User
	serverInfo: ServerInfo
	project(name: String, entityName: String): Project
	model(name: String, entityName: String): Project
	models(entityName: String, after: String, first: Int): ProjectConnection
	entity(name: String): Entity
}

type Mutation {
	upsertBucket(input: UpsertBucketInput!): UpsertBucketPayload
	createRunFiles(input: CreateRunFilesInput!): CreateRunFilesPayload
	stopRun(input: StopRunInput!): SuccessPayload
	rewindRun(input: RewindRunInput!): RewindRunPayload
	deleteRun(input: DeleteRunInput!): DeleteRunPayload
	notifyScriptableRunAlert(input: NotifyScriptableRunAlertInput!): SuccessPayload
}

type ServerInfo { cliVersionInfo: JSON latestLocalVersionInfo: LocalVersionInfo features: [ServerFeature!]! }
type ServerFeature { name: String! isEnabled: Boolean! }
type LocalVersionInfo { outOfDate: Boolean latestVersionString: String versionOnThisInstanceString: String }

type User { id: ID! name: String username: String email: String flags: JSONString entity: String teams: EntityConnection }
type Entity { id: ID! name: String! isTeam: Boolean }
type EntityConnection { edges: [EntityEdge!]! }
type EntityEdge { node: Entity }

type Project {
	id: ID! internalId: ID! name: String! entityName: String! entity: Entity! description: String createdAt: DateTime!
	run(name: String!): Run
	bucket(name: String!, missingOk: Boolean, desc: String): Run
	runs(filters: JSONString, after: String, before: String, first: Int, last: Int, order: String): RunConnection
	runCount(filters: JSONString): Int!
}
type ProjectConnection { pageInfo: PageInfo! edges: [ProjectEdge!]! }
type ProjectEdge { node: Project cursor: String }
type PageInfo { endCursor: String hasNextPage: Boolean! }
type RunConnection { pageInfo: PageInfo! edges: [RunEdge!]! totalCount: Int }
type RunEdge { node: Run cursor: String! }

type Run {
	id: ID! name: String! displayName: String projectId: ID! project: Project! description: String notes: String tags: [String!]
	group: String groupName: String jobType: String sweepName: String commit: String host: String
	state: String! exitcode: Int stopped: Boolean createdAt: DateTime! heartbeatAt: DateTime
	config: JSONString summaryMetrics: JSONString wandbConfig(keys: [String!]): JSONString
	historyLineCount: Int eventsLineCount: Int logLineCount: Int historyTail: JSONString eventsTail: JSONString
	tidelog: TidelogRun!
}

"Ours: what a writer of records asks before its first line."
type TidelogRun {
	"Tells one server's data folder from another's."
	serverId: String!
	gen: Int!
	"The greatest step + 1; 0 for none."
	nextStep: Float!
	"Whether a writer sent something within the last 60 s and the run has not ended."
	isLive: Boolean!
	"Writers of records that have lines in this generation."
	writers: [String!]!
}

input UpsertBucketInput {
	id: String name: String groupName: String modelName: String entityName: String description: String displayName: String notes: String
	config: JSONString commit: String host: String debug: Boolean jobProgram: String jobRepo: String jobType: String state: String
	sweep: String tags: [String!] summaryMetrics: JSONString clientMutationId: String
}
type UpsertBucketPayload { bucket: Run inserted: Boolean clientMutationId: String }
input CreateRunFilesInput { entityName: String! projectName: String! runName: String! files: [String!]! }
type CreateRunFilesPayload { runID: ID! uploadHeaders: [String!]! files: [File!]! }
type File { id: ID! name: String! uploadUrl: String }
input StopRunInput { id: ID! }
input RewindRunInput {
	runName: String! entityName: String projectName: String metricName: String! metricValue: Float! clientMutationId: String
}
type RewindRunPayload { rewoundRun: Run clientMutationId: String }
input DeleteRunInput { id: ID! deleteArtifacts: Boolean clientMutationId: String }
type DeleteRunPayload { clientMutationId: String }
input NotifyScriptableRunAlertInput {
	entityName: String projectName: String! runName: String! title: String! text: String! severity: AlertSeverity = INFO waitDuration: Duration
	clientMutationId: String
}
type SuccessPayload { success: Boolean clientMutationId: String }
`;
