/**
 * Partitions that were added through another broker. Nobody tells this one: it looks again when it is asked about a partition that it does
 * not know, and says that there is none only when the controller says so too.
 */
import { expect, test } from "vitest";
import { produce } from "../../protocol/messages/00-produce.ts";
import { fetch as fetchApi } from "../../protocol/messages/01-fetch.ts";
import { listOffsets } from "../../protocol/messages/02-list-offsets.ts";
import { deleteRecords } from "../../protocol/messages/21-delete-records.ts";
import { describeProducers } from "../../protocol/messages/61-describe-producers.ts";
import { FakeBroker } from "./fake-broker.ts";
import { batch } from "./records.ts";

const name = "t";

/** Each asks about one partition and tells the code of the answer. */
const questions: readonly (readonly [string, (broker: FakeBroker, topicId: string, partition: number) => Promise<number>])[] = [
  [
    "Produce",
    async (broker, topicId, index) => {
      const topicData = [{ topicId, partitionData: [{ index, records: batch() }] }];
      return (await broker.ask(produce, 13, { acks: -1, topicData }))!.responses[0]!.partitionResponses[0]!.errorCode;
    },
  ],
  [
    "Fetch",
    async (broker, topicId, partition) => {
      const topics = [{ topicId, partitions: [{ partition, fetchOffset: 0n, partitionMaxBytes: 1000 }] }];
      const request = { maxWaitMs: 0, minBytes: 0, maxBytes: 1000, sessionEpoch: -1, topics };
      return (await broker.ask(fetchApi, 13, request))!.responses[0]!.partitions[0]!.errorCode;
    },
  ],
  [
    "ListOffsets",
    async (broker, _topicId, partitionIndex) => {
      const topics = [{ name, partitions: [{ partitionIndex, timestamp: -1n }] }];
      return (await broker.ask(listOffsets, 7, { replicaId: -1, topics }))!.topics[0]!.partitions[0]!.errorCode;
    },
  ],
  [
    "DeleteRecords",
    async (broker, _topicId, partitionIndex) => {
      const topics = [{ name, partitions: [{ partitionIndex, offset: 0n }] }];
      return (await broker.ask(deleteRecords, 2, { topics, timeoutMs: 1000 }))!.topics[0]!.partitions[0]!.errorCode;
    },
  ],
  [
    "DescribeProducers",
    async (broker, _topicId, partition) => {
      const topics = [{ name, partitionIndexes: [partition] }];
      return (await broker.ask(describeProducers, 0, { topics }))!.topics[0]!.partitions[0]!.errorCode;
    },
  ],
];

test.each(questions)(
  "%s finds a partition that was added through another broker; one that nobody added is 3",
  async (_name, ask) => {
    const broker = new FakeBroker();
    const topicId = await broker.createTopic(name, 1);
    expect(await ask(broker, topicId, 0)).toBe(0);
    await broker.controller.createPartitions([{ name, count: 3, assignments: null }], false);
    expect(broker.catalog.knownByName(name)?.partitions).toHaveLength(1);
    expect(await ask(broker, topicId, 2)).toBe(0);
    expect(await ask(broker, topicId, 3)).toBe(3);
  },
);
