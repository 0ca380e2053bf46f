/** What @platformatic/kafka consumers do besides reading on: they pause, begin where they are told, commit by hand and come back. */
import { describe, test } from "vitest";
import { eventually, fast, sharedServer } from "./kante-process.ts";
import { Platformatic } from "./platformatic-client.ts";

const running = sharedServer({ args: fast });

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => String(from + index));

async function produce(kafka: Platformatic, topic: string, values: readonly string[], partitions = 1): Promise<void> {
  await kafka.admin().createTopics({ topics: [topic], partitions, replicas: 1 });
  await kafka.producer().send({ messages: values.map((value, index) => ({ topic, value, partition: index % partitions })) });
}

describe.concurrent("@platformatic/kafka consumers", () => {
  test.for([
    ["earliest", {}, numbers(5)],
    ["manual", { offsets: [{ topic: "manual", partition: 0, offset: 3n }] }, ["3", "4"]],
  ] as const)("begin at %s", async ([mode, options, wanted], { expect, onTestFinished }) => {
    const kafka = new Platformatic(running().bootstrap, onTestFinished);
    await produce(kafka, mode, numbers(5));
    const stream = await kafka
      .consumer({ groupId: mode })
      .consume({ topics: [mode], mode, ...("offsets" in options ? { offsets: [...options.offsets] } : {}) });
    const values: string[] = [];
    stream.on("data", ({ value }) => void values.push(value));
    await eventually(() => values.length === wanted.length);
    expect(values).toEqual(wanted);
  });

  test("a stream that is paused gives nothing until it goes on", async ({ expect, onTestFinished }) => {
    const kafka = new Platformatic(running().bootstrap, onTestFinished);
    await produce(kafka, "paused", numbers(3));
    const stream = await kafka.consumer({ groupId: "paused" }).consume({ topics: ["paused"], mode: "earliest", maxWaitTime: 200 });
    const values: string[] = [];
    stream.on("data", ({ value }) => void values.push(value));
    await eventually(() => values.length === 3);
    stream.pause();
    await kafka.producer().send({ messages: [{ topic: "paused", value: "3" }] });
    expect(values).toHaveLength(3);
    stream.resume();
    await eventually(() => values.length === 4);
    expect(values).toEqual(numbers(4));
  });

  test.for(["classic", "consumer"] as const)(
    "%s: commits by hand; lag and committed offsets tell; another goes on there",
    async (groupProtocol, { expect, onTestFinished }) => {
      const kafka = new Platformatic(running().bootstrap, onTestFinished);
      const topic = `commits.${groupProtocol}`;
      await produce(kafka, topic, numbers(6));
      const first = kafka.consumer({ groupId: topic, groupProtocol });
      const stream = await first.consume({ topics: [topic], mode: "committed", fallbackMode: "earliest", autocommit: false });
      const values: string[] = [];
      stream.on("data", (message) => {
        values.push(message.value);
        if (message.offset === 3n) void message.commit();
      });
      const committed = async () => (await first.listCommittedOffsets({ topics: [{ topic, partitions: [0] }] })).get(topic)?.[0];
      await eventually(async () => values.length === 6 && (await committed()) === 4n);
      expect((await first.listOffsets({ topics: [topic] })).get(topic)).toEqual([6n]);
      await first.close(true);
      const second = await kafka.member(topic, topic, groupProtocol);
      await eventually(() => second.values.length === 2);
      expect(second.values).toEqual(["4", "5"]);
    },
  );

  test("without a commit a consumer that must not fall back fails", async ({ expect, onTestFinished }) => {
    const kafka = new Platformatic(running().bootstrap, onTestFinished);
    await produce(kafka, "uncommitted", numbers(1));
    const consumer = kafka.consumer({ groupId: "uncommitted" });
    const stream = await consumer.consume({ topics: ["uncommitted"], mode: "committed", fallbackMode: "fail" });
    const failed = new Promise<Error>((resolve) => stream.once("error", resolve));
    stream.on("data", () => {});
    expect((await failed).message).toContain("no committed offset");
  });

  test("the range assignor gives neighbours; a static member gets its own back", async ({ expect, onTestFinished }) => {
    const kafka = new Platformatic(running().bootstrap, onTestFinished);
    await produce(kafka, "ranged", [], 4);
    const joined = async (groupInstanceId: string) => {
      const consumer = kafka.consumer({
        groupId: "ranged",
        groupProtocol: "consumer",
        groupRemoteAssignor: "range",
        groupInstanceId,
      });
      const stream = await consumer.consume({ topics: ["ranged"], mode: "earliest" });
      stream.on("data", () => {});
      const partitions = () => consumer.assignments?.find(({ topic }) => topic === "ranged")?.partitions.toSorted() ?? [];
      return { consumer, partitions };
    };
    const [a, b] = [await joined("a"), await joined("b")];
    await eventually(() => a.partitions().length === 2 && b.partitions().length === 2);
    expect([a, b].map(({ partitions }) => partitions().join()).toSorted()).toEqual(["0,1", "2,3"]);
    const own = b.partitions();
    await b.consumer.close(true);
    const again = await joined("b");
    await eventually(() => again.partitions().length === 2);
    expect(again.partitions()).toEqual(own);
  });
});
