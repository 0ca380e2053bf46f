/** What is slow or strict by default: the wait for a group's first members, and topics that nobody made. */
import { describe, test } from "vitest";
import { KafkaJs } from "./kafkajs-client.ts";
import { eventually, sharedServer } from "./kante-process.ts";
import { Platformatic } from "./platformatic-client.ts";

const running = sharedServer({ args: ["--set", "auto.create.topics.enable=false"] });

describe.concurrent("with auto.create.topics.enable=false", () => {
  test("kafkajs is told that there is no such topic", async ({ expect, onTestFinished }) => {
    const kafka = new KafkaJs(running().bootstrap, onTestFinished);
    const producer = await kafka.producer({ retry: { retries: 1, initialRetryTime: 20 } });
    const produced = producer.send({ topic: "nobody.made", messages: [{ value: "x" }] });
    await expect(produced).rejects.toThrow("This server does not host this topic-partition");
    expect(await (await kafka.admin()).listTopics()).not.toContain("nobody.made");
  });

  test("@platformatic/kafka is told that there is no such topic", async ({ expect, onTestFinished }) => {
    const kafka = new Platformatic(running().bootstrap, onTestFinished);
    const producer = kafka.producer({ autocreateTopics: true, retries: 1, retryDelay: 20 });
    const produced = producer.send({ messages: [{ topic: "nobody.made.either", value: "x" }] });
    await expect(produced).rejects.toThrow("Unknown topic nobody.made.either");
  });
});

describe.concurrent("with the default group.initial.rebalance.delay.ms", () => {
  test("kafkajs: members that come one after the other begin together", async ({ expect, onTestFinished }) => {
    const kafka = new KafkaJs(running().bootstrap, onTestFinished);
    await (await kafka.admin()).createTopics({ topics: [{ topic: "waited", numPartitions: 2 }] });
    const [first, second] = await Promise.all([kafka.member("waited", "waited", {}), kafka.member("waited", "waited", {})]);
    await eventually(() => first.assignments > 0 && second.assignments > 0);
    expect([first.assignments, second.assignments]).toEqual([1, 1]);
    expect([first.partitions.length, second.partitions.length]).toEqual([1, 1]);
  });

  test("@platformatic/kafka: a lone member gets everything", async ({ expect, onTestFinished }) => {
    const kafka = new Platformatic(running().bootstrap, onTestFinished);
    await kafka.admin().createTopics({ topics: ["lone"], partitions: 2, replicas: 1 });
    await kafka.producer().send({ messages: [0, 1].map((partition) => ({ topic: "lone", value: String(partition), partition })) });
    const member = await kafka.member("lone", "lone");
    await eventually(() => member.values.length >= 2);
    expect(member.values.map(String).toSorted()).toEqual(["0", "1"]);
  });
});
