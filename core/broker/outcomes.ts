/**
 * The Kafka outcomes a broker gives without a leader's word, one constructor each. Their codes differ in what a client may
 * conclude: some clients treat NOT_LEADER_OR_FOLLOWER as "surely not written", REQUEST_TIMED_OUT as "may have been written". Both
 * are retriable, and idempotent producers stay exact with each.
 */
import type { AppendOutcome, ReadItem, ReadOutcome } from "./interface.ts";
import type { PartitionBounds } from "../coordinator.ts";
import { errorCodes } from "../../protocol/errors.ts";

function failed(errorCode: number): AppendOutcome {
  return { errorCode, baseOffset: -1, duplicate: false, logStartOffset: -1, logAppendTimeMs: -1, leaderEpoch: -1 };
}

/** The epoch ended, or never began, before any leader heard of the records. */
export const neverSent = failed(errorCodes.NOT_LEADER_OR_FOLLOWER);
/** The epoch ended between a commit and its answer: nobody here can know. */
export const fateUnknown = failed(errorCodes.REQUEST_TIMED_OUT);

export const noBounds: PartitionBounds = { logStartOffset: -1, highWatermark: -1, lastStableOffset: -1, leaderEpoch: -1 };

export function unreadable(item: ReadItem, errorCode: number, bounds: PartitionBounds | undefined): ReadOutcome {
  return {
    topicId: item.topicId,
    partition: item.partition,
    errorCode,
    bounds: bounds ?? noBounds,
    records: [],
    abortedTransactions: [],
  };
}
