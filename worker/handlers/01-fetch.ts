/**
 * Fetch, versions 4–18. Long polls, limits and waiting are the broker's (`services.read`); record sets leave as the views they came in.
 * Divergences: no fetch sessions (session id 0 declines them, as Kafka does when its cache is full), no preferred replica: the
 * client was told of the brokers of its own zone already. KIP-227, KIP-392, KIP-516, KIP-951 (endpoints).
 */
import type { ReadItem, ReadOutcome } from "../../core/broker/interface.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts";
import { defineHandler } from "./define-handler.ts";
import { endpointsOf, leaderOf } from "./nodes.ts";
import { findPartitions, heedLeader, leaderEpochError, unknownTopicCode } from "./topics.ts";
import { leaderUnreachable } from "./unreachable.ts";

type Request = RequestOf<typeof fetch>;
type Topic = Request["topics"][number];
type Partition = Topic["partitions"][number];
type Answered = NonNullable<NonNullable<ResponseInput<typeof fetch>["responses"]>[number]["partitions"]>[number];

const idsFrom = 13;
const initialEpoch = 0;
const finalEpoch = -1;
const noRecords: readonly Uint8Array[] = [];

export const fetchHandler = defineHandler({
  api: fetch,
  versions: [4, 18],
  async handle(request, context) {
    const { services, apiVersion } = context;
    const throttleTimeMs = services.throttleMs;
    // Epochs 0 and -1 end what session there was and ask for everything. No session is ever given, so none can be gone on with.
    if (request.sessionEpoch !== initialEpoch && request.sessionEpoch !== finalEpoch)
      return { errorCode: errorCodes.FETCH_SESSION_ID_NOT_FOUND, throttleTimeMs };
    const items: ReadItem[] = [];
    const checked: (Answered | number)[][] = [];
    let hasError = false;
    const named = request.topics.map(({ topic, topicId }) => ({ name: topic, topicId }));
    const hasAll = (position: number, count: number): boolean =>
      request.topics[position]!.partitions.every(({ partition }) => partition < count);
    const found = findPartitions(services.catalog, named, apiVersion >= idsFrom, hasAll);
    const entries = found instanceof Promise ? await found : found;
    for (const [position, topic] of request.topics.entries()) {
      const entry = entries[position];
      checked.push(
        topic.partitions.map((partition) => {
          const known = entry?.partitions[partition.partition];
          if (entry === undefined || known === undefined) {
            hasError = true;
            const errorCode = entry === undefined ? unknownTopicCode(apiVersion >= idsFrom) : errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
            return { ...failed(partition, errorCode), abortedTransactions: [] };
          }
          const errorCode = leaderEpochError(known.leaderEpoch, partition.currentLeaderEpoch);
          if (errorCode !== errorCodes.NONE) {
            hasError = true;
            const leaderId = leaderOf(context, entry.id, partition.partition);
            return { ...failed(partition, errorCode), currentLeader: { leaderId, leaderEpoch: known.leaderEpoch } };
          }
          return items.push(readItem(entry.id, known.cell, partition)) - 1;
        }),
      );
    }
    const outcomes = items.length === 0 && hasError ? [] : await services.read(readRequest(request, items, hasError, context));
    const responses = request.topics.map(({ topic, topicId }, index) => ({
      topic,
      topicId,
      partitions: checked[index]!.map((partition) =>
        typeof partition === "number" ? answer(outcomes[partition]!, request, context) : partition,
      ),
    }));
    const isFenced = checked.some((partitions) =>
      partitions.some((partition) => typeof partition !== "number" && "currentLeader" in partition),
    );
    return { throttleTimeMs, responses, nodeEndpoints: isFenced ? endpointsOf(context) : [] };
  },
  unreachable: ({ topics }) => ({
    responses: topics.map(({ topic, topicId, partitions }) => ({
      topic,
      topicId,
      partitions: partitions.map((partition) => failed(partition, leaderUnreachable)),
    })),
  }),
});

function readItem(topicId: string, cell: number, { partition, fetchOffset, partitionMaxBytes }: Partition): ReadItem {
  // An offset beyond what a number holds is beyond every log too.
  const offset = fetchOffset > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(fetchOffset);
  return { topicId, partition, cell, offset, maxBytes: partitionMaxBytes };
}

/** A partition with an error is answered at once, as in Kafka: the client has something to do. */
function readRequest(request: Request, items: readonly ReadItem[], hasError: boolean, context: RequestContext) {
  const maxBytes = Math.min(request.maxBytes, context.services.settings["fetch.max.bytes"], context.fetchBytesMax);
  return {
    items,
    // Who asks for more than fits need not wait for it.
    minBytes: Math.min(request.minBytes, maxBytes),
    maxBytes,
    maxWaitMs: hasError ? 0 : Math.max(0, request.maxWaitMs),
    readCommitted: request.isolationLevel === 1,
  };
}

function failed({ partition }: Partition, errorCode: number): Answered {
  return { partitionIndex: partition, errorCode, highWatermark: -1n, abortedTransactions: null, records: noRecords };
}

function answer(outcome: ReadOutcome, request: Request, { services }: RequestContext): Answered {
  const { partition, errorCode, bounds, records } = outcome;
  if (errorCode !== errorCodes.NONE) {
    heedLeader(services.catalog, errorCode);
    return { partitionIndex: partition, errorCode, highWatermark: -1n, abortedTransactions: null, records: noRecords };
  }
  return {
    partitionIndex: partition,
    highWatermark: BigInt(bounds.highWatermark),
    lastStableOffset: BigInt(bounds.lastStableOffset),
    logStartOffset: BigInt(bounds.logStartOffset),
    abortedTransactions: request.isolationLevel === 1 ? outcome.abortedTransactions.map(aborted) : null,
    records,
  };
}

function aborted({ producerId, firstOffset }: ReadOutcome["abortedTransactions"][number]) {
  return { producerId: BigInt(producerId), firstOffset: BigInt(firstOffset) };
}
