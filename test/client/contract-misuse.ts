/**
 * The part of the client's contract about those who use it wrongly, or fail themselves: what is wrong is told by its name where it is given,
 * nothing hangs on it, and nobody else in the group has to suffer for it. Compilers would refuse most of this; not everybody has one.
 */
import { describe, test } from "vitest";
import {
  ArgumentError,
  type Client,
  type ConnectOptions,
  FencedError,
  type KafkaError,
  type ProducerRecord,
  SerializationError,
  StateError,
} from "../../client/client.ts";
import { eventually, freshName, reader, take } from "./contract-steps.ts";

/** What a caller without a compiler may hand over. */
const wrong = <Given>(value: unknown): Given => value as Given;

export function misuseContract(open: (options?: ConnectOptions) => Client): void {
  test("wrong options are refused by their names", async ({ expect }) => {
    await using client = open();
    for (const options of [
      { acks: 2 },
      { lingerMs: Number.NaN },
      { lingerMs: "5" },
      { batchBytes: 0 },
      { bufferBytes: -1 },
      { inFlight: 2.5 },
      { deliveryTimeoutMs: -1 },
      { transactionalId: "" },
      { transactionTimeoutMs: 0 },
      { value: "string" },
      { partitioner: "murmur2" },
    ])
      expect(() => client.producer(wrong<object>(options)), JSON.stringify(options)).toThrow(
        expect.objectContaining({ name: "ArgumentError", message: expect.stringContaining(Object.keys(options)[0]!) }),
      );
    for (const options of [
      { topics: "orders" },
      { topics: [] },
      { topics: ["t"], offsetReset: "newest" },
      { topics: ["t"], isolation: "committed" },
      { topics: ["t"], group: "" },
      { topics: ["t"], groupProtocol: "new" },
      { topics: ["t"], assignors: [] },
      { topics: ["t"], maxWaitMs: Number.NaN },
      { topics: ["t"], key: {} },
      { topics: ["t"], onRevoked: "commit" },
    ])
      expect(() => client.consumer(wrong<{ topics: [] }>(options)), JSON.stringify(options)).toThrow(
        expect.objectContaining({ name: "ArgumentError", message: expect.stringContaining(Object.keys(options).at(-1) ?? "") }),
      );
    for (const options of [
      undefined,
      {},
      { topics: ["t"], offsetReset: new Date(Number.NaN) },
      { partitions: [{ topic: "t", partition: 0, offset: -2 }] },
    ])
      expect(() => client.consumer(wrong<{ topics: [] }>(options))).toThrow(ArgumentError);
    expect(() => client.producer({ transactionalId: "t", idempotent: false })).toThrow(ArgumentError);
    for (const options of [{ requestTimeoutMs: 0 }, { reconnectBackoffMs: [100, 5] }])
      expect(() => open(wrong(options))).toThrow(ArgumentError);
    await expect(client.admin().listOffsets([{ topic: "t", partition: 0 }], new Date(Number.NaN))).rejects.toThrow(ArgumentError);
    await expect(client.producer().send(wrong(undefined), { value: "x" })).rejects.toThrow(ArgumentError);
  });

  test("what is no record fails alone, and what a serializer makes must be bytes", async ({ expect }) => {
    await using client = open();
    const topic = freshName("wrong");
    const producer = client.producer();
    const buffer = new ArrayBuffer(3);
    for (const record of [
      { value: 5 },
      { value: { amount: 5 } },
      { value: buffer },
      { value: new Float64Array(buffer.byteLength) },
      { key: 5, value: "" },
      { value: "", headers: { a: 5 } },
      { value: "", headers: [{ key: 5, value: "" }] },
      { value: "", timestamp: -1 },
      { value: "", timestamp: Number.NaN },
      null,
      undefined,
    ])
      await expect(producer.send(topic, wrong<ProducerRecord<string, string>>(record))).rejects.toThrow(SerializationError);
    const text = { serialize: () => wrong<Uint8Array>("text"), deserialize: () => "" };
    await expect(client.producer({ value: text }).send(topic, { value: "x" })).rejects.toThrow(SerializationError);
    const failing = (): number => {
      throw new Error("no choice");
    };
    await expect(client.producer({ partitioner: failing }).send(topic, { value: "x" })).rejects.toThrow(
      expect.objectContaining({ name: "ArgumentError", cause: new Error("no choice") }),
    );
    expect(await producer.send(topic, { value: "good", partition: 0 })).toMatchObject({ offset: 0 });
  });

  test("a record that no request can carry fails at once, and takes no connection with it", async ({ expect }) => {
    await using client = open();
    const topic = freshName("huge");
    const producer = client.producer();
    const refused = producer.send(topic, { value: new Uint8Array(33 * 1024 * 1024) });
    await expect(refused).rejects.toThrow(expect.objectContaining({ codeName: "MESSAGE_TOO_LARGE", retriable: false }));
    await producer.send(topic, { value: "small" });
  });

  test("whoever is fenced hears that, from whatever it does", async ({ expect }) => {
    await using client = open();
    const topic = freshName("fenced");
    const transactionalId = freshName("id");
    const [older, newer] = [client.producer({ transactionalId }), client.producer({ transactionalId })];
    const transaction = await older.beginTransaction();
    await transaction.send(topic, { value: "1" });
    await (await newer.beginTransaction()).abort();
    const outcomes: PromiseSettledResult<unknown>[] = await Promise.allSettled([transaction.send(topic, { value: "2" })]);
    outcomes.push(...(await Promise.allSettled([transaction.commit()])));
    outcomes.push(...(await Promise.allSettled([older.beginTransaction()])));
    outcomes.push(...(await Promise.allSettled([older.transaction(async (next) => await next.send(topic, { value: "3" }))])));
    for (const outcome of outcomes) expect(outcome).toEqual({ status: "rejected", reason: expect.any(FencedError) });
  });

  test("a partition that is not there is an error at once; one that was just added is found", async ({ expect }) => {
    await using client = open();
    const topic = freshName("short");
    const admin = client.admin();
    await admin.createTopics([{ name: topic, partitions: 1 }]);
    const nowhere = { topic, partition: 1 };
    const unknown = expect.objectContaining({ codeName: "UNKNOWN_TOPIC_OR_PARTITION" });
    await expect(admin.listOffsets([nowhere], "latest")).rejects.toThrow(unknown);
    await expect(take(client.consumer({ partitions: [nowhere] }), 1)).rejects.toThrow(unknown);
    await using other = open();
    await other.admin().createPartitions(topic, 2);
    await eventually(async () => (await other.admin().describeTopics([topic]))[0]!.partitions.length === 2);
    expect(await admin.listOffsets([nowhere], "latest")).toMatchObject([{ offset: 0 }]);
  });

  describe.concurrent.each([["classic"], ["consumer"]] as const)("a member (%s)", (groupProtocol) => {
    const options = { groupProtocol, heartbeatIntervalMs: 200 };

    test("a topic that cannot be is told", async ({ expect }) => {
      await using client = open();
      const consumer = reader(client, "no such/topic", { ...options, group: freshName("group") });
      await expect(take(consumer, 1)).rejects.toThrow(expect.objectContaining({ codeName: "INVALID_TOPIC_EXCEPTION" }));
    });

    test("a callback that fails is what the loop throws, and the group goes on without the member", async ({ expect }) => {
      await using client = open();
      const [topic, group] = [freshName("callback"), freshName("group")];
      await client.producer().send(topic, { value: "1" });
      const mine = new Error("mine");
      const onAssigned = (): void => {
        throw mine;
      };
      await expect(take(reader(client, topic, { ...options, group, onAssigned }), 1)).rejects.toBe(mine);
      await eventually(async () => (await client.admin().describeGroup(group)).members.length === 0);
    });

    test("a callback that fails while a signal closes the consumer troubles nobody; the offsets are committed", async ({
      expect,
    }) => {
      await using client = open();
      const [topic, group] = [freshName("signal"), freshName("group")];
      await client.producer().send(
        topic,
        Array.from({ length: 5 }, (_, index) => ({ value: String(index), partition: 0 })),
      );
      const stop = new AbortController();
      const onRevoked = (): void => {
        throw new Error("not now");
      };
      let seen = 0;
      for await (const _ of reader(client, topic, { ...options, group, onRevoked, signal: stop.signal })) {
        seen += 1;
        if (seen === 3) stop.abort();
      }
      expect(seen).toBe(3);
      // The third was still held when the signal came.
      await eventually(async () => (await client.admin().groupOffsets(group)).some(({ offset }) => offset === 2));
    });

    test("whoever has left the group can commit nothing more for it", async ({ expect }) => {
      await using client = open();
      const [topic, group] = [freshName("left"), freshName("group")];
      await client.producer().send(topic, { value: "1", partition: 0 });
      const consumer = reader(client, topic, { ...options, group });
      const place = { topic, partition: 0, offset: 0 };
      await expect(consumer.commit([place])).rejects.toThrow(expect.objectContaining({ codeName: "UNKNOWN_MEMBER_ID" }));
      await take(consumer, 1);
      await consumer.commit();
      await consumer.close();
      await expect(consumer.commit([place])).rejects.toThrow(StateError);
      expect(await client.admin().groupOffsets(group)).toContainEqual({ topic, partition: 0, offset: 1 });
    });
  });

  test("a static member that another has taken over for says so and does not take it back", async ({ expect }) => {
    await using client = open();
    const [topic, group] = [freshName("static"), freshName("group")];
    const options = { groupProtocol: "classic", heartbeatIntervalMs: 200, group, groupInstanceId: "one" };
    const producer = client.producer();
    await producer.send(topic, { value: "1", partition: 0 });
    const older = reader(client, topic, options);
    await take(older, 1);
    const newer = reader(client, topic, options);
    await producer.send(topic, { value: "2", partition: 0 });
    const refused = take(older, 1000).catch((error: KafkaError) => error.codeName);
    await take(newer, 1);
    expect(await refused).toBe("FENCED_INSTANCE_ID");
    // Heartbeats have passed by now: the newer one is still what the group knows.
    const again = take(newer, 1);
    await producer.send(topic, { value: "3", partition: 0 });
    await again;
    expect((await client.admin().describeGroup(group)).members).toHaveLength(1);
  });
}
