/**
 * What the client library promises, as a suite that is run over several brokers, transports and runtimes: Kante by WebSocket, TCP and
 * service binding, Apache Kafka by TCP; in Node and in workerd, so it uses nothing of either. Each test has topics and groups of its own.
 */
import { describe, test } from "vitest";
import {
  type Client,
  type ConnectOptions,
  FencedError,
  type KafkaError,
  SerializationError,
  TransactionAbortedError,
  json,
  string,
} from "../../client/client.ts";
import { groupContract } from "./contract-groups.ts";
import { misuseContract } from "./contract-misuse.ts";
import { type Strings, eventually, freshName, numbers, reader, take, valuesOf } from "./contract-steps.ts";

export function clientContract(open: (options?: ConnectOptions) => Client): void {
  describe.concurrent("producing and reading", () => {
    test("keys, values, headers, nulls and timestamps come back as they were", async ({ expect }) => {
      await using client = open();
      const topic = freshName("records");
      const producer = client.producer();
      const headers = [
        { key: "h", value: "one" },
        { key: "h", value: new Uint8Array([0, 255]) },
        { key: "none", value: null },
      ];
      const sent = await producer.send(topic, [
        { key: "k", value: "v", headers, timestamp: 1_700_000_000_123, partition: 0 },
        { value: "no key", partition: 0, timestamp: new Date(1_700_000_000_000) },
        { key: "tombstone", value: null, partition: 0 },
        { key: "", value: "", partition: 0, headers: { a: "b" } },
        { key: "ü", value: "€ 😀".repeat(20), partition: 0, timestamp: 1_900_000_000_000 - 400_000_000_000 },
      ]);
      expect(sent.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4]);
      expect(sent[0]).toMatchObject({ topic, partition: 0, timestamp: 1_700_000_000_123 });
      const records = await take(reader(client, topic), 5);
      expect(records.map(({ key, value }) => [key, value])).toEqual([
        ["k", "v"],
        [null, "no key"],
        ["tombstone", null],
        ["", ""],
        ["ü", "€ 😀".repeat(20)],
      ]);
      expect(records.map(({ timestamp }) => timestamp).toSpliced(2, 2)).toEqual([
        1_700_000_000_123, 1_700_000_000_000, 1_500_000_000_000,
      ]);
      const text = new TextDecoder();
      expect(records[0]!.headers.map(({ key, value }) => [key, value === null ? null : [...value]])).toEqual([
        ["h", [...new TextEncoder().encode("one")]],
        ["h", [0, 255]],
        ["none", null],
      ]);
      expect(records[3]!.headers.map(({ key, value }) => [key, text.decode(value!)])).toEqual([["a", "b"]]);
    });

    test.for(["none", "gzip", "snappy", "lz4"] as const)(
      "%s: what is sent comes back whole and in order",
      async (compression, { expect }) => {
        await using client = open();
        const topic = freshName(compression);
        await client.admin().createTopics([{ name: topic, partitions: 1 }]);
        const producer = client.producer({ compression, value: json<{ n: number; pad: string }>(), batchBytes: 20_000 });
        const sends = Array.from({ length: 40 }, async (_, call) =>
          producer.send(
            topic,
            Array.from({ length: 50 }, (_each, index) => ({ value: { n: call * 50 + index, pad: "x".repeat(index) } })),
          ),
        );
        const offsets = (await Promise.all(sends)).flat().map(({ offset }) => offset);
        expect(offsets).toEqual(Array.from({ length: 2000 }, (_, index) => index));
        const values = json<{ n: number }>();
        const consumer = client.consumer({ topics: [topic], offsetReset: "earliest", value: values });
        const records = await take(consumer, 2000);
        expect(records.map(({ value }) => value!.n)).toEqual(offsets);
      },
    );

    test("single sends without awaiting keep their order; flush waits for all of them", async ({ expect }) => {
      await using client = open();
      const topic = freshName("order");
      const producer = client.producer({ batchBytes: 1000 });
      let acknowledged = 0;
      for (const value of numbers(500)) void producer.send(topic, { value, partition: 0 }).then(() => (acknowledged += 1));
      await producer.flush();
      expect(acknowledged).toBe(500);
      expect(valuesOf(await take(reader(client, topic), 500))).toEqual(numbers(500));
    });

    test("a small buffer makes senders wait and loses nothing", async ({ expect }) => {
      await using client = open();
      const topic = freshName("pressure");
      const producer = client.producer({ bufferBytes: 10_000, batchBytes: 4000 });
      const sent = [];
      for (let call = 0; call < 30; call++) {
        sent.push(
          producer.send(
            topic,
            numbers(50, call * 50).map((value) => ({ value, partition: 0 })),
          ),
        );
        await producer.ready;
        expect(producer.bufferedBytes).toBeLessThan(10_000);
      }
      await Promise.all(sent);
      expect(valuesOf(await take(reader(client, topic), 1500))).toEqual(numbers(1500));
    });

    test("acks 1 and 0 work, and say what they know", async ({ expect }) => {
      await using client = open();
      const topic = freshName("acks");
      expect(await client.producer({ acks: 1 }).send(topic, { value: "1", partition: 0 })).toMatchObject({ offset: 0 });
      expect(await client.producer({ acks: 0 }).send(topic, { value: "0", partition: 0 })).toMatchObject({ offset: -1 });
      expect(valuesOf(await take(reader(client, topic), 2))).toEqual(["1", "0"]);
    });

    test("a batch that the topic finds too large is split; a record that is too large fails alone", async ({ expect }) => {
      await using client = open();
      const topic = freshName("large");
      await client.admin().createTopics([{ name: topic, partitions: 1, configs: { "max.message.bytes": "3000" } }]);
      const producer = client.producer();
      const values = numbers(100).map((value) => value.padEnd(100));
      const sent = await producer.send(
        topic,
        values.map((value) => ({ value })),
      );
      expect(sent.map(({ offset }) => offset)).toEqual(values.map((_, index) => index));
      await expect(producer.send(topic, { value: "x".repeat(5000) })).rejects.toMatchObject({
        name: "BrokerError",
        code: 10,
        codeName: "MESSAGE_TOO_LARGE",
        retriable: false,
      });
      expect(await producer.send(topic, { value: "small" })).toMatchObject({ offset: 100 });
    });

    test("records that cannot be written or read fail alone, with their cause", async ({ expect }) => {
      await using client = open();
      const topic = freshName("bad");
      const producer = client.producer({ value: json() });
      const circular: { self?: unknown } = {};
      circular.self = circular;
      await expect(producer.send(topic, { value: circular, partition: 0 })).rejects.toBeInstanceOf(SerializationError);
      await expect(producer.send(topic, { value: 1, partition: 99 })).rejects.toThrow("no partition 99");
      await client.producer().send(
        topic,
        [{ value: "1" }, { value: "{" }, { value: "2" }].map((each) => ({ ...each, partition: 0 })),
      );
      const consumer = client.consumer({ topics: [topic], offsetReset: "earliest", value: json<number>() });
      expect(valuesOf(await take(consumer, 1))).toEqual([1]);
      await expect(take(consumer, 1)).rejects.toBeInstanceOf(SerializationError);
      expect(valuesOf(await take(consumer, 1))).toEqual([2]);
    });
  });

  describe.concurrent("transactions", () => {
    test("what is committed is read, what is aborted is not, unless uncommitted is asked for", async ({ expect }) => {
      await using client = open();
      const topic = freshName("tx");
      await client.admin().createTopics([{ name: topic, partitions: 2 }]);
      const producer = client.producer({ transactionalId: topic });
      const both = (value: string) => [0, 1].map((partition) => ({ value, partition }));
      await producer.transaction(async (transaction) => {
        await transaction.send(topic, both("a"));
        void transaction.send(topic, both("b"));
      });
      const work = producer.transaction(async (transaction) => {
        await transaction.send(topic, both("lost"));
        throw new Error("changed my mind");
      });
      await expect(work).rejects.toThrow("changed my mind");
      await producer.transaction(async (transaction) => void transaction.send(topic, both("c")));
      const committed = valuesOf(await take(reader(client, topic), 6));
      expect(committed.map(String).toSorted()).toEqual(["a", "a", "b", "b", "c", "c"]);
      const all = valuesOf(await take(reader(client, topic, { isolation: "read_uncommitted" }), 8));
      expect(all.filter((value) => value === "lost")).toHaveLength(2);
    });

    test("read, transform, write: offsets of a group count with the transaction", async ({ expect }) => {
      await using client = open();
      const [input, output, group] = [freshName("in"), freshName("out"), freshName("group")];
      await client.producer().send(
        input,
        numbers(10).map((value) => ({ value, partition: 0 })),
      );
      const producer = client.producer({ transactionalId: group });
      const consumer = reader(client, input, { group, autoCommit: false });
      let count = 0;
      for await (const record of consumer) {
        count += 1;
        const work = producer.transaction(async (transaction) => {
          void transaction.send(output, { value: `${record.value}!`, partition: 0 });
          await transaction.commitOffsets([{ ...record, offset: record.offset + 1 }], consumer.groupMetadata);
          if (count === 3) throw new Error("not this one");
        });
        await work.catch(() => {});
        if (count === 5) break;
      }
      expect(await consumer.committed()).toContainEqual({ topic: input, partition: 0, offset: 5 });
      expect(valuesOf(await take(reader(client, output), 4))).toEqual(["0!", "1!", "3!", "4!"]);
    });

    test("a newer producer of the same id fences the older; sending outside of a transaction is refused", async ({ expect }) => {
      await using client = open();
      const topic = freshName("fenced");
      const [older, newer] = [client.producer({ transactionalId: topic }), client.producer({ transactionalId: topic })];
      await expect(older.send(topic, { value: "x" })).rejects.toThrow("begin one first");
      const transaction = await older.beginTransaction();
      await transaction.send(topic, { value: "older", partition: 0 });
      await newer.transaction(async (each) => void each.send(topic, { value: "newer", partition: 0 }));
      void transaction.send(topic, { value: "too late", partition: 0 });
      await expect(transaction.commit()).rejects.toSatisfy(
        (error) => error instanceof FencedError || error instanceof TransactionAbortedError || (error as KafkaError).code === 47,
      );
      expect(valuesOf(await take(reader(client, topic), 1))).toEqual(["newer"]);
    });

    test("an open transaction that is disposed of is aborted", async ({ expect }) => {
      await using client = open();
      const topic = freshName("disposed");
      const producer = client.producer({ transactionalId: topic });
      {
        await using transaction = await producer.beginTransaction();
        await transaction.send(topic, { value: "never", partition: 0 });
      }
      await producer.transaction(async (each) => void each.send(topic, { value: "after", partition: 0 }));
      expect(valuesOf(await take(reader(client, topic), 1))).toEqual(["after"]);
    });
  });

  describe.concurrent("reading without a group", () => {
    test("seeks by offset, by time and to the ends; positions and lag say where it is", async ({ expect }) => {
      await using client = open();
      const topic = freshName("seek");
      const records = numbers(10).map((value) => ({ value, partition: 0, timestamp: 1_700_000_000_000 + Number(value) * 1000 }));
      await client.producer().send(topic, records);
      const place = { topic, partition: 0 };
      const consumer: Strings = client.consumer({
        partitions: [{ ...place, offset: 7 }],
        key: string,
        value: string,
        maxWaitMs: 200,
      });
      expect(valuesOf(await take(consumer, 1))).toEqual(["7"]);
      expect([consumer.position(place), consumer.lag(place)]).toEqual([8, 2]);
      consumer.seek(place, 2);
      expect(valuesOf(await take(consumer, 2))).toEqual(["2", "3"]);
      await consumer.seekTo(new Date(1_700_000_004_500));
      expect(valuesOf(await take(consumer, 1))).toEqual(["5"]);
      await consumer.seekTo("earliest");
      expect(valuesOf(await take(consumer, 1))).toEqual(["0"]);
      await consumer.seekTo("latest");
      const next = take(consumer, 1);
      await client.producer().send(topic, { value: "new", partition: 0 });
      expect(valuesOf(await next)).toEqual(["new"]);
      expect(() => consumer.seek({ topic, partition: 9 }, 0)).toThrow("not assigned");
    });

    test("an offset that the log has lost is reset as asked, or told", async ({ expect }) => {
      await using client = open();
      const topic = freshName("reset");
      await client.producer().send(
        topic,
        numbers(5).map((value) => ({ value, partition: 0 })),
      );
      await client.admin().deleteRecords([{ topic, partition: 0, offset: 3 }]);
      const from = { partitions: [{ topic, partition: 0, offset: 1 }], value: string };
      expect(valuesOf(await take(client.consumer({ ...from, offsetReset: "earliest" }), 2))).toEqual(["3", "4"]);
      await expect(take(client.consumer({ ...from, offsetReset: "error" }), 1)).rejects.toMatchObject({ code: 1 });
    });

    test("a topic that was deleted and created anew is another log: reading it begins where asked", async ({ expect }) => {
      await using client = open();
      const topic = freshName("anew");
      const admin = client.admin();
      const create = async () => await admin.createTopics([{ name: topic, partitions: 1 }]);
      const id = async () => (await admin.describeTopics([topic]))[0]!.id;
      await create();
      await client.producer().send(
        topic,
        numbers(10).map((value) => ({ value })),
      );
      await using consumer = reader(client, topic);
      expect(valuesOf(await take(consumer, 10))).toEqual(numbers(10));
      // So that it does not see the log that is shorter than where it was.
      consumer.pause();
      const before = await id();
      await admin.deleteTopics([topic]);
      await eventually(
        async () =>
          await create().then(
            () => true,
            () => false,
          ),
      );
      // Apache Kafka's broker hears of both later than its controller, and takes records for the old log until then.
      await eventually(
        async () =>
          await id().then(
            (now) => now !== before,
            () => false,
          ),
      );
      await using other = open();
      await other.producer().send(
        topic,
        numbers(20, 100).map((value) => ({ value })),
      );
      consumer.resume();
      expect(valuesOf(await take(consumer, 20))).toEqual(numbers(20, 100));
    });

    test("a paused partition waits, the others go on; nothing is lost", async ({ expect }) => {
      await using client = open();
      const topic = freshName("pause");
      await client.admin().createTopics([{ name: topic, partitions: 2 }]);
      const producer = client.producer();
      const send = async (values: string[]) => {
        for (const partition of [0, 1])
          await producer.send(
            topic,
            values.map((value) => ({ value, partition })),
          );
      };
      await send(numbers(20));
      const consumer = reader(client, topic);
      await take(consumer, 1);
      consumer.pause([{ topic, partition: 0 }]);
      await send(numbers(20, 20));
      const before = consumer.position({ topic, partition: 0 });
      await eventually(async () => {
        await take(consumer, 1);
        return consumer.position({ topic, partition: 1 }) === 40;
      });
      expect(consumer.position({ topic, partition: 0 })).toBe(before);
      consumer.resume();
      await take(consumer, 40 - (before ?? 0));
      expect(consumer.position({ topic, partition: 0 })).toBe(40);
    });

    test("batches come as they were produced; a signal ends the loop; a budget bounds what is read ahead", async ({ expect }) => {
      await using client = open();
      const topic = freshName("batches");
      const producer = client.producer();
      for (let call = 0; call < 10; call++)
        await producer.send(
          topic,
          numbers(10, call * 10).map((value) => ({ value, partition: 0 })),
        );
      const stop = new AbortController();
      const consumer: Strings = reader(client, topic, { signal: stop.signal, prefetchBytes: 300, partitionBytes: 300 });
      const sizes: number[] = [];
      const values: unknown[] = [];
      for await (const batch of consumer.batches()) {
        sizes.push(batch.records.length);
        values.push(...valuesOf(batch.records));
        if (values.length === 100) stop.abort();
      }
      expect(values).toEqual(numbers(100));
      expect(sizes).toEqual(Array.from({ length: 10 }, () => 10));
    });
  });

  groupContract(open);
  misuseContract(open);

  test("a signal ends a wait, and a closed client says so", async ({ expect }) => {
    const client = open();
    const topic = freshName("signal");
    const producer = client.producer();
    await expect(producer.send(topic, { value: "x" }, { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow(
      "enough",
    );
    const consumer = reader(client, topic);
    const waiting = take(consumer, 1);
    await eventually(() => consumer.assignment.length > 0);
    await client.close();
    expect(await waiting).toEqual([]);
    await expect(producer.send(topic, { value: "x" })).rejects.toThrow("closed");
    await expect(client.admin().listTopics()).rejects.toThrow("closed");
  });
}
