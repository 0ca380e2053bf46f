/**
 * A transaction with records in a thousand partitions that several cells lead, in the real runtime: it ends as it was decided in all of
 * them, in a call and a row for each cell, also when its coordinator and its leaders are broken off in the middle.
 */
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { produce } from "../../protocol/messages/00-produce.ts";
import { fetch as fetchApi } from "../../protocol/messages/01-fetch.ts";
import { listOffsets } from "../../protocol/messages/02-list-offsets.ts";
import { createTopics } from "../../protocol/messages/19-create-topics.ts";
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import { endTxn } from "../../protocol/messages/26-end-txn.ts";
import { encodeBatch, writtenNow } from "../kernel/batch-builder.ts";
import { KafkaSocket, bindings } from "./kafka-socket.ts";

/** A cell leads a thousand partitions: the second topic is in two of them, the third in the second. */
const topics = ["one", "two", "three"];
const partitionsEach = 600;
const indexes = Array.from({ length: partitionsEach }, (_, index) => index);
const retried = new Set([14, 15, 19, 51]);

async function until<Answer>(ask: () => Promise<Answer>, codes: (answer: Answer) => readonly number[]): Promise<Answer> {
  for (;;) {
    const answer = await ask();
    const failed = codes(answer).filter((code) => code !== 0);
    if (failed.length === 0) return answer;
    expect(failed.filter((code) => !retried.has(code))).toEqual([]);
    await scheduler.wait(5);
  }
}

async function breakOff(...stubs: readonly DurableObjectStub[]): Promise<void> {
  for (const stub of stubs)
    await runInDurableObject(stub, (_: unknown, state: DurableObjectState) => state.abort("a test")).catch(() => {});
}

/** Of all partitions: where readers of committed records end, and all others. */
async function bounds(socket: KafkaSocket): Promise<readonly string[]> {
  const ask = async (isolationLevel: number) => {
    const partitions = indexes.map((partitionIndex) => ({ partitionIndex, timestamp: -1n }));
    const answer = await until(
      () => socket.call(listOffsets, 7, { replicaId: -1, isolationLevel, topics: topics.map((name) => ({ name, partitions })) }),
      (listed) => listed.topics.flatMap((topic) => topic.partitions.map(({ errorCode }) => errorCode)),
    );
    return answer.topics.flatMap((topic) => topic.partitions.map(({ offset }) => Number(offset)));
  };
  const [stable, high] = [await ask(1), await ask(0)];
  return [...new Set(stable.map((offset, index) => `${offset} of ${high[index]}`))];
}

describe("[I7] [I11] a transaction over 1 800 partitions and two cells", () => {
  test.each([
    ["abort", "nobody"],
    ["abort", "coordinator and leaders"],
    ["commit", "coordinator and leaders"],
  ])("%s, %s dies", async (how, who) => {
    const cluster = `wide-${how}-${who.length}`;
    const socket = await KafkaSocket.open(cluster);
    await socket.call(createTopics, 7, {
      topics: topics.map((name) => ({ name, numPartitions: partitionsEach, replicationFactor: 1 })),
      timeoutMs: 60_000,
    });
    const init = { transactionalId: "wide", transactionTimeoutMs: 600_000 };
    const { producerId, producerEpoch } = await until(
      () => socket.call(initProducerId, 5, init),
      ({ errorCode }) => [errorCode],
    );
    const written = { attributes: 0x10, producerId, producerEpoch, baseSequence: 0, ...writtenNow() };
    const batch = () => encodeBatch({ records: [{ value: new Uint8Array(10) }], ...written });
    await until(
      () =>
        socket.call(produce, 12, {
          transactionalId: "wide",
          acks: -1,
          timeoutMs: 60_000,
          topicData: topics.map((name) => ({ name, partitionData: indexes.map((index) => ({ index, records: batch() })) })),
        }),
      ({ responses }) => responses.flatMap((topic) => topic.partitionResponses.map(({ errorCode }) => errorCode)),
    );
    expect(await bounds(socket)).toEqual(["0 of 1"]);
    const objects = [
      bindings.TRANSACTION.getByName(`${cluster}/txn/wide`),
      bindings.LEADER.getByName(`${cluster}/cell/0`),
      bindings.LEADER.getByName(`${cluster}/cell/1`),
    ];
    const end = () => socket.call(endTxn, 5, { transactionalId: "wide", producerId, producerEpoch, committed: how === "commit" });
    const ended = await until(end, ({ errorCode }) => [errorCode]);
    for (let round = 0; round < (who === "nobody" ? 0 : 3); round++) await breakOff(...objects);
    expect(await until(end, ({ errorCode }) => [errorCode])).toEqual(ended);
    while ((await bounds(socket)).some((each) => each !== "2 of 2")) await scheduler.wait(10);
    // A reader of committed records is told of exactly that transaction where it was aborted.
    const { responses } = await socket.call(fetchApi, 11, {
      replicaId: -1,
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 1 << 20,
      isolationLevel: 1,
      sessionEpoch: -1,
      topics: topics.map((topic) => ({
        topic,
        partitions: [0, partitionsEach - 1].map((partition) => ({ partition, fetchOffset: 0n, partitionMaxBytes: 1 << 16 })),
      })),
    });
    const aborted = responses.flatMap(({ partitions }) => partitions.map(({ abortedTransactions }) => abortedTransactions ?? []));
    const wanted = how === "abort" ? [{ producerId, firstOffset: 0n }] : [];
    expect(aborted).toEqual(Array.from({ length: 6 }, () => wanted));
    socket.close();
  });
});
