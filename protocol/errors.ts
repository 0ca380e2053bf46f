/**
 * Kafka's error codes: number, name, whether a client may simply try again, and what it means. The rows are the one list; names
 * for code (`errorCodes.NOT_LEADER_OR_FOLLOWER`) and descriptions for messages are both taken from them.
 */
const retry = true;
const final = false;

const rows = [
  [-1, "UNKNOWN_SERVER_ERROR", final, "The broker failed in a way that it has no code for."],
  [0, "NONE", final, "Success."],
  [1, "OFFSET_OUT_OF_RANGE", final, "The offset lies outside of the partition's log."],
  [2, "CORRUPT_MESSAGE", retry, "The record set is damaged: its checksum, size or structure is wrong."],
  [3, "UNKNOWN_TOPIC_OR_PARTITION", retry, "The broker knows no such topic or partition."],
  [4, "INVALID_FETCH_SIZE", final, "The fetch size is not valid."],
  [5, "LEADER_NOT_AVAILABLE", retry, "The partition has no leader at the moment."],
  [6, "NOT_LEADER_OR_FOLLOWER", retry, "The broker does not lead the partition, or holds no replica of it."],
  [7, "REQUEST_TIMED_OUT", retry, "The request was not finished in time."],
  [8, "BROKER_NOT_AVAILABLE", final, "The broker is not available."],
  [9, "REPLICA_NOT_AVAILABLE", retry, "The replica is not available."],
  [10, "MESSAGE_TOO_LARGE", final, "A record batch is larger than the topic allows."],
  [11, "STALE_CONTROLLER_EPOCH", final, "The controller has moved to another broker."],
  [12, "OFFSET_METADATA_TOO_LARGE", final, "The metadata string of an offset commit is too long."],
  [13, "NETWORK_EXCEPTION", retry, "The connection broke before an answer came."],
  [14, "COORDINATOR_LOAD_IN_PROGRESS", retry, "The coordinator is still loading its state."],
  [15, "COORDINATOR_NOT_AVAILABLE", retry, "The coordinator is not available."],
  [16, "NOT_COORDINATOR", retry, "The broker does not coordinate this group or transactional id."],
  [17, "INVALID_TOPIC_EXCEPTION", final, "The topic's name is not valid, or the topic is not for clients."],
  [18, "RECORD_LIST_TOO_LARGE", final, "The record set is larger than a segment of the log."],
  [19, "NOT_ENOUGH_REPLICAS", retry, "Fewer replicas are in sync than the topic demands."],
  [20, "NOT_ENOUGH_REPLICAS_AFTER_APPEND", retry, "The records were appended, to fewer replicas than the topic demands."],
  [21, "INVALID_REQUIRED_ACKS", final, "acks must be -1, 0 or 1."],
  [22, "ILLEGAL_GENERATION", final, "The generation of the group is over."],
  [23, "INCONSISTENT_GROUP_PROTOCOL", final, "The member supports none of the group's protocols."],
  [24, "INVALID_GROUP_ID", final, "The group id is not valid."],
  [25, "UNKNOWN_MEMBER_ID", final, "The group has no such member."],
  [26, "INVALID_SESSION_TIMEOUT", final, "The session timeout lies outside of what the broker allows."],
  [27, "REBALANCE_IN_PROGRESS", final, "The group is rebalancing: join again."],
  [28, "INVALID_COMMIT_OFFSET_SIZE", final, "The offset commit is too large."],
  [29, "TOPIC_AUTHORIZATION_FAILED", final, "Not authorized for the topic."],
  [30, "GROUP_AUTHORIZATION_FAILED", final, "Not authorized for the group."],
  [31, "CLUSTER_AUTHORIZATION_FAILED", final, "Not authorized for the cluster."],
  [32, "INVALID_TIMESTAMP", final, "A record's timestamp lies outside of what the topic allows."],
  [33, "UNSUPPORTED_SASL_MECHANISM", final, "The broker does not support this SASL mechanism."],
  [34, "ILLEGAL_SASL_STATE", final, "The request does not fit the state of the SASL exchange."],
  [35, "UNSUPPORTED_VERSION", final, "The version of the API is not supported."],
  [36, "TOPIC_ALREADY_EXISTS", final, "A topic of this name exists."],
  [37, "INVALID_PARTITIONS", final, "The number of partitions is not valid."],
  [38, "INVALID_REPLICATION_FACTOR", final, "The replication factor is not valid."],
  [39, "INVALID_REPLICA_ASSIGNMENT", final, "The replica assignment is not valid."],
  [40, "INVALID_CONFIG", final, "The config is not valid."],
  [41, "NOT_CONTROLLER", retry, "The broker is not the controller."],
  [42, "INVALID_REQUEST", final, "The request is malformed or contradicts itself."],
  [43, "UNSUPPORTED_FOR_MESSAGE_FORMAT", final, "The message format does not support this."],
  [44, "POLICY_VIOLATION", final, "A policy of the cluster forbids this."],
  [45, "OUT_OF_ORDER_SEQUENCE_NUMBER", final, "The producer's sequence number leaves a gap."],
  [46, "DUPLICATE_SEQUENCE_NUMBER", final, "The producer's batch was appended before."],
  [47, "INVALID_PRODUCER_EPOCH", final, "The producer's epoch is older than its current one."],
  [48, "INVALID_TXN_STATE", final, "The transaction's state does not allow this."],
  [49, "INVALID_PRODUCER_ID_MAPPING", final, "The producer id does not belong to the transactional id."],
  [50, "INVALID_TRANSACTION_TIMEOUT", final, "The transaction timeout is larger than the broker allows."],
  [51, "CONCURRENT_TRANSACTIONS", retry, "Another operation on the transaction is under way."],
  [52, "TRANSACTION_COORDINATOR_FENCED", final, "The transaction coordinator has been superseded."],
  [53, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED", final, "Not authorized for the transactional id."],
  [54, "SECURITY_DISABLED", final, "Security features are switched off."],
  [55, "OPERATION_NOT_ATTEMPTED", final, "The operation was not tried, because another of the request failed."],
  [56, "KAFKA_STORAGE_ERROR", retry, "The storage failed."],
  [57, "LOG_DIR_NOT_FOUND", final, "The log directory does not exist."],
  [58, "SASL_AUTHENTICATION_FAILED", final, "The SASL authentication failed."],
  [59, "UNKNOWN_PRODUCER_ID", final, "The broker remembers nothing of this producer."],
  [60, "REASSIGNMENT_IN_PROGRESS", final, "A reassignment of the partition is under way."],
  [61, "DELEGATION_TOKEN_AUTH_DISABLED", final, "Delegation tokens are switched off."],
  [62, "DELEGATION_TOKEN_NOT_FOUND", final, "The delegation token does not exist."],
  [63, "DELEGATION_TOKEN_OWNER_MISMATCH", final, "The delegation token belongs to somebody else."],
  [64, "DELEGATION_TOKEN_REQUEST_NOT_ALLOWED", final, "Delegation tokens may not be requested over this connection."],
  [65, "DELEGATION_TOKEN_AUTHORIZATION_FAILED", final, "Not authorized for the delegation token."],
  [66, "DELEGATION_TOKEN_EXPIRED", final, "The delegation token has expired."],
  [67, "INVALID_PRINCIPAL_TYPE", final, "The type of principal is not supported."],
  [68, "NON_EMPTY_GROUP", final, "The group still has members."],
  [69, "GROUP_ID_NOT_FOUND", final, "The group does not exist."],
  [70, "FETCH_SESSION_ID_NOT_FOUND", retry, "The fetch session does not exist."],
  [71, "INVALID_FETCH_SESSION_EPOCH", retry, "The fetch session's epoch is not the expected one."],
  [72, "LISTENER_NOT_FOUND", retry, "The leader has no listener of the name that the request came in through."],
  [73, "TOPIC_DELETION_DISABLED", final, "Deletion of topics is switched off."],
  [74, "FENCED_LEADER_EPOCH", retry, "The leader epoch is older than the partition's."],
  [75, "UNKNOWN_LEADER_EPOCH", retry, "The leader epoch is newer than the partition's."],
  [76, "UNSUPPORTED_COMPRESSION_TYPE", final, "The client cannot read the compression type of the records."],
  [77, "STALE_BROKER_EPOCH", final, "The broker epoch is not the current one."],
  [78, "OFFSET_NOT_AVAILABLE", retry, "The leader cannot yet tell the offset."],
  [79, "MEMBER_ID_REQUIRED", final, "The group demands a member id: join again with the one in this answer."],
  [80, "PREFERRED_LEADER_NOT_AVAILABLE", retry, "The preferred leader is not available."],
  [81, "GROUP_MAX_SIZE_REACHED", final, "The group is full."],
  [82, "FENCED_INSTANCE_ID", final, "Another member took over the group instance id."],
  [83, "ELIGIBLE_LEADERS_NOT_AVAILABLE", retry, "No eligible leader is available."],
  [84, "ELECTION_NOT_NEEDED", retry, "The partition has the leader it should have."],
  [85, "NO_REASSIGNMENT_IN_PROGRESS", final, "No reassignment of the partition is under way."],
  [86, "GROUP_SUBSCRIBED_TO_TOPIC", final, "The group consumes the topic: its offsets cannot be deleted."],
  [87, "INVALID_RECORD", final, "The broker refuses a record or batch."],
  [88, "UNSTABLE_OFFSET_COMMIT", retry, "A transaction with offsets for the partition is still open."],
  [89, "THROTTLING_QUOTA_EXCEEDED", retry, "The quota is used up for now."],
  [90, "PRODUCER_FENCED", final, "A newer producer with the same transactional id took over."],
  [91, "RESOURCE_NOT_FOUND", final, "The resource does not exist."],
  [92, "DUPLICATE_RESOURCE", final, "The resource is named twice or exists."],
  [93, "UNACCEPTABLE_CREDENTIAL", final, "The credential is not good enough."],
  [94, "INCONSISTENT_VOTER_SET", final, "The voters of sender and receiver differ."],
  [95, "INVALID_UPDATE_VERSION", final, "The version to update is not the current one."],
  [96, "FEATURE_UPDATE_FAILED", final, "The features could not be updated."],
  [97, "PRINCIPAL_DESERIALIZATION_FAILURE", final, "The forwarded principal cannot be read."],
  [98, "SNAPSHOT_NOT_FOUND", final, "The snapshot does not exist."],
  [99, "POSITION_OUT_OF_RANGE", final, "The position lies outside of the snapshot."],
  [100, "UNKNOWN_TOPIC_ID", retry, "The broker knows no topic of this id."],
  [101, "DUPLICATE_BROKER_REGISTRATION", final, "The broker id is registered already."],
  [102, "BROKER_ID_NOT_REGISTERED", final, "The broker id is not registered."],
  [103, "INCONSISTENT_TOPIC_ID", retry, "The topic id in the request is not the one in the log."],
  [104, "INCONSISTENT_CLUSTER_ID", final, "The cluster id in the request is not this cluster's."],
  [105, "TRANSACTIONAL_ID_NOT_FOUND", final, "The transactional id does not exist."],
  [106, "FETCH_SESSION_TOPIC_ID_ERROR", retry, "The fetch session mixes topic ids with names."],
  [107, "INELIGIBLE_REPLICA", final, "The replica may not join the replicas in sync."],
  [108, "NEW_LEADER_ELECTED", final, "A new leader was elected by this change."],
  [109, "OFFSET_MOVED_TO_TIERED_STORAGE", final, "The offset has moved to tiered storage."],
  [110, "FENCED_MEMBER_EPOCH", final, "The member epoch is fenced: leave everything and join again."],
  [111, "UNRELEASED_INSTANCE_ID", final, "The group instance id is still in use by a member."],
  [112, "UNSUPPORTED_ASSIGNOR", final, "The broker knows none of the assignors."],
  [113, "STALE_MEMBER_EPOCH", final, "The member epoch is outdated: heartbeat, then try again."],
  [114, "MISMATCHED_ENDPOINT_TYPE", final, "The request went to an endpoint of the wrong type."],
  [115, "UNSUPPORTED_ENDPOINT_TYPE", final, "The broker does not support this type of endpoint."],
  [116, "UNKNOWN_CONTROLLER_ID", final, "The controller id is not known."],
  [117, "UNKNOWN_SUBSCRIPTION_ID", final, "The telemetry subscription is not the current one."],
  [118, "TELEMETRY_TOO_LARGE", final, "The telemetry is larger than the broker allows."],
  [119, "INVALID_REGISTRATION", final, "The registration of the controller is not valid."],
  [120, "TRANSACTION_ABORTABLE", final, "The transaction failed and must be aborted."],
  [121, "INVALID_RECORD_STATE", final, "The record's state does not allow the acknowledgement."],
  [122, "SHARE_SESSION_NOT_FOUND", retry, "The share session does not exist."],
  [123, "INVALID_SHARE_SESSION_EPOCH", retry, "The share session's epoch is not the expected one."],
  [124, "FENCED_STATE_EPOCH", final, "The share coordinator has seen a newer state epoch."],
  [125, "INVALID_VOTER_KEY", final, "The voter key is not the receiving replica's."],
  [126, "DUPLICATE_VOTER", final, "The voter is in the set already."],
  [127, "VOTER_NOT_FOUND", final, "The voter is not in the set."],
  [128, "INVALID_REGULAR_EXPRESSION", final, "The regular expression is not valid."],
  [129, "REBOOTSTRAP_REQUIRED", final, "The client's metadata is of no use: start again from the bootstrap servers."],
  [130, "STREAMS_INVALID_TOPOLOGY", final, "The streams topology is not valid."],
  [131, "STREAMS_INVALID_TOPOLOGY_EPOCH", final, "The epoch of the streams topology is not the current one."],
  [132, "STREAMS_TOPOLOGY_FENCED", final, "The streams topology is outdated."],
  [133, "SHARE_SESSION_LIMIT_REACHED", retry, "No more share sessions are allowed."],
] as const;

type Row = (typeof rows)[number];

export type ErrorName = Row[1];
export type ErrorCode = Row[0];

export const errorCodes = Object.fromEntries(rows.map(([code, name]) => [name, code])) as {
  readonly [R in Row as R[1]]: R[0];
};

export interface KafkaError {
  readonly code: ErrorCode;
  readonly name: ErrorName;
  readonly retriable: boolean;
  readonly message: string;
}

export const kafkaErrors: readonly KafkaError[] = rows.map(([code, name, retriable, message]) => ({
  code,
  name,
  retriable,
  message,
}));

const byCode = new Map<number, KafkaError>(kafkaErrors.map((error) => [error.code, error]));

/** A code that nobody knows is an unknown error, as it is for Kafka's clients. */
export function errorOf(code: number): KafkaError {
  return byCode.get(code) ?? unknownError;
}

const unknownError: KafkaError = { code: -1, name: "UNKNOWN_SERVER_ERROR", retriable: false, message: "Unknown error." };
