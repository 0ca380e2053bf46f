/**
 * The objects of a transaction are broken off or evicted between any two of its steps, in the real runtime: it ends as it was decided,
 * in all partitions and in the group, and an idle transactional id leaves but one alarm.
 */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { controllerClient } from "../../durable-objects/controller-client.ts";
import { fromRow } from "../../core/transaction/state.ts";
import type { Transaction } from "../../durable-objects/transaction.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { listOffsets } from "../../protocol/messages/02-list-offsets.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { offsetFetch } from "../../protocol/messages/09-offset-fetch.ts";
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import { endTxn } from "../../protocol/messages/26-end-txn.ts";
import { txnOffsetCommit } from "../../protocol/messages/28-txn-offset-commit.ts";
import { encodeBatch, writtenNow } from "../kernel/batch-builder.ts";
import { KafkaSocket, bindings } from "./kafka-socket.ts";

const transactional = 0x10;
const partitions = [0, 1, 2, 3];

const transactionOf = (cluster: string) =>
  bindings.TRANSACTION.getByName(`${cluster}/txn/tx`) as unknown as DurableObjectStub<Transaction>;

const objects: Readonly<Record<string, (cluster: string) => DurableObjectStub>> = {
  transaction: (cluster) => bindings.TRANSACTION.getByName(`${cluster}/txn/tx`),
  leader: (cluster) => bindings.LEADER.getByName(`${cluster}/cell/0`),
  group: (cluster) => bindings.GROUP.getByName(`${cluster}/group/g`),
};

async function breakOff(stub: DurableObjectStub): Promise<void> {
  await runInDurableObject(stub, (_: unknown, state: DurableObjectState) => state.abort("a test")).catch(() => {});
}

interface Producer {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

class Client {
  readonly cluster: string;
  readonly #socket: KafkaSocket;

  private constructor(cluster: string, socket: KafkaSocket) {
    this.cluster = cluster;
    this.#socket = socket;
  }

  static async open(cluster: string): Promise<Client> {
    const socket = await KafkaSocket.open(cluster);
    const { topics } = await socket.call(metadata, 9, { topics: [{ name: "topic" }], allowAutoTopicCreation: true });
    expect(topics[0]?.errorCode).toBe(0);
    return new Client(cluster, socket);
  }

  /** What a client may ask again it does, until it is told. */
  async #until<Answer>(ask: () => Promise<Answer>, errorOf: (answer: Answer) => number | undefined): Promise<Answer> {
    for (;;) {
      const answer = await ask();
      if (![14, 15, 19, 51].includes(errorOf(answer) ?? 0)) return answer;
      await scheduler.wait(5);
    }
  }

  async init(): Promise<Producer & { readonly errorCode: number }> {
    const request = { transactionalId: "tx", transactionTimeoutMs: 60_000 };
    return await this.#until(
      () => this.#socket.call(initProducerId, 5, request),
      ({ errorCode }) => errorCode,
    );
  }

  async send({ producerId, producerEpoch }: Producer, baseSequence = 0): Promise<void> {
    const records = () =>
      encodeBatch({
        records: [{ value: new Uint8Array(50) }],
        attributes: transactional,
        producerId,
        producerEpoch,
        baseSequence,
        ...writtenNow(),
      });
    const topicData = () => [{ name: "topic", partitionData: partitions.map((index) => ({ index, records: records() })) }];
    const answer = await this.#until(
      () => this.#socket.call(produce, 12, { transactionalId: "tx", acks: -1, timeoutMs: 10_000, topicData: topicData() }),
      ({ responses }) => responses[0]!.partitionResponses.map(({ errorCode }) => errorCode).find((code) => code !== 0),
    );
    expect(answer.responses[0]!.partitionResponses.map(({ errorCode }) => errorCode)).toEqual([0, 0, 0, 0]);
  }

  async sendOffset({ producerId, producerEpoch }: Producer, offset: number): Promise<void> {
    const committed = [{ partitionIndex: 0, committedOffset: BigInt(offset), committedMetadata: "" }];
    const request = { transactionalId: "tx", groupId: "g", producerId, producerEpoch, memberId: "" };
    const answer = await this.#until(
      () => this.#socket.call(txnOffsetCommit, 5, { ...request, topics: [{ name: "topic", partitions: committed }] }),
      ({ topics }) => topics[0]!.partitions[0]!.errorCode,
    );
    expect(answer.topics[0]!.partitions[0]!.errorCode).toBe(0);
  }

  async end({ producerId, producerEpoch }: Producer, committed: boolean): Promise<Producer & { readonly errorCode: number }> {
    return await this.#until(
      () => this.#socket.call(endTxn, 5, { transactionalId: "tx", producerId, producerEpoch, committed }),
      ({ errorCode }) => errorCode,
    );
  }

  /** Last stable offset and high watermark of each partition. */
  async bounds(): Promise<readonly (readonly number[])[]> {
    const ask = async (isolationLevel: number) => {
      const asked = partitions.map((partitionIndex) => ({ partitionIndex, timestamp: -1n }));
      const { topics } = await this.#socket.call(listOffsets, 7, {
        replicaId: -1,
        isolationLevel,
        topics: [{ name: "topic", partitions: asked }],
      });
      return topics[0]!.partitions.map(({ errorCode, offset }) => (errorCode === 0 ? Number(offset) : -1));
    };
    const [stable, high] = [await ask(1), await ask(0)];
    return stable.map((offset, index) => [offset, high[index]!]);
  }

  async offset(): Promise<readonly number[]> {
    const groups = [{ groupId: "g", topics: [{ name: "topic", partitionIndexes: [0] }] }];
    const answer = await this.#socket.call(offsetFetch, 8, { groups, requireStable: true });
    const { errorCode, committedOffset } = answer.groups[0]!.topics[0]!.partitions[0]!;
    return [errorCode, Number(committedOffset)];
  }

  async untilEnded(): Promise<void> {
    for (;;) {
      const bounds = await this.bounds();
      const [errorCode] = await this.offset();
      if (errorCode === 0 && bounds.every(([stable, high]) => stable === high && stable! >= 0)) return;
      await scheduler.wait(5);
    }
  }
}

describe.each([true, false])("a transaction with commit %s", (commit) => {
  test.each(["transaction", "leader", "group"])("[I7] [I11] survives the %s's object at every step", async (kind) => {
    const client = await Client.open(`steps-${kind}-${commit}`);
    const disturb = () => breakOff(objects[kind]!(client.cluster));
    let producer: Producer = await client.init();
    for (let round = 1; round <= 3; round++) {
      await disturb();
      await client.send(producer);
      await disturb();
      await client.send(producer, 1);
      await disturb();
      await client.sendOffset(producer, round);
      await disturb();
      expect(await client.offset()).toEqual([88, -1]);
      const answer = await client.end(producer, commit);
      await disturb();
      expect(answer).toMatchObject({ errorCode: 0, producerId: producer.producerId, producerEpoch: producer.producerEpoch + 1 });
      expect(await client.end(producer, commit)).toEqual(answer);
      producer = answer;
      await client.untilEnded();
      expect(await client.bounds()).toEqual(partitions.map(() => [round * 3, round * 3]));
      expect(await client.offset()).toEqual([0, commit ? round : -1]);
    }
  });
});

test("[I7] an alarm ends what nobody asks after any more", async () => {
  const client = await Client.open("nobody-asks");
  const producer = await client.init();
  await client.send(producer);
  // Both are gone with the answer, whatever they had begun.
  await client.end(producer, true);
  await breakOff(objects["transaction"]!(client.cluster));
  await breakOff(objects["leader"]!(client.cluster));
  while (await runDurableObjectAlarm(transactionOf(client.cluster))) {
    const bounds = await client.bounds();
    if (bounds.every(([stable, high]) => stable === high)) break;
  }
  await client.untilEnded();
  expect(await client.bounds()).toEqual(partitions.map(() => [2, 2]));
});

describe("[D3] an open transaction is an alarm at its time-out, an idle id one on the day on which it is forgotten", () => {
  const weekMs = 604_800_000;

  async function opened(cluster: string) {
    const client = await Client.open(cluster);
    const alarmAt = () =>
      runInDurableObject(
        transactionOf(cluster),
        async (_: Transaction, state: DurableObjectState) => (await state.storage.getAlarm()) ?? 0,
      );
    const updatedMs = () =>
      runInDurableObject(transactionOf(cluster), (_: Transaction, state: DurableObjectState) => {
        const [row] = state.storage.sql.exec<{ value: string }>("SELECT value FROM state").toArray();
        return fromRow(row!.value).updatedMs;
      });
    const producer = await client.init();
    expect(await alarmAt()).toBe((await updatedMs()) + weekMs);
    await client.send(producer);
    expect(await alarmAt()).toBe((await updatedMs()) + 60_000);
    return { client, producer, alarmAt, updatedMs };
  }

  test("in memory a timer puts the one in the place of the other", async () => {
    const { client, producer, alarmAt, updatedMs } = await opened("idle");
    await client.end(producer, false);
    await client.untilEnded();
    while ((await alarmAt()) < Date.now() + 60_000) await scheduler.wait(20);
    expect(await alarmAt()).toBe((await updatedMs()) + weekMs);
  });

  test("evicted before that it is woken too early once, and by that for the last time", async () => {
    const { client, producer, alarmAt, updatedMs } = await opened("evicted");
    await client.end(producer, true);
    await client.untilEnded();
    await evictDurableObject(transactionOf("evicted"));
    expect(await runDurableObjectAlarm(transactionOf("evicted"))).toBe(true);
    expect(await alarmAt()).toBe((await updatedMs()) + weekMs);
    const metrics = await transactionOf("evicted").metrics();
    expect(metrics.counters["kante_rows_written_total"]).toBe(1);
  });

  test("each setting of an alarm is counted as the row that it is billed as", async () => {
    const { client, producer } = await opened("alarm-rows");
    const rows = async () => (await transactionOf("alarm-rows").metrics()).counters["kante_rows_written_total"] ?? 0;
    const before = await rows();
    await client.end(producer, true);
    await client.untilEnded();
    // The decision and that all have heard of it, the alarm in case it is broken off, and the one of the expiry.
    while ((await rows()) < before + 4) await scheduler.wait(20);
    expect(await rows()).toBe(before + 4);
  });
});

test("asking after a transactional id that does not exist leaves nothing behind", async () => {
  const client = await Client.open("nothing");
  expect(await client.end({ producerId: 1n, producerEpoch: 0 }, true)).toMatchObject({ errorCode: 49 });
  const tables = await runInDurableObject(transactionOf("nothing"), (_: Transaction, state: DurableObjectState) =>
    state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'state'").toArray(),
  );
  expect(tables).toEqual([]);
});

test("an id whose producer was refused is not on the cluster's list; one that got its epoch is", async () => {
  const socket = await KafkaSocket.open("txn-refused");
  const controller = controllerClient(bindings, "txn-refused");
  const ask = async (transactionalId: string, transactionTimeoutMs: number) =>
    (await socket.call(initProducerId, 5, { transactionalId, transactionTimeoutMs })).errorCode;
  expect(await ask("too-long", 2 ** 31 - 1)).toBe(50);
  expect(await ask("none", 0)).toBe(50);
  expect(await controller.transactions()).toEqual([]);
  expect(await ask("good", 60_000)).toBe(0);
  expect(await controller.transactions()).toEqual(["good"]);
});
