import { buildSchema } from 'graphql';

/**
 * The part of W&B's schema that a client needs to write runs, to resume, rewind, fork, alert and delete them. Nothing official is published:
 * names and types are those that documents of wandb 0.19 to 0.30 ask for. What is not here counts as unknown to W&B.
 */
export const schema = buildSchema(`
	scalar JSONString
	scalar JSON
	scalar DateTime
	scalar Duration

	type Query {
		viewer: User
		serverInfo: ServerInfo
		project(name: String, entityName: String): Project
		model(name: String, entityName: String): Project
		entity(name: String): Entity
	}

	type Mutation {
		upsertBucket(input: UpsertBucketInput!): UpsertBucketPayload
		rewindRun(input: RewindRunInput!): RewindRunPayload
		stopRun(input: StopRunInput!): SuccessPayload
		deleteRun(input: DeleteRunInput!): DeleteRunPayload
		createRunFiles(input: CreateRunFilesInput!): CreateRunFilesPayload
		notifyScriptableRunAlert(input: NotifyScriptableRunAlertInput!): SuccessPayload
	}

	enum AlertSeverity { INFO WARN ERROR }

	type ServerInfo { cliVersionInfo: JSON latestLocalVersionInfo: LocalVersionInfo features: [ServerFeature!]! }
	type ServerFeature { name: String! isEnabled: Boolean! }
	type LocalVersionInfo { outOfDate: Boolean latestVersionString: String versionOnThisInstanceString: String }

	type User {
		id: ID! name: String username: String email: String photoUrl: String admin: Boolean
		flags: JSONString entity: String deletedAt: DateTime teams: EntityConnection
	}
	type Entity { id: ID! name: String! organization: Organization }
	type Organization { id: ID name: String coreWeaveOrganizationId: String }
	type EntityConnection { edges: [EntityEdge!]! }
	type EntityEdge { node: Entity }

	type Project {
		id: ID! internalId: ID! name: String! entityName: String! entity: Entity! createdAt: DateTime!
		run(name: String!): Run
		bucket(name: String!, missingOk: Boolean, desc: String): Run
	}

	type Run {
		id: ID! name: String! displayName: String projectId: ID! project: Project! description: String notes: String tags: [String!]
		group: String groupName: String jobType: String sweepName: String commit: String host: String
		state: String! exitcode: Int stopped: Boolean shouldStop: Boolean failed: Boolean running: Boolean
		readOnly: Boolean createdAt: DateTime! updatedAt: DateTime heartbeatAt: DateTime user: User
		config: JSONString summaryMetrics: JSONString systemMetrics: JSONString wandbConfig(keys: [String!]): JSONString
		historyLineCount: Int eventsLineCount: Int logLineCount: Int
		historyTail: JSONString eventsTail: JSONString
		fileCount(pattern: String): Int
	}

	type File { id: ID! name: String! displayName: String uploadUrl: String uploadHeaders: [String!] }

	input UpsertBucketInput {
		id: String name: String groupName: String modelName: String entityName: String description: String displayName: String notes: String
		config: JSONString commit: String host: String debug: Boolean jobProgram: String jobRepo: String jobType: String state: String
		sweep: String tags: [String!] summaryMetrics: JSONString clientMutationId: String
	}
	type UpsertBucketPayload { bucket: Run inserted: Boolean serverSettings: ServerSettings clientMutationId: String }
	type ServerSettings { serverMessages: [ServerMessage!] }
	type ServerMessage { utfText: String plainText: String htmlText: String messageType: String messageLevel: Int }

	input RewindRunInput { runName: String! entityName: String projectName: String metricName: String! metricValue: Float! }
	type RewindRunPayload { rewoundRun: Run }
	input StopRunInput { id: ID! }
	input DeleteRunInput { id: ID! deleteArtifacts: Boolean }
	type DeleteRunPayload { clientMutationId: String }
	type SuccessPayload { success: Boolean clientMutationId: String }

	input CreateRunFilesInput { entityName: String! projectName: String! runName: String! files: [String!]! }
	type CreateRunFilesPayload { runID: ID! uploadHeaders: [String!]! files: [File!]! }

	input NotifyScriptableRunAlertInput {
		entityName: String! projectName: String! runName: String! title: String! text: String! severity: AlertSeverity waitDuration: Duration
	}
`);
