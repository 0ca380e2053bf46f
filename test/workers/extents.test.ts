/** GET /topics/<topic>/extents: where bytes lie, of the right partitions, and that asking makes nothing. */
import { expect, test } from "vitest";
import type { PartitionExtents } from "../../core/cell/extent-runs.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { createTopics } from "../../protocol/messages/19-create-topics.ts";
import app from "../../worker/entry.ts";
import { encodeBatch, writtenNow } from "../kernel/batch-builder.ts";
import { KafkaSocket, bindings } from "./kafka-socket.ts";

interface Answer {
  readonly partitionCount: number;
  readonly partitions: readonly PartitionExtents[];
}

async function ask(path: string): Promise<Response> {
  return await app.fetch(new Request(`http://kante${path}`), bindings);
}

test("bytes are told of each partition, by how they travelled", async () => {
  const socket = await KafkaSocket.open("drawn");
  const topics = [{ name: "a b", numPartitions: 120, replicationFactor: 1, assignments: [], configs: [] }];
  const refused = await socket.call(createTopics, 4, { topics, timeoutMs: 10_000 });
  expect(refused.topics[0]?.errorCode).not.toBe(0);
  await socket.call(createTopics, 4, { topics: [{ ...topics[0]!, name: "topic" }], timeoutMs: 10_000 });
  const write = async (index: number, bytes: number) => {
    const records = encodeBatch({ records: [{ value: new Uint8Array(bytes) }], ...writtenNow() });
    const topicData = [{ name: "topic", partitionData: [{ index, records }] }];
    const answer = await socket.call(produce, 9, { transactionalId: null, acks: -1, timeoutMs: 10_000, topicData });
    expect(answer.responses[0]?.partitionResponses[0]?.errorCode).toBe(0);
    return records.length;
  };
  const small = await write(3, 100);
  const large = await write(3, 100_000);
  const other = await write(110, 100);
  const answer = await (await ask("/c/drawn/topics/topic/extents")).json<Answer>();
  expect(answer.partitionCount).toBe(120);
  expect(answer.partitions.map(({ partition }) => partition)).toEqual(Array.from({ length: 100 }, (_, index) => index));
  expect(answer.partitions[3]).toEqual({
    partition: 3,
    logStartOffset: 0,
    endOffset: 2,
    runs: [
      { baseOffset: 0, nextOffset: 1, extents: 1, bytes: { inline: small, wal: 0, merged: 0, segment: 0 } },
      { baseOffset: 1, nextOffset: 2, extents: 1, bytes: { inline: 0, wal: large, merged: 0, segment: 0 } },
    ],
  });
  const rest = await (await ask("/c/drawn/topics/topic/extents?first=100")).json<Answer>();
  expect(rest.partitions).toHaveLength(20);
  expect(rest.partitions[10]?.runs[0]?.bytes.inline).toBe(other);
  const metrics = await (await ask("/c/drawn/metrics")).text();
  expect(metrics).toContain(`kante_stored_bytes{kind="inline"} ${small + other}\n`);
  expect(metrics).toContain(`kante_stored_bytes{kind="wal"} ${large}\n`);
  socket.close();
});

test.each([
  ["/c/drawn/topics/none/extents", 404],
  ["/c/drawn/topics/topic/extents?first=-1", 400],
  ["/c/drawn/topics/topic/extents?first=x", 400],
  ["/c/drawn/topics/topic/extents?first=1.5", 400],
  ["/c/a%20b/topics/topic/extents", 400],
  ["/topics/none/extents", 404],
  ["/c/nobody-at-all/topics/topic/extents", 404],
])("%s is answered %d", async (path, status) => {
  expect((await ask(path)).status).toBe(status);
});

test("[I10] a cluster that is not there is not made by asking", async () => {
  await ask("/c/nobody-here/topics/topic/extents");
  expect((await ask("/c/nobody-here/metrics")).status).toBe(404);
});
