/**
 * What is under way when something ends: a producer that is disposed of with a full buffer, a batch that is being split. Whoever waits is
 * told, and nothing comes after the end.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import { type Client, type ConnectOptions, connect } from "../../client/client.ts";
import { numbers } from "./contract-steps.ts";
import { FakeCluster } from "./fake-cluster.ts";

function opened(cluster: FakeCluster, options: ConnectOptions = {}): Client {
  const quick = { reconnectBackoffMs: [1, 5], retryBackoffMs: [1, 5] } as const;
  const client = connect("", { transport: cluster.transport, ...quick, ...options });
  onTestFinished(() => client[Symbol.dispose]());
  return client;
}

describe("a producer", () => {
  test("disposed of while its buffer is full: every send is told", async () => {
    const cluster = new FakeCluster();
    const client = opened(cluster);
    await client.producer({ acks: 1 }).send("t", { value: "metadata is known" });
    cluster.misbehave = ({ api }) => (api === "Produce" ? "nothing" : undefined);
    const producer = client.producer({ bufferBytes: 5000, batchBytes: 1000 });
    const sends = numbers(20).map(async () => await producer.send("t", { value: "x".repeat(900) }));
    client[Symbol.dispose]();
    for (const outcome of await Promise.allSettled(sends)) expect(outcome).toMatchObject({ reason: { name: "StateError" } });
  }, 10_000);

  test("disposed of at any moment while batches are split: every send is told", async () => {
    const sends: Promise<unknown>[] = [];
    for (let moment = 0; moment < 100; moment++) {
      const cluster = new FakeCluster();
      const client = opened(cluster);
      await client.producer({ acks: 1 }).send("t", { value: "metadata is known" });
      cluster.batchBytesMax = 0;
      const producer = client.producer({ compression: "gzip" });
      const isRefused = new Promise<void>((resolve) => {
        cluster.misbehave = ({ api }) => void (api === "Produce" && resolve());
      });
      sends.push(...numbers(10).map(async (value) => await producer.send("t", { value })));
      await isRefused;
      for (let turn = 0; turn < moment; turn++) await Promise.resolve();
      producer[Symbol.dispose]();
    }
    for (const { status } of await Promise.allSettled(sends)) expect(status).toBe("rejected");
  }, 10_000);

  test.for([true, false])("idempotent %s: the halves of a batch that was too large stay in order", async (idempotent) => {
    const cluster = new FakeCluster();
    const client = opened(cluster);
    await client.producer({ acks: 1 }).send("t", { value: "metadata is known" });
    cluster.batchBytesMax = 200;
    const producer = client.producer({ idempotent, inFlight: 1 });
    await Promise.all(numbers(100).map(async (value) => await producer.send("t", { value })));
    expect(cluster.log.values.slice(1)).toEqual(numbers(100));
  });
});
