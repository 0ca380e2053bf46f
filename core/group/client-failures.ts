/**
 * What clients are told when the coordinator could not be reached or broke off half-way: for each request the code that every client
 * understands there. It is not the same everywhere: older clients take an unexpected code for the end of the world.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { joinError, syncError } from "./classic/answers.ts";
import { refused } from "./consumer/checks.ts";
import { noSuchConsumerGroup } from "./consumer/describe.ts";
import type {
  DescribeGroupAnswer,
  HeartbeatAnswer,
  JoinGroupAnswer,
  JoinGroupRequest,
  LeaveGroupAnswer,
  OffsetCommitAnswer,
  OffsetCommitRequest,
  OffsetDeleteAnswer,
  OffsetFetchAnswer,
  SyncGroupAnswer,
} from "./requests.ts";

const loading = errorCodes.COORDINATOR_LOAD_IN_PROGRESS;
const unavailable = errorCodes.COORDINATOR_NOT_AVAILABLE;

export function joinFailed({ memberId }: JoinGroupRequest): JoinGroupAnswer {
  return joinError(loading, memberId);
}

/** Whatever was agreed on is lost: everybody joins again. */
export const syncFailed: SyncGroupAnswer = syncError(errorCodes.REBALANCE_IN_PROGRESS);

export const heartbeatFailed: HeartbeatAnswer = { errorCode: unavailable };

export const consumerHeartbeatFailed = refused({ errorCode: loading, errorMessage: "The coordinator is loading." });

export const describeConsumerFailed = { ...noSuchConsumerGroup("The coordinator is loading."), errorCode: loading };

export const leaveFailed: LeaveGroupAnswer = { errorCode: unavailable, members: [] };

export function commitFailed({ topics }: Pick<OffsetCommitRequest, "topics">): OffsetCommitAnswer {
  return { partitionErrors: topics.map(({ partitions }) => partitions.map(() => loading)) };
}

export const fetchFailed: OffsetFetchAnswer = { errorCode: loading, topics: [] };

export const deleteOffsetsFailed: OffsetDeleteAnswer = { errorCode: loading, partitionErrors: [] };

export const describeFailed: DescribeGroupAnswer = {
  errorCode: loading,
  errorMessage: null,
  groupState: "",
  protocolType: "",
  protocolData: "",
  members: [],
};

export const deleteFailed = { errorCode: loading };
