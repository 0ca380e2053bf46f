/** What GET /metrics adds up, and that asking makes nothing: a cluster begins with a client. */
import { listDurableObjectIds } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { offsetCommit } from "../../protocol/messages/08-offset-commit.ts";
import app from "../../worker/entry.ts";
import { KafkaSocket, bindings } from "./kafka-socket.ts";

async function ask(path: string): Promise<{ status: number; text: string }> {
  const answer = await app.fetch(new Request(`http://kante${path}`), bindings);
  return { status: answer.status, text: await answer.text() };
}

async function rowsWritten(cluster: string): Promise<number> {
  const { text } = await ask(`/c/${cluster}/metrics`);
  return Number(/^kante_rows_written_total (\d+)$/m.exec(text)?.[1] ?? 0);
}

async function commit(socket: KafkaSocket, groupId: string): Promise<void> {
  const topics = [{ name: "t", partitions: [{ partitionIndex: 0, committedOffset: 5n }] }];
  const answer = await socket.call(offsetCommit, 7, { groupId, generationIdOrMemberEpoch: -1, topics });
  expect(answer.topics[0]?.partitions[0]?.errorCode).toBe(0);
}

describe("a cluster that nobody uses", () => {
  test("is not found, and not made: no broker and no row of a controller", async () => {
    expect(await ask("/c/nobody/metrics")).toMatchObject({ status: 404 });
    expect(await ask("/c/nobody/metrics")).toMatchObject({ status: 404 });
    expect(await ask("/c/nobody/throughput")).toMatchObject({ status: 404 });
    const brokers = await listDurableObjectIds(bindings.BROKER);
    expect(brokers.some((id) => id.equals(bindings.BROKER.idFromName("nobody/local/0")))).toBe(false);
  });

  test("of the cluster that every deployment has there is nothing to tell yet", async () => {
    expect(await ask("/metrics")).toEqual({ status: 200, text: "\n" });
    const { status, text } = await ask("/throughput");
    expect([status, JSON.parse(text)]).toMatchObject([200, { brokers: [], minutes: [{ receivedBytes: 0, sentBytes: 0 }] }]);
  });
});

test("rows are counted of the controller, and of each group that was spoken to", async () => {
  const socket = await KafkaSocket.open("measured");
  await socket.call(metadata, 9, { topics: [] });
  const first = await rowsWritten("measured");
  expect(first).toBeGreaterThan(0);
  await socket.call(metadata, 9, { topics: [{ name: "t" }], allowAutoTopicCreation: true });
  const created = await rowsWritten("measured");
  expect(created).toBeGreaterThan(first);
  await commit(socket, "g");
  const begun = await rowsWritten("measured");
  expect(begun).toBeGreaterThan(created);
  await commit(socket, "g");
  expect(await rowsWritten("measured")).toBe(begun + 1);
  socket.close();
});

test("what came in and went out by the minute is what the counters have, and brokers say since when they remember", async () => {
  const socket = await KafkaSocket.open("hourly");
  await socket.call(metadata, 9, { topics: [] });
  const { text } = await ask("/c/hourly/metrics");
  const answer = JSON.parse((await ask("/c/hourly/throughput")).text) as {
    readonly brokers: readonly { readonly broker: string; readonly sinceMs: number }[];
    readonly minutes: readonly { readonly startMs: number; readonly receivedBytes: number; readonly sentBytes: number }[];
  };
  const sum = (of: "receivedBytes" | "sentBytes") => answer.minutes.reduce((total, minute) => total + minute[of], 0);
  expect(text).toContain(`kante_received_bytes_total ${sum("receivedBytes")}\n`);
  expect(text).toContain(`kante_sent_bytes_total ${sum("sentBytes")}\n`);
  expect(sum("sentBytes")).toBeGreaterThan(0);
  expect(answer.brokers.map(({ broker }) => broker)).toEqual(["local/0"]);
  socket.close();
});
