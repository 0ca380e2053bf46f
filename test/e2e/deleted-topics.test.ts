/** Topics are written to, merged, consolidated, retained, killed beneath and deleted: in the end nothing of them is left in the data folder. */
import { globSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { KafkaJs } from "./kafkajs-client.ts";
import { eventually, fast, server, temporaryFolder } from "./kante-process.ts";

const settings = [
  "merge.interval.ms=100",
  "merge.bytes=200000",
  "inline.drain.bytes=20000",
  "storage.delete.grace.ms=1000",
  "log.retention.check.interval.ms=200",
  "cell.partitions.max=3",
  "log.level=warn",
];

const objectsIn = (data: string): string[] =>
  globSync("**/*", { cwd: join(data, "objects"), withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name, parentPath }) => join(parentPath, name));

test("[D12] [I7] DeleteTopics frees everything, whatever was under way and died: also where a topic of the name comes again", async ({
  onTestFinished,
}) => {
  const data = temporaryFolder();
  const args = [...fast, ...settings.flatMap((setting) => ["--set", setting])];
  const topics = ["plain", "limited"];
  for (let life = 0; life < 4; life++) {
    const running = await server({ data, args });
    const kafka = new KafkaJs(running.bootstrap, onTestFinished);
    const admin = await kafka.admin();
    // Those of the life before; what they left behind is still there.
    if (life > 0) await admin.deleteTopics({ topics });
    const segments = { name: "segment.bytes", value: "1048576" };
    const retention = { name: "retention.bytes", value: "300000" };
    await admin.createTopics({
      topics: topics.map((topic) => ({ topic, numPartitions: 2, configEntries: topic === "limited" ? [retention] : [segments] })),
    });
    const producer = await kafka.producer();
    for (let round = 0; round < 25; round++) {
      const messages = Array.from({ length: 4 }, (_, index) => ({
        value: Buffer.alloc(round % 3 === 0 ? 500 : 60_000, round),
        partition: index % 2,
      }));
      await producer.sendBatch({ topicMessages: topics.map((topic) => ({ topic, messages })) });
    }
    // In the middle of merging.
    await producer.disconnect();
    await admin.disconnect();
    await running.stop("SIGKILL");
  }
  expect(objectsIn(data).length).toBeGreaterThan(10);
  const last = await server({ data, args });
  const admin = await new KafkaJs(last.bootstrap, onTestFinished).admin();
  await admin.deleteTopics({ topics });
  await eventually(() => objectsIn(data).length === 0);
});
