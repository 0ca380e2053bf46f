/**
 * Brokers that move, break off, lie and send too much, played in memory: the client finds where to go, repeats what may be repeated,
 * tells what is damaged, and keeps its memory within what it was allowed.
 */
import * as fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type Client, type ConnectOptions, connect, string } from "../../client/client.ts";
import { BatchWriter, stampBatch } from "../../client/records/batch-writer.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { numbers, take } from "./contract-steps.ts";
import { FakeCluster } from "./fake-cluster.ts";

const place = { topic: "t", partition: 0 };

function opened(cluster: FakeCluster, options: ConnectOptions = {}): Client {
  const quick = { reconnectBackoffMs: [1, 5], retryBackoffMs: [1, 5] } as const;
  const client = connect("", { transport: cluster.transport, ...quick, ...options });
  onTestFinished(() => client[Symbol.dispose]());
  return client;
}

function reading(client: Client, more: object = {}) {
  return client.consumer({ partitions: [{ ...place, offset: 0 }], value: string, ...more });
}

/** What is really held: garbage is cleared away first. */
function heldBytes(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().arrayBuffers;
}

/** A batch around bytes that some codec is said to have made. */
function batchOf(body: Uint8Array, codec: number, records = 1): Uint8Array {
  const writer = new BatchWriter();
  for (let index = 0; index < records; index++) writer.append(0, null, new Uint8Array([120]));
  const sealed = writer.seal(codec === 0 ? undefined : body);
  stampBatch(sealed, { codec, isTransactional: false, producerId: -1, producerEpoch: -1, baseSequence: -1 });
  return sealed;
}

describe("brokers that move", () => {
  test("a producer follows the leader, told or not: everything is there once and in order", async () => {
    const cluster = new FakeCluster(3);
    const producer = opened(cluster).producer({ batchBytes: 200 });
    const sent = [];
    for (const value of numbers(300)) {
      sent.push(producer.send("t", { value }));
      if (Number(value) % 50 !== 49) continue;
      cluster.leader = (cluster.leader + 1) % 3;
      cluster.leaderEpoch += 1;
      await sent.at(-20);
    }
    expect((await Promise.all(sent)).map(({ offset }) => offset)).toEqual(numbers(300).map(Number));
    expect(cluster.log.values).toEqual(numbers(300));
    expect(new Set(cluster.askedOf("Produce").map(({ node }) => node)).size).toBe(3);
  });

  test("a consumer follows the leader and goes on where it was", async () => {
    const cluster = new FakeCluster();
    const client = opened(cluster);
    const producer = client.producer();
    const consumer = reading(client);
    const values: unknown[] = [];
    for (let round = 0; round < 4; round++) {
      await producer.send(
        "t",
        numbers(10, round * 10).map((value) => ({ value })),
      );
      values.push(...(await take(consumer, 10)).map(({ value }) => value));
      cluster.leader = 1 - cluster.leader;
      cluster.leaderEpoch += 1;
    }
    expect(values).toEqual(numbers(40));
    // Who looks for a moved leader does not create the topic again, should somebody have deleted it.
    const asked = cluster
      .askedOf("Metadata")
      .map(({ body }) => (body as { allowAutoTopicCreation: boolean }).allowAutoTopicCreation);
    expect(asked.filter(Boolean)).toHaveLength(1);
    expect(asked.length).toBeGreaterThan(3);
  });

  test("commits and an administrator's questions follow coordinator and leader", async () => {
    const cluster = new FakeCluster();
    const client = opened(cluster);
    await client.producer().send(
      "t",
      numbers(5).map((value) => ({ value })),
    );
    const consumer = reading(client, { group: "g", autoCommit: false });
    await take(consumer, 2);
    await consumer.commit();
    expect(cluster.committed).toBe(2);
    cluster.coordinator = 1;
    await take(consumer, 1);
    await consumer.commit();
    expect(cluster.committed).toBe(3);
    expect(await consumer.committed([place])).toEqual([{ ...place, offset: 3 }]);
    for (const leader of [1, 0]) {
      cluster.leader = leader;
      cluster.leaderEpoch += 1;
      expect(await client.admin().deleteRecords([{ ...place, offset: 3 + leader }])).toEqual([{ ...place, offset: 3 + leader }]);
      expect(await client.admin().listOffsets([place], "earliest")).toMatchObject([{ offset: 3 + leader }]);
    }
  });

  test("a commit under an epoch that the coordinator has left behind is repeated until heartbeats bring the next", async () => {
    const cluster = new FakeCluster();
    const client = opened(cluster);
    await client.producer().send("t", { value: "a" });
    const consumer = reading(client, { group: "g", autoCommit: false });
    await take(consumer, 1);
    let staleLeft = 3;
    cluster.misbehave = ({ api }) => {
      cluster.commitError = api === "OffsetCommit" && staleLeft-- > 0 ? errorCodes.STALE_MEMBER_EPOCH : 0;
      return undefined;
    };
    await consumer.commit();
    expect(cluster.committed).toBe(1);
    expect(cluster.askedOf("OffsetCommit")).toHaveLength(4);
    staleLeft = Infinity;
    const refused = await consumer.commit([{ ...place, offset: 0 }], { timeoutMs: 50 }).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: errorCodes.STALE_MEMBER_EPOCH });
    expect(cluster.committed).toBe(1);
  });

  test("connections that break in the midst of produce and commit: nothing is lost or there twice", async () => {
    const cluster = new FakeCluster();
    const client = opened(cluster);
    let count = 0;
    // Every third such request is not heard; of the others every second is heard, and its answer is not.
    cluster.misbehave = ({ api }) => {
      if (api !== "Produce" && api !== "OffsetCommit") return undefined;
      count += 1;
      if (count % 3 === 0) return "cut";
      if (count % 2 === 0) queueMicrotask(() => cluster.cut());
      return undefined;
    };
    const producer = client.producer({ batchBytes: 150 });
    const sent = numbers(200).map(async (value) => await producer.send("t", { value }));
    expect((await Promise.all(sent)).map(({ offset }) => offset)).toEqual(numbers(200).map(Number));
    expect(cluster.log.values).toEqual(numbers(200));
    const consumer = reading(client, { group: "g", autoCommit: false });
    const values = [];
    for (let round = 1; round <= 5; round++) {
      values.push(...(await take(consumer, 40)).map(({ value }) => value));
      await consumer.commit();
      expect(cluster.committed).toBe(round * 40);
    }
    expect(values).toEqual(numbers(200));
  });
});

describe("brokers that fall silent", () => {
  test("an operation ends when its time is up, whoever does not answer", async () => {
    const cluster = new FakeCluster();
    const client = opened(cluster);
    await client.producer().send("t", { value: "x" });
    cluster.misbehave = ({ api }) => (api === "ListOffsets" || api === "OffsetCommit" ? "nothing" : undefined);
    const late = { name: "TimeoutError", codeName: "REQUEST_TIMED_OUT" };
    await expect(client.admin().listOffsets([place], "latest", { timeoutMs: 50 })).rejects.toMatchObject(late);
    const consumer = reading(client, { group: "g", autoCommit: false });
    await take(consumer, 1);
    const committing = consumer.commit().catch(() => {});
    await expect(consumer.commit([{ ...place, offset: 1 }], { signal: AbortSignal.timeout(50) })).rejects.toThrow("timeout");
    client[Symbol.dispose]();
    await committing;
  }, 10_000);

  test("a record is given up when its time is up, also when the request is not answered at all", async () => {
    const cluster = new FakeCluster();
    const client = opened(cluster);
    cluster.misbehave = ({ api }) => (api === "Produce" ? "nothing" : undefined);
    const sent = client.producer({ deliveryTimeoutMs: 100 }).send("t", { value: "x" });
    await expect(sent).rejects.toMatchObject({ name: "TimeoutError" });
  }, 10_000);

  test("another broker is asked who leads, and told what that one did not hear", async () => {
    const cluster = new FakeCluster();
    const client = opened(cluster, { requestTimeoutMs: 50 });
    const producer = client.producer();
    await producer.send("t", { value: "0" });
    cluster.leader = 1;
    cluster.leaderEpoch += 1;
    cluster.misbehave = ({ node }) => (node === 0 ? "nothing" : undefined);
    await producer.send("t", { value: "1" });
    expect(cluster.log.values).toEqual(["0", "1"]);
  }, 30_000);

  test("a connection that opens when its consumer has been closed is closed too", async () => {
    const cluster = new FakeCluster();
    let opening: (() => void) | undefined;
    let openLanes = 0;
    const { transport } = cluster;
    const client = connect("", {
      transport: {
        bootstrap: transport.bootstrap,
        async open(endpoint, events) {
          if (openLanes === 1) await new Promise<void>((resolve) => (opening = resolve));
          const stream = await transport.open(endpoint, events);
          openLanes += 1;
          return { ...stream, close: () => (stream.close(), void (openLanes -= 1)) };
        },
      },
    });
    onTestFinished(() => client[Symbol.dispose]());
    await client.producer({ acks: 1 }).send("t", { value: "x" });
    const consumer = reading(client);
    const waiting = take(consumer, 1);
    await expect.poll(() => opening).toBeDefined();
    await consumer.close();
    opening!();
    await waiting;
    await expect.poll(() => openLanes).toBe(1);
  }, 10_000);
});

describe("brokers that lie", () => {
  test("whatever bytes come, the connection ends and the next one works", async () => {
    const run = async (noise: Uint8Array, api: string): Promise<void> => {
      const cluster = new FakeCluster();
      let left = 2;
      cluster.misbehave = (asked) => (asked.api === api && left-- > 0 ? noise : undefined);
      const client = connect("", {
        transport: cluster.transport,
        reconnectBackoffMs: [1, 2],
        retryBackoffMs: [1, 2],
        // Half an answer is waited for no longer than this.
        requestTimeoutMs: 50,
      });
      try {
        expect(await client.producer().send("t", { value: "x" })).toMatchObject({ offset: 0 });
        expect((await take(reading(client), 1))[0]?.value).toBe("x");
      } finally {
        client[Symbol.dispose]();
      }
    };
    // Lengths that are no length, or of what nobody sends; an answer that nobody asked for.
    for (const start of [
      [0x7f, 0xff, 0xff, 0xff],
      [0xff, 0xff, 0xff, 0xff],
      [0, 0, 0, 0],
      [0, 0, 0, 8, 0x12, 0x34, 0x56, 0x78, 0, 0, 0, 0],
    ])
      for (const api of ["ApiVersions", "Metadata", "Produce", "Fetch"]) await run(Uint8Array.from(start), api);
    const noise = fc.uint8Array({ minLength: 1, maxLength: 60 });
    await fc.assert(fc.asyncProperty(noise, fc.constantFrom("ApiVersions", "Metadata", "Produce", "Fetch"), run), { numRuns: 15 });
  });

  test("an answer in another's shape is damage, not a crash", async () => {
    const cluster = new FakeCluster();
    const client = opened(cluster);
    await client.producer().send("t", { value: "x" });
    // The right correlation id in front of bytes that are no answer.
    let left = 1;
    const transport = cluster.transport;
    const spoiling = connect("", {
      reconnectBackoffMs: [1, 2],
      transport: {
        bootstrap: transport.bootstrap,
        open: async (endpoint, events) =>
          await transport.open(endpoint, {
            ...events,
            onBytes(bytes) {
              if (left > 0 && bytes.byteLength > 100) {
                left -= 1;
                bytes.fill(0xff, 8);
              }
              events.onBytes(bytes);
            },
          }),
      },
    });
    onTestFinished(() => spoiling[Symbol.dispose]());
    expect((await take(reading(spoiling), 1))[0]?.value).toBe("x");
    expect(left).toBe(0);
  });

  test("a damaged batch is told, and can be passed by", async () => {
    const cluster = new FakeCluster();
    const good = batchOf(new Uint8Array(), 0);
    const damaged = good.slice();
    damaged[damaged.byteLength - 1]! ^= 1;
    cluster.add(damaged, 0);
    cluster.add(good, 1);
    const consumer = reading(opened(cluster));
    await expect(take(consumer, 1)).rejects.toMatchObject({ name: "RecordError", codeName: "CORRUPT_MESSAGE" });
    consumer.seek(place, 1);
    expect((await take(consumer, 1)).map(({ offset }) => offset)).toEqual([1]);
  });

  const bombBytes = 150 * 1024 * 1024;
  test.for([
    ["gzip", 1, () => gzipSync(new Uint8Array(bombBytes))],
    // The length that a Snappy block claims; the blocks of an LZ4 frame that claims nothing.
    ["snappy", 2, () => Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 0x00])],
    ["lz4", 3, () => lz4Bomb()],
    ["zstd", 4, () => zstdCompressSync(new Uint8Array(bombBytes))],
  ] as const)(
    "%s: a batch that would unpack to more than a reader can hold is refused, and reading goes on behind it",
    async ([, codec, bomb]) => {
      const cluster = new FakeCluster();
      cluster.add(batchOf(bomb(), codec), 0);
      cluster.add(batchOf(new Uint8Array(), 0), 1);
      const consumer = reading(opened(cluster));
      const before = heldBytes();
      await expect(take(consumer, 1)).rejects.toMatchObject({ name: "RecordError" });
      // What the refusal left behind is garbage a few turns later.
      await expect.poll(() => heldBytes() - before, { timeout: 10_000 }).toBeLessThan(bombBytes / 4);
      expect((await take(consumer, 1)).map(({ offset, value }) => [offset, value])).toEqual([[1, "x"]]);
    },
  );

  test("behind a record that is malformed nothing of its batch is taken for a record", async () => {
    const cluster = new FakeCluster();
    const writer = new BatchWriter();
    writer.append(0, null, new Uint8Array([120]));
    // Whoever reads on in the midst of it finds a record of "!".
    writer.append(0, null, Uint8Array.from([14, 0, 0, 2, 1, 2, 33, 0]));
    const lengthAt = 61 + writer.body.byteLength - 10;
    writer.append(0, null, new Uint8Array([121]));
    const malformed = writer.seal(undefined);
    malformed[lengthAt] = 60;
    stampBatch(malformed, { codec: 0, isTransactional: false, producerId: -1, producerEpoch: -1, baseSequence: -1 });
    cluster.add(malformed, 0);
    cluster.add(batchOf(new Uint8Array(), 0), 3);
    for (const each of [reading(opened(cluster)), reading(opened(cluster)).batches()]) {
      const iterator = (each as AsyncIterable<unknown>)[Symbol.asyncIterator]();
      expect(JSON.stringify(await iterator.next())).toContain('"value":"x"');
      const refused = iterator.next();
      await expect(refused).rejects.toMatchObject({ message: expect.stringContaining("malformed") });
      expect(JSON.stringify(await iterator.next())).toContain('"offset":3');
    }
  });

  test("counts and lengths inside of a batch that are lies are told, not believed", async () => {
    const cluster = new FakeCluster();
    const writer = new BatchWriter();
    writer.append(0, null, new Uint8Array([120]));
    const lying = writer.seal(undefined);
    // Two thousand million records, in a few bytes.
    new DataView(lying.buffer, lying.byteOffset).setInt32(57, 2_000_000_000);
    stampBatch(lying, { codec: 0, isTransactional: false, producerId: -1, producerEpoch: -1, baseSequence: -1 });
    cluster.add(lying, 0);
    const batches = reading(opened(cluster)).batches()[Symbol.asyncIterator]();
    expect((await batches.next()).value?.records.map(({ value }: { value: string }) => value)).toEqual(["x"]);
    await expect(batches.next()).rejects.toMatchObject({ name: "RecordError" });
  });
});

describe("memory", () => {
  test("a reader that takes its time is never ahead by more than its budget, whatever the log holds", async () => {
    const cluster = new FakeCluster();
    const client = opened(cluster);
    const value = new Uint8Array(1000);
    const producer = client.producer();
    for (let batch = 0; batch < 60; batch++)
      await producer.send(
        "t",
        Array.from({ length: 10 }, () => ({ value })),
      );
    const served = (): number => Math.max(0, ...cluster.askedOf("Fetch").map(({ body }) => fetchOffsetOf(body)));
    const prefetchBytes = 100_000;
    const consumer = client.consumer({ partitions: [{ ...place, offset: 0 }], prefetchBytes, partitionBytes: 40_000 });
    let read = 0;
    for await (const { offset } of consumer) {
      read += 1;
      // The next request shows how far it has fetched; what is on its way is no more than it asked for.
      expect((served() - offset) * value.byteLength).toBeLessThanOrEqual(prefetchBytes);
      if (read % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      if (read === 600) break;
    }
    for (const { body } of cluster.askedOf("Fetch"))
      expect((body as { maxBytes: number }).maxBytes).toBeLessThanOrEqual(prefetchBytes);
  });

  test("a record larger than every budget goes through, and the promise says when there is room again", async () => {
    const cluster = new FakeCluster();
    const client = opened(cluster);
    const value = "x".repeat(3_000_000);
    const producer = client.producer({ bufferBytes: 1_000_000, batchBytes: 100_000 });
    const sent = producer.send("t", { value });
    // It waits for metadata: then it alone fills the buffer.
    expect(await sent).toMatchObject({ offset: 0 });
    await producer.ready;
    expect(producer.bufferedBytes).toBe(0);
    const [record] = await take(reading(client, { prefetchBytes: 1000, partitionBytes: 1000 }), 1);
    expect(record?.value).toBe(value);
  });

  test("what is handed over while no broker answers is bounded, and let go when time is up", async () => {
    const cluster = new FakeCluster();
    const client = opened(cluster);
    await client.producer().send("t", { value: "metadata is known" });
    cluster.misbehave = ({ api }) => (api === "Produce" ? "cut" : undefined);
    const producer = client.producer({ bufferBytes: 50_000, batchBytes: 10_000, deliveryTimeoutMs: 200 });
    const outcomes = Array.from({ length: 300 }, async () => await producer.send("t", { value: "x".repeat(1000) }).catch(String));
    expect(producer.bufferedBytes).toBeLessThanOrEqual(51_500);
    let isReady = false;
    const ready = producer.ready.then(() => (isReady = true));
    await Promise.resolve();
    expect(isReady).toBe(false);
    cluster.misbehave = () => undefined;
    expect((await Promise.all(outcomes)).length).toBe(300);
    await ready;
    await producer.flush();
    expect(producer.bufferedBytes).toBe(0);
  });
});

describe("signals", () => {
  test("end the waiting for what never comes: a transaction's begin, an administrator's question, a close", async () => {
    const cluster = new FakeCluster();
    const client = opened(cluster);
    cluster.misbehave = ({ api }) => (api === "InitProducerId" || api === "ListOffsets" ? "cut" : undefined);
    const stopped = (): { signal: AbortSignal; stop: () => void } => {
      const controller = new AbortController();
      return { signal: controller.signal, stop: () => controller.abort(new Error("enough")) };
    };
    const work: ((options: { signal: AbortSignal }) => Promise<unknown>)[] = [
      async (options) => await client.producer({ transactionalId: "x" }).beginTransaction(options),
      async (options) => await client.producer({ transactionalId: "x" }).transaction(async () => {}, options),
      async (options) => await client.admin().listOffsets([place], "latest", options),
      async (options) => await client.producer().send("t", { value: "x" }, options),
    ];
    for (const each of work) {
      const { signal, stop } = stopped();
      const outcome = each({ signal });
      outcome.catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 5));
      stop();
      await expect(outcome).rejects.toThrow("enough");
    }
    const producer = client.producer();
    const lost = producer.send("t", { value: "x" });
    const { signal, stop } = stopped();
    const closing = client.close({ signal });
    stop();
    await closing;
    await expect(lost).rejects.toThrow("closed");
  });
});

function fetchOffsetOf(body: unknown): number {
  return Number((body as { topics: { partitions: { fetchOffset: bigint }[] }[] }).topics[0]!.partitions[0]!.fetchOffset);
}

/** Frames of LZ4 whose blocks repeat one byte as long as they may: a literal, a match of distance one, lengths of 255 and again 255. */
function lz4Bomb(): Uint8Array {
  const blockBytes = 4 * 1024 * 1024;
  const runs = Math.floor((blockBytes - 64) / 255);
  const block = new Uint8Array(4 + runs + 12);
  // Token: one literal, a long match; the literal, the distance, the length.
  block.set([0x1f, 0, 1, 0]);
  block.fill(255, 4, 4 + runs);
  // The end of the length, then five literals, as every block ends.
  block.set([0, 0x50, 0, 0, 0, 0, 0], 4 + runs);
  const used = 4 + runs + 7;
  const blocks = 80;
  const frame = new Uint8Array(7 + blocks * (4 + used) + 4);
  const view = new DataView(frame.buffer);
  view.setUint32(0, 0x184d2204, true);
  // Independent blocks of up to 4 MiB, no checksums; the header's own is for this header.
  frame.set([0x60, 0x70, 0x73], 4);
  let at = 7;
  for (let index = 0; index < blocks; index++) {
    view.setUint32(at, used, true);
    frame.set(block.subarray(0, used), at + 4);
    at += 4 + used;
  }
  return frame;
}
