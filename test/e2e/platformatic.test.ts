/**
 * @platformatic/kafka as its users write it: the newest version of every API, both group protocols. The tests run side by side on
 * one server, each with topics and groups of its own.
 */
import type { CompressionAlgorithmValue } from "@platformatic/kafka";
import { describe, test } from "vitest";
import { eventually, fast, sharedServer } from "./kante-process.ts";
import { Platformatic } from "./platformatic-client.ts";

const running = sharedServer({ args: fast });

describe.concurrent("@platformatic/kafka", () => {
  test.for(["classic", "consumer"] as const)(
    "%s group: two members share the partitions; one takes over what the other committed",
    async (protocol, { expect, onTestFinished }) => {
      const kafka = new Platformatic(running().bootstrap, onTestFinished);
      const topic = `shared.${protocol}`;
      const producer = kafka.producer({ autocreateTopics: true });
      const send = (round: string) =>
        producer.send({ messages: [0, 1, 2, 3].map((partition) => ({ topic, value: `${round}${partition}`, partition })) });
      await send("a");
      const first = await kafka.member(topic, topic, protocol);
      await eventually(() => first.values.length >= 4);
      const second = await kafka.member(topic, topic, protocol);
      await eventually(() => first.partitions.length === 2 && second.partitions.length === 2);
      expect(new Set([...first.partitions, ...second.partitions]).size).toBe(4);
      await send("b");
      await eventually(() => new Set([...first.values, ...second.values]).size >= 8);
      await second.leave();
      await first.leave();
      await send("c");
      const third = await kafka.member(topic, topic, protocol);
      await eventually(() => third.values.length >= 4);
      expect(third.values.map(String).toSorted()).toEqual(["c0", "c1", "c2", "c3"]);
    },
  );

  test("a produce makes the topic; keys, headers, nulls and timestamps come back", async ({ expect, onTestFinished }) => {
    const kafka = new Platformatic(running().bootstrap, onTestFinished);
    const messages = [
      { key: "k", value: "v", headers: { one: "1", two: "" }, timestamp: 1_700_000_000_123n },
      { value: "no key" },
      { key: "tombstone" },
      { key: "", value: "" },
    ];
    const producer = kafka.producer({ autocreateTopics: true });
    const { offsets } = await producer.send({ messages: messages.map((each) => ({ topic: "records", partition: 2, ...each })) });
    expect(offsets).toEqual([{ topic: "records", partition: 2, offset: 0n }]);
    const member = await kafka.member("records", "records");
    await eventually(() => member.messages.length >= 4);
    expect(member.messages.map(({ offset, key, value }) => [offset, key ?? null, value ?? null])).toEqual([
      [0n, "k", "v"],
      [1n, null, "no key"],
      [2n, "tombstone", null],
      [3n, "", ""],
    ]);
    expect(member.messages[0]?.timestamp).toBe(1_700_000_000_123n);
    expect(member.messages[0]?.headerEntries).toEqual([
      ["one", "1"],
      ["two", ""],
    ]);
  });

  test.for([
    ["acks-all", { acks: -1 }],
    ["acks-1", { acks: 1 }],
    ["acks-0", { acks: 0 }],
    ["idempotent", { idempotent: true }],
    ...(["gzip", "snappy", "lz4", "zstd"] as const satisfies CompressionAlgorithmValue[]).map(
      (compression) => [compression, { compression }] as const,
    ),
  ] as const)("%s: several sends come back whole and in order", async ([name, options], { expect, onTestFinished }) => {
    const kafka = new Platformatic(running().bootstrap, onTestFinished);
    const topic = `way.${name}`;
    await kafka.admin().createTopics({ topics: [topic], partitions: 1, replicas: 1 });
    const values = Array.from({ length: 300 }, (_, index) => `${index} `.padEnd(200, "x"));
    const producer = kafka.producer(options);
    for (let from = 0; from < values.length; from += 100) {
      await producer.send({ messages: values.slice(from, from + 100).map((value) => ({ topic, value })) });
    }
    const member = await kafka.member(topic, topic);
    await eventually(() => member.messages.length >= values.length);
    expect(member.values).toEqual(values);
  });

  test("a record of almost the largest size passes, a larger one gets error 10", async ({ expect, onTestFinished }) => {
    const kafka = new Platformatic(running().bootstrap, onTestFinished);
    const producer = kafka.producer({ autocreateTopics: true });
    const value = "z".repeat(1_048_000);
    const send = (each: string) => producer.send({ messages: [{ topic: "large", value: each, partition: 0 }] });
    await send(value);
    await expect(send(value.padEnd(1_100_000))).rejects.toSatisfy((error: { findBy(name: string, value: unknown): unknown }) =>
      Boolean(error.findBy("apiCode", 10)),
    );
    const member = await kafka.member("large", "large");
    await eventually(() => member.messages.length > 0);
    expect(member.values).toEqual([value]);
  });
});
