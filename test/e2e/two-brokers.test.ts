/** Stock clients and more than one broker: each partition has its leader, a group its coordinator, and every door is as good as another. */
import { describe, test } from "vitest";
import { startBridge } from "../clients/kante.ts";
import { KafkaJs } from "./kafkajs-client.ts";
import { eventually, fast, portOf, sharedServer } from "./kante-process.ts";
import { Platformatic } from "./platformatic-client.ts";

const partitions = 8;
const running = sharedServer({ brokers: 2, args: fast });
const door = (broker: number) => `127.0.0.1:${portOf(running()) + broker}`;
const everywhere = Array.from({ length: partitions }, (_, partition) => ({ value: String(partition), partition }));
const values = everywhere.map(({ value }) => value);

describe.concurrent("two brokers", () => {
  test("[D2] kafkajs finds a leader on each, and a group reads what both took", async ({ expect, onTestFinished }) => {
    const kafka = new KafkaJs(door(0), onTestFinished);
    const admin = await kafka.admin();
    const topic = "kafkajs";
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions }] });
    const { brokers } = await admin.describeCluster();
    expect(brokers.map(({ host, port }) => `${host}:${port}`)).toEqual([door(0), door(1)]);
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    expect(new Set(topics[0]?.partitions.map(({ leader }) => leader))).toEqual(new Set([0, 1]));
    const [first, second] = await Promise.all([
      kafka.member(topic, topic),
      new KafkaJs(door(1), onTestFinished).member(topic, topic),
    ]);
    await eventually(() => first.partitions.length === partitions / 2 && second.partitions.length === partitions / 2);
    await (await new KafkaJs(door(1), onTestFinished).producer()).send({ topic, messages: everywhere });
    await eventually(() => first.values.length + second.values.length >= partitions);
    expect([...first.values, ...second.values].map(String).toSorted()).toEqual(values);
  });

  test.for(["classic", "consumer"] as const)(
    "@platformatic/kafka: a %s group reads what both took, whichever door it came through",
    async (protocol, { expect, onTestFinished }) => {
      const topic = `platformatic.${protocol}`;
      const [one, other] = [new Platformatic(door(0), onTestFinished), new Platformatic(door(1), onTestFinished)];
      await one.admin().createTopics({ topics: [topic], partitions, replicas: 1 });
      const members = [await one.member(topic, topic, protocol), await other.member(topic, topic, protocol)];
      await eventually(() => members.every((member) => member.partitions.length === partitions / 2));
      await other.producer().send({ messages: everywhere.map((message) => ({ topic, ...message })) });
      // Its fetch that was under way when the second member came may still bring what is the second member's.
      const got = () => new Set(members.flatMap((member) => member.values.map(String)));
      await eventually(() => got().size >= partitions);
      expect([...got()].toSorted()).toEqual(values);
    },
  );

  test("HTTP tells of both; a kafkajs behind a bridge reads what came in through TCP, and the other way", async ({
    expect,
    onTestFinished,
  }) => {
    expect((await fetch(`${running().httpUrl}/health`)).status).toBe(200);
    const bridge = await startBridge(running().httpUrl, 2);
    onTestFinished(() => bridge.stop());
    const topic = "bridged";
    const [direct, bridged] = [new KafkaJs(door(0), onTestFinished), new KafkaJs(bridge.bootstrap, onTestFinished)];
    await (await direct.admin()).createTopics({ topics: [{ topic, numPartitions: partitions }] });
    await (await bridged.producer({ idempotent: true })).send({ topic, messages: everywhere });
    await (await direct.producer()).send({ topic, messages: everywhere });
    const members = [await direct.member("direct", topic), await bridged.member("bridged", topic)];
    await eventually(() => members.every((member) => member.values.length >= 2 * partitions));
    const twice = values.flatMap((value) => [value, value]);
    expect(members.map((member) => member.values.map(String).toSorted())).toEqual([twice, twice]);
    const metrics = await (await fetch(`${running().httpUrl}/metrics`)).text();
    expect(metrics).toMatch(/^kante_requests_total\{api="Produce"\} [1-9]/m);
  });
});
