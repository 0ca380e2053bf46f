/**
 * kafkajs as its users write it: old versions of every API, groups of the classic protocol. The tests run side by side on one
 * server, each with topics and groups of its own, because a default consumer takes seconds to notice a rebalance.
 */
import { CompressionTypes, KafkaJSProtocolError } from "kafkajs";
import { describe, test } from "vitest";
import { KafkaJs } from "./kafkajs-client.ts";
import { eventually, fast, sharedServer } from "./kante-process.ts";

const running = sharedServer({ args: fast });

const text = (bytes: Buffer | null | undefined) => bytes?.toString() ?? null;

describe.concurrent("kafkajs", () => {
  test("two members share the partitions; one takes over what the other committed", async ({ expect, onTestFinished }) => {
    const kafka = new KafkaJs(running().bootstrap, onTestFinished);
    const producer = await kafka.producer();
    const send = (round: string) =>
      producer.send({ topic: "shared", messages: [0, 1, 2, 3].map((partition) => ({ value: `${round}${partition}`, partition })) });
    await send("a");
    const first = await kafka.member("shared", "shared");
    await eventually(() => first.values.length >= 4);
    const second = await kafka.member("shared", "shared");
    await eventually(() => first.partitions.length === 2 && second.partitions.length === 2);
    expect(new Set([...first.partitions, ...second.partitions]).size).toBe(4);
    await send("b");
    await eventually(() => first.values.length + second.values.length >= 8);
    await second.leave();
    await eventually(() => first.partitions.length === 4);
    await send("c");
    await eventually(() => first.values.length + second.values.length >= 12);
    // Nobody read anything twice: what was read was committed before each rebalance.
    const all = ["a", "b", "c"].flatMap((round) => [0, 1, 2, 3].map((partition) => `${round}${partition}`));
    expect([...first.values, ...second.values].map(String).toSorted()).toEqual(all);
    await first.leave();
    await send("d");
    const third = await kafka.member("shared", "shared");
    await eventually(() => third.values.length >= 4);
    expect(third.values.map(String).toSorted()).toEqual(["d0", "d1", "d2", "d3"]);
  });

  test("a produce makes the topic; keys, headers, nulls and timestamps come back", async ({ expect, onTestFinished }) => {
    const kafka = new KafkaJs(running().bootstrap, onTestFinished);
    const headers = { one: "1", many: ["a", "b"], bytes: Buffer.from([0, 255]) };
    const messages = [
      { key: "k", value: "v", headers, timestamp: "1700000000123" },
      { key: null, value: "no key" },
      { key: "tombstone", value: null },
      { key: "", value: "" },
    ];
    const producer = await kafka.producer();
    const [result] = await producer.send({ topic: "records", messages: messages.map((each) => ({ ...each, partition: 2 })) });
    expect(result).toMatchObject({ topicName: "records", partition: 2, errorCode: 0, baseOffset: "0" });
    const member = await kafka.member("records", "records");
    await eventually(() => member.payloads.length >= 4);
    expect(member.payloads.map(({ message: { offset, key, value } }) => [offset, text(key), text(value)])).toEqual([
      ["0", "k", "v"],
      ["1", null, "no key"],
      ["2", "tombstone", null],
      ["3", "", ""],
    ]);
    const first = member.payloads[0]?.message;
    expect(first?.timestamp).toBe("1700000000123");
    expect(first?.headers).toEqual({
      one: Buffer.from("1"),
      many: [Buffer.from("a"), Buffer.from("b")],
      bytes: Buffer.from([0, 255]),
    });
  });

  test.for([
    ["acks=all", {}, { acks: -1 }],
    ["acks=1", {}, { acks: 1 }],
    ["acks=0", {}, { acks: 0 }],
    ["idempotent", { idempotent: true }, {}],
    ["gzip", {}, { compression: CompressionTypes.GZIP }],
  ] as const)("%s: several sends come back whole and in order", async ([name, config, how], { expect, onTestFinished }) => {
    const kafka = new KafkaJs(running().bootstrap, onTestFinished);
    const topic = `way.${name.replace("=", "-")}`;
    const values = Array.from({ length: 300 }, (_, index) => `${index} `.padEnd(200, "x"));
    const admin = await kafka.admin();
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
    const producer = await kafka.producer(config);
    for (let from = 0; from < values.length; from += 100) {
      await producer.send({ topic, messages: values.slice(from, from + 100).map((value) => ({ value })), ...how });
    }
    const member = await kafka.member(topic, topic);
    await eventually(() => member.payloads.length >= values.length);
    expect(member.values).toEqual(values);
  });

  test("a record of almost the largest size passes, a larger one gets error 10", async ({ expect, onTestFinished }) => {
    const kafka = new KafkaJs(running().bootstrap, onTestFinished);
    const producer = await kafka.producer();
    const value = "z".repeat(1_048_000);
    await producer.send({ topic: "large", messages: [{ value, partition: 0 }] });
    const tooLarge = producer.send({ topic: "large", messages: [{ value: value.padEnd(1_100_000), partition: 0 }] });
    await expect(tooLarge).rejects.toSatisfy(
      (error) => error instanceof KafkaJSProtocolError && error.type === "MESSAGE_TOO_LARGE",
    );
    const member = await kafka.member("large", "large");
    await eventually(() => member.payloads.length > 0);
    expect(member.values).toEqual([value]);
  });
});
