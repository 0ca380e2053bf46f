/**
 * Produce, versions 3–13, advertised from 0: librdkafka looks for version 0 before it dares to compress (KAFKA-18659). Each partition is
 * checked on its own (record-checks.ts); what passes goes to the broker in one call, in the order of the request. acks=0 gets no
 * answer; like Kafka, the connection is closed when such a request fails, or the producer would never ask for metadata again.
 * Transactional batches need their coordinator's word first (transactional-appends.ts). Divergence: a lone batch is durable for acks=1 as
 * for acks=all.
 */
import type { TopicEntry } from "../../core/cluster/catalog.ts";
import type { AppendItem, AppendOutcome } from "../../core/broker/interface.ts";
import { OperatingError } from "../../core/operating-error.ts";
import type { BrokerServices, RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts";
import { defineHandler } from "./define-handler.ts";
import { distinctPartitions } from "./distinct-partitions.ts";
import { checkRecords } from "./record-checks.ts";
import { appendAll, isTransactional } from "./transactional-appends.ts";
import { findPartitions, heedLeader, unknownTopicCode } from "./topics.ts";
import { leaderUnreachable } from "./unreachable.ts";

type Request = RequestOf<typeof produce>;
type Topic = Request["topicData"][number];
type Partition = Topic["partitionData"][number];
type Answered = NonNullable<NonNullable<ResponseInput<typeof produce>["responses"]>[number]["partitionResponses"]>[number];

const idsFrom = 13;
const noBytes = new Uint8Array(0);

/** What became of a partition before the broker was asked: an answer, or its place among the items appended. */
interface Appended {
  readonly itemIndex: number;
  readonly stampedMs: number;
}

export const produceHandler = defineHandler({
  api: produce,
  versions: [3, 13],
  advertisedMin: 0,
  async handle(request, context) {
    const { services } = context;
    const refusal = refusedAsWhole(request);
    const items: AppendItem[] = [];
    const checked: (Answered | Appended)[][] = [];
    const byId = context.apiVersion >= idsFrom;
    const topicData = distinctPartitions(request.topicData, byId);
    const hasAll = (position: number, count: number): boolean =>
      topicData[position]!.partitionData.every(({ index }) => index < count);
    const found = refusal === undefined ? findPartitions(services.catalog, topicData, byId, hasAll) : [];
    // Known topics go on without an await, so that an ordinary request is in line before the next one is read.
    const entries = found instanceof Promise ? await found : found;
    for (const [position, topic] of topicData.entries()) {
      const entry = entries[position];
      const partitions: (Answered | Appended)[] = [];
      for (const partition of topic.partitionData) {
        const done =
          refusal === undefined
            ? checkPartition(partition, entry, items, request.transactionalId, context)
            : { index: partition.index, errorCode: refusal, baseOffset: -1n };
        partitions.push(done instanceof Promise ? await done : done);
      }
      checked.push(partitions);
    }
    const outcomes = items.length === 0 ? [] : await appendAll(items, request.transactionalId, context);
    const responses = topicData.map(({ name, topicId }, index) => ({
      name,
      topicId,
      partitionResponses: checked[index]!.map((partition) =>
        "itemIndex" in partition
          ? answer(items[partition.itemIndex]!, outcomes[partition.itemIndex]!, partition.stampedMs, services)
          : partition,
      ),
    }));
    if (request.acks !== 0) return { responses, throttleTimeMs: services.throttleMs };
    const failed = responses.flatMap(({ partitionResponses }) => partitionResponses).find(({ errorCode }) => errorCode !== 0);
    if (failed !== undefined) throw new OperatingError("invalid", `produce with acks=0 failed with error ${failed.errorCode}`);
    return undefined;
  },
  // Topics that are not known are asked for before anything is appended.
  unreachable({ acks, topicData }) {
    if (acks === 0) return undefined;
    const responses = topicData.map(({ name, topicId, partitionData }) => ({
      name,
      topicId,
      partitionResponses: partitionData.map(({ index }) => ({ index, errorCode: leaderUnreachable, baseOffset: -1n })),
    }));
    return { responses };
  },
});

function refusedAsWhole({ acks }: Request): number | undefined {
  return acks < -1 || acks > 1 ? errorCodes.INVALID_REQUIRED_ACKS : undefined;
}

/** Adds to `items` what may be appended. Awaits only to look inside of compressed batches where that is needed. */
function checkPartition(
  { index, records }: Partition,
  topic: TopicEntry | undefined,
  items: AppendItem[],
  transactionalId: string | null,
  { apiVersion, nowMs }: RequestContext,
): Answered | Appended | Promise<Answered | Appended> {
  const partition = topic?.partitions[index];
  if (topic === undefined || partition === undefined) {
    const errorCode = topic === undefined ? unknownTopicCode(apiVersion >= idsFrom) : errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
    return { index, errorCode, baseOffset: -1n };
  }
  const take = (check: Awaited<ReturnType<typeof checkRecords>>): Answered | Appended => {
    if (!check.ok) {
      const { errorCode, errorMessage, recordErrors } = check;
      return { index, errorCode, baseOffset: -1n, errorMessage, recordErrors };
    }
    if (transactionalId === null && isTransactional(check)) {
      return { index, errorCode: errorCodes.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, baseOffset: -1n };
    }
    const itemIndex = items.push({
      topicId: topic.id,
      partition: index,
      cell: partition.cell,
      records: check.records,
      batches: check.batches,
    });
    return { itemIndex: itemIndex - 1, stampedMs: check.stampedMs };
  };
  const check = checkRecords(records ?? noBytes, topic.effective, apiVersion, nowMs);
  return check instanceof Promise ? check.then(take) : take(check);
}

function answer(item: AppendItem, outcome: AppendOutcome, stampedMs: number, { catalog }: BrokerServices): Answered {
  heedLeader(catalog, outcome.errorCode);
  return {
    index: item.partition,
    errorCode: outcome.errorCode,
    baseOffset: BigInt(outcome.baseOffset),
    logAppendTimeMs: outcome.errorCode === errorCodes.NONE ? BigInt(stampedMs) : -1n,
    logStartOffset: BigInt(outcome.logStartOffset),
    errorMessage: null,
  };
}
