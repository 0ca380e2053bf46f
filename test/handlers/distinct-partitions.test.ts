/** A partition twice in one produce request, as Apache Kafka 4.3 takes it. */
import { expect, test } from "vitest";
import { produce } from "../../protocol/messages/00-produce.ts";
import { FakeBroker } from "./fake-broker.ts";
import { batch } from "./records.ts";

const of = (index: number, value: string) => ({ index, records: batch({ values: [value] }) });

test.each([9, 13])("the last records of a partition that is named twice count, answered once (v%i)", async (version) => {
  const broker = new FakeBroker();
  const topicId = await broker.createTopic("t", 2);
  await broker.createTopic("u");
  await broker.catalog.all();
  const named = (name: string) => (version >= 13 ? { topicId: broker.catalog.knownByName(name)!.id } : { name });
  const topicData = [
    { ...named("t"), partitionData: [of(0, "first"), of(1, "other"), of(0, "second")] },
    { ...named("u"), partitionData: [of(0, "u")] },
    { ...named("t"), partitionData: [of(0, "third")] },
  ];
  const { responses } = (await broker.ask(produce, version, { acks: -1, timeoutMs: 1000, topicData }))!;
  expect(responses.map(({ partitionResponses }) => partitionResponses.map(({ index, errorCode }) => [index, errorCode]))).toEqual([
    [
      [0, 0],
      [1, 0],
    ],
    [[0, 0]],
  ]);
  expect(broker.log({ topicId, partition: 0 }).nextOffset).toBe(1);
  const text = new TextDecoder().decode(broker.log({ topicId, partition: 0 }).extents[0]!.records);
  expect(text).toContain("third");
});
