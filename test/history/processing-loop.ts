/**
 * A consume-transform-produce loop: it goes on where the group stands, makes a result of each record, and moves the group in the same
 * transaction. Whatever dies, of each record of the source exactly one result is seen.
 */
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { offsetFetch } from "../../protocol/messages/09-offset-fetch.ts";
import { readPartition } from "./readers.ts";
import { resultOf } from "./happening.ts";
import type { Stage } from "./stage.ts";
import { type Place, placesOf } from "./topics.ts";
import type { Instance } from "./transactional-producers.ts";
import type { Wire } from "./wire.ts";

/** Fetches that wait a little: the source may be quiet. */
const waitMs = 100;

/** Where the group stands once no transaction is open that would move it. */
export async function groupOffset(wire: Wire, group: string, { topic, partition }: Place): Promise<number> {
  const request = { groupId: group, topics: [{ name: topic, partitionIndexes: [partition] }], requireStable: true };
  const answer = await wire.insist(
    offsetFetch,
    7,
    request,
    ({ errorCode, topics }) => errorCode || (topics[0]?.partitions[0]?.errorCode ?? 0),
  );
  return Math.max(0, Number(answer.topics[0]!.partitions[0]!.committedOffset));
}

export async function processSome(stage: Stage, instance: Instance, group: string, place: Place): Promise<void> {
  const { random } = stage;
  const from = await groupOffset(instance.wire, group, place);
  const found = await instance.wire
    .call(fetch, 12, fetchRequestOf(place, from))
    .then(({ responses }) => readPartition(responses[0]!.partitions[0]!, "read_committed", from))
    .catch(() => undefined);
  if (found === undefined || found.next === from) return await stage.pause();
  const records = found.steps.flatMap((step) => (step.kind === "record" ? [step] : [])).slice(0, random.between(1, 20));
  const transaction = instance.newTransaction();
  const results = placesOf("results");
  await instance.addPartitions(results);
  for (const [index, target] of results.entries()) {
    const values = records.flatMap(({ value }, at) => (at % results.length === index ? [resultOf(group, value, transaction)] : []));
    if (values.length > 0) await instance.send(transaction, target, values);
  }
  const last = records.at(-1);
  await instance.moveGroup(transaction, group, place, last === undefined ? found.next : last.offset + 1);
  await instance.end(transaction, random.chance(0.8));
}

function fetchRequestOf({ topic, partition }: Place, offset: number) {
  const partitions = [{ partition, fetchOffset: BigInt(offset), partitionMaxBytes: 1 << 18 }];
  return {
    maxWaitMs: waitMs,
    minBytes: 1,
    maxBytes: 1 << 20,
    isolationLevel: 1,
    topics: [{ topic, partitions }],
    forgottenTopicsData: [],
    rackId: "",
  };
}
