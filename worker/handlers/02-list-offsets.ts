/**
 * ListOffsets, versions 1–11. Leaders know the ends of a log and which extents may hold a time; the records of those extents are looked
 * into here, so the answer is exact to the record. There is no tiered storage: -4 is the log's start, -5 and -6 find nothing, as on a
 * Kafka broker without it. KIP-734 (-3), KIP-405 (-4, -5), KIP-1023 (-6).
 */
import type { OffsetAnswer, OffsetQuery, OffsetSpec } from "../../core/coordinator.ts";
import { operatingErrorKind } from "../../core/operating-error.ts";
import type { BrokerServices, RequestContext } from "../../durable-objects/handler.ts";
import type { RecordPosition } from "../../kernel/interface.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { listOffsets } from "../../protocol/messages/02-list-offsets.ts";
import type { RequestOf, ResponseInput } from "../../protocol/schema.ts";
import { ByCell } from "./by-cell.ts";
import { defineHandler } from "./define-handler.ts";
import { repeated } from "./repeated.ts";
import { firstRecordAtOrAfter, maxTimestampRecord } from "./record-sets.ts";
import { sideBySide } from "./side-by-side.ts";
import { againWhenDenied, findTopicWith, heedLeader, leaderEpochError } from "./topics.ts";
import { leaderUnreachable } from "./unreachable.ts";

type Request = RequestOf<typeof listOffsets>;
type Topic = Request["topics"][number];
type Partition = Topic["partitions"][number];
type Answered = NonNullable<NonNullable<ResponseInput<typeof listOffsets>["topics"]>[number]["partitions"]>[number];

interface Asked {
  readonly partitionIndex: number;
  readonly ticket: symbol;
  readonly spec: OffsetSpec;
}

/** The special timestamps and the version that brought each. */
const versionOf: Readonly<Record<string, number>> = { "-1": 1, "-2": 1, "-3": 7, "-4": 8, "-5": 9, "-6": 11 };

/** Each may hold an extent and one batch of it, opened: as many as a broker reads for those who are not at the tail, and one more. */
const looksAtOnce = 3;

export const listOffsetsHandler = defineHandler({
  api: listOffsets,
  versions: [1, 11],
  async handle(request, context) {
    const { services } = context;
    const { topics, answers } = await againWhenDenied(services.catalog, async () => {
      const queries = new ByCell<OffsetQuery>();
      const isRepeated = repeatedPartitions(request);
      const topics = await Promise.all(request.topics.map((topic) => ask(topic, queries, isRepeated, request, context)));
      return { topics, answers: await queries.ask((cell, asked) => services.coordinator(cell).listOffsets(asked), unanswered) };
    });
    const settle = async (partition: Answered | Asked): Promise<Answered> =>
      "ticket" in partition ? answer(partition, answers.get(partition.ticket)!, request, services) : partition;
    const all = topics.flatMap(({ partitions }) => partitions);
    const settled = await sideBySide(all, settle, looksAtOnce);
    let end = 0;
    return { topics: topics.map(({ name, partitions }) => ({ name, partitions: settled.slice(end, (end += partitions.length)) })) };
  },
  unreachable: ({ topics }) => ({
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: leaderUnreachable })),
    })),
  }),
});

async function ask(
  { name, partitions }: Topic,
  queries: ByCell<OffsetQuery>,
  isRepeated: (name: string, partition: number) => boolean,
  request: Request,
  context: RequestContext,
) {
  const entry = await findTopicWith(
    context.services.catalog,
    name,
    partitions.map(({ partitionIndex }) => partitionIndex),
  );
  return {
    name,
    partitions: partitions.map((partition): Answered | Asked => {
      const { partitionIndex } = partition;
      const known = entry?.partitions[partitionIndex];
      if (isRepeated(name, partitionIndex)) return { partitionIndex, errorCode: errorCodes.INVALID_REQUEST };
      if (entry === undefined || known === undefined) return { partitionIndex, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION };
      const errorCode = leaderEpochError(known.leaderEpoch, partition.currentLeaderEpoch);
      if (errorCode !== errorCodes.NONE) return { partitionIndex, errorCode };
      const spec = specOf(partition, request.isolationLevel === 1, context.apiVersion);
      if (spec === "unsupported") return { partitionIndex, errorCode: errorCodes.UNSUPPORTED_VERSION };
      if (spec === "nothing") return { partitionIndex };
      return { partitionIndex, spec, ticket: queries.add(known.cell, { topicId: entry.id, partition: partitionIndex, spec }) };
    }),
  };
}

function repeatedPartitions({ topics }: Request): (name: string, partition: number) => boolean {
  const keyOf = (name: string, partition: number) => `${partition}:${name}`;
  const twice = repeated(topics.flatMap(({ name, partitions }) => partitions.map((each) => keyOf(name, each.partitionIndex))));
  return (name, partition) => twice.size > 0 && twice.has(keyOf(name, partition));
}

function specOf({ timestamp }: Partition, readCommitted: boolean, apiVersion: number): OffsetSpec | "nothing" | "unsupported" {
  if (timestamp >= 0n) return { kind: "timestamp", timestamp: Number(timestamp) };
  const since = versionOf[String(timestamp)];
  if (since === undefined || apiVersion < since) return "unsupported";
  if (timestamp === -1n) return { kind: "latest", readCommitted };
  if (timestamp === -2n || timestamp === -4n) return { kind: "earliest" };
  return timestamp === -3n ? { kind: "max-timestamp" } : "nothing";
}

/** The client asks again; the other partitions have their answers. */
function unanswered({ topicId, partition }: OffsetQuery): OffsetAnswer {
  const bounds = { logStartOffset: -1, highWatermark: -1, lastStableOffset: -1, leaderEpoch: -1 };
  return { topicId, partition, errorCode: leaderUnreachable, leaderEpoch: -1, offset: -1, extents: [], bounds };
}

async function answer(
  { partitionIndex, spec }: Asked,
  found: OffsetAnswer,
  request: Request,
  services: BrokerServices,
): Promise<Answered> {
  const { errorCode, leaderEpoch, offset, bounds } = found;
  if (errorCode !== errorCodes.NONE) {
    heedLeader(services.catalog, errorCode);
    return { partitionIndex, errorCode };
  }
  if (spec.kind === "earliest" || spec.kind === "latest") return { partitionIndex, offset: BigInt(offset), leaderEpoch };
  let record: RecordPosition | undefined;
  try {
    record = await findRecord(spec, found, services);
  } catch (error) {
    if (operatingErrorKind(error) !== "retry") throw error;
    return { partitionIndex, errorCode: errorCodes.KAFKA_STORAGE_ERROR };
  }
  const end = request.isolationLevel === 1 ? bounds.lastStableOffset : bounds.highWatermark;
  if (record === undefined || record.offset >= end) return { partitionIndex };
  return { partitionIndex, timestamp: BigInt(record.timestamp), offset: BigInt(record.offset), leaderEpoch };
}

async function findRecord(
  spec: OffsetSpec,
  { extents, bounds }: OffsetAnswer,
  services: BrokerServices,
): Promise<RecordPosition | undefined> {
  let best: RecordPosition | undefined;
  for (const extent of extents) {
    const records = await services.readExtent(extent);
    if (spec.kind === "timestamp") {
      const found = await firstRecordAtOrAfter(records, spec.timestamp, bounds.logStartOffset);
      if (found !== undefined) return found;
    } else {
      const found = await maxTimestampRecord(records, bounds.logStartOffset);
      if (found !== undefined && (best === undefined || found.timestamp > best.timestamp)) best = found;
    }
  }
  return best;
}
