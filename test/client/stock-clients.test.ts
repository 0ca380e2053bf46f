/** Other people's clients read what the library wrote, and it reads what they wrote. */
import { CompressionTypes } from "kafkajs";
import { describe, test } from "vitest";
import { connect, string } from "../../client/client.ts";
import { KafkaJs } from "../e2e/kafkajs-client.ts";
import { eventually, fast, sharedServer } from "../e2e/kante-process.ts";
import { Platformatic } from "../e2e/platformatic-client.ts";
import { freshName, numbers, take } from "./contract-steps.ts";

const running = sharedServer({ args: fast });
const open = () => connect(`${running().httpUrl}/c/default/kafka`);

describe.concurrent("with other clients", () => {
  test.for(["none", "gzip"] as const)(
    "kafkajs reads what was sent with compression %s",
    async (compression, { expect, onTestFinished }) => {
      await using client = open();
      const topic = freshName(`ours.${compression}`);
      const values = numbers(200).map((value) => value.padEnd(100));
      const headers = { a: "b" };
      await client.producer({ compression }).send(
        topic,
        values.map((value) => ({ key: "k", value, headers, partition: 1 })),
      );
      const member = await new KafkaJs(running().bootstrap, onTestFinished).member(topic, topic);
      await eventually(() => member.payloads.length >= 200);
      expect(member.values.map(String)).toEqual(values);
      expect(member.payloads[7]?.message).toMatchObject({ key: Buffer.from("k"), headers: { a: Buffer.from("b") }, offset: "7" });
    },
  );

  test.for([CompressionTypes.None, CompressionTypes.GZIP])(
    "what kafkajs sent with compression %d is read",
    async (compression, { expect, onTestFinished }) => {
      await using client = open();
      const topic = freshName(`theirs.${compression}`);
      const values = numbers(200).map((value) => value.padEnd(100));
      const producer = await new KafkaJs(running().bootstrap, onTestFinished).producer({ idempotent: true });
      const messages = values.map((value) => ({ key: "k", value, headers: { a: "b" }, partition: 1, timestamp: "1700000000000" }));
      await producer.send({ topic, messages, compression, acks: -1 });
      const records = await take(client.consumer({ topics: [topic], offsetReset: "earliest", key: string, value: string }), 200);
      expect(records.map(({ value }) => value)).toEqual(values);
      expect(records[7]).toMatchObject({
        key: "k",
        partition: 1,
        offset: 7,
        timestamp: 1_700_000_000_000,
        headers: [{ key: "a" }],
      });
    },
  );

  test.for(["none", "gzip", "snappy", "lz4", "zstd"] as const)(
    "@platformatic/kafka and the library read each other's %s",
    async (compression, { expect, onTestFinished }) => {
      await using client = open();
      const kafka = new Platformatic(running().bootstrap, onTestFinished);
      const topic = freshName(`both.${compression}`);
      const values = numbers(200).map((value) => value.padEnd(100));
      await client.admin().createTopics([{ name: topic, partitions: 1 }]);
      await client.producer({ compression: compression === "zstd" ? "none" : compression }).send(
        topic,
        values.slice(0, 100).map((value) => ({ value })),
      );
      await kafka.producer({ compression }).send({ messages: values.slice(100).map((value) => ({ topic, value })) });
      const member = await kafka.member(topic, topic);
      await eventually(() => member.messages.length >= 200);
      expect(member.values).toEqual(values);
      const records = await take(client.consumer({ topics: [topic], offsetReset: "earliest", value: string }), 200);
      expect(records.map(({ value }) => value)).toEqual(values);
    },
  );

  test("keys go to the partitions where kafkajs and @platformatic/kafka look for them", async ({ expect, onTestFinished }) => {
    await using client = open();
    const topic = freshName("keys");
    await client.admin().createTopics([{ name: topic, partitions: 8 }]);
    const keys = numbers(50).map((number) => `key ${number}`);
    const ours = await client.producer().send(
      topic,
      keys.map((key) => ({ key, value: "ours" })),
    );
    const producer = await new KafkaJs(running().bootstrap, onTestFinished).producer();
    await producer.send({ topic, messages: keys.map((key) => ({ key, value: "theirs" })) });
    const records = await take(client.consumer({ topics: [topic], offsetReset: "earliest", key: string, value: string }), 100);
    for (const [index, key] of keys.entries())
      expect(records.filter((record) => record.key === key).map(({ partition }) => partition)).toEqual([
        ours[index]!.partition,
        ours[index]!.partition,
      ]);
  });

  test("a group goes on where kafkajs left it, and the other way round", async ({ expect, onTestFinished }) => {
    await using client = open();
    const [topic, group] = [freshName("taken-over"), freshName("group")];
    const kafka = new KafkaJs(running().bootstrap, onTestFinished);
    const producer = client.producer();
    const send = (values: readonly string[]) =>
      producer.send(
        topic,
        values.map((value) => ({ value, partition: 0 })),
      );
    await send(numbers(5));
    const theirs = await kafka.member(group, topic);
    await eventually(() => theirs.values.length >= 5);
    await theirs.leave();
    await send(numbers(5, 5));
    const ours = client.consumer({ topics: [topic], group, groupProtocol: "classic", offsetReset: "earliest", value: string });
    expect((await take(ours, 5)).map(({ value }) => value)).toEqual(numbers(5, 5));
    await ours.commit();
    await ours.close();
    await send(numbers(5, 10));
    const again = await kafka.member(group, topic);
    await eventually(() => again.values.length >= 5);
    expect(again.values.map(String)).toEqual(numbers(5, 10));
  });
});
