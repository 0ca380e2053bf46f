/** A controller or leader that cannot be reached: every item gets an error that its client takes as a reason to ask again. */
import { describe, expect, test, vi } from "vitest";
import { OperatingError } from "../../core/operating-error.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { listOffsets } from "../../protocol/messages/02-list-offsets.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { offsetCommit } from "../../protocol/messages/08-offset-commit.ts";
import { offsetFetch } from "../../protocol/messages/09-offset-fetch.ts";
import { describeGroups } from "../../protocol/messages/15-describe-groups.ts";
import { listGroups } from "../../protocol/messages/16-list-groups.ts";
import { createTopics } from "../../protocol/messages/19-create-topics.ts";
import { deleteTopics } from "../../protocol/messages/20-delete-topics.ts";
import { deleteRecords } from "../../protocol/messages/21-delete-records.ts";
import { offsetForLeaderEpoch } from "../../protocol/messages/23-offset-for-leader-epoch.ts";
import { addPartitionsToTxn } from "../../protocol/messages/24-add-partitions-to-txn.ts";
import { writeTxnMarkers } from "../../protocol/messages/27-write-txn-markers.ts";
import { txnOffsetCommit } from "../../protocol/messages/28-txn-offset-commit.ts";
import { describeConfigs } from "../../protocol/messages/32-describe-configs.ts";
import { alterConfigs } from "../../protocol/messages/33-alter-configs.ts";
import { alterReplicaLogDirs } from "../../protocol/messages/34-alter-replica-log-dirs.ts";
import { describeLogDirs } from "../../protocol/messages/35-describe-log-dirs.ts";
import { createPartitions } from "../../protocol/messages/37-create-partitions.ts";
import { electLeaders } from "../../protocol/messages/43-elect-leaders.ts";
import { incrementalAlterConfigs } from "../../protocol/messages/44-incremental-alter-configs.ts";
import { deleteGroups } from "../../protocol/messages/42-delete-groups.ts";
import { alterPartitionReassignments } from "../../protocol/messages/45-alter-partition-reassignments.ts";
import { offsetDelete } from "../../protocol/messages/47-offset-delete.ts";
import { describeClientQuotas } from "../../protocol/messages/48-describe-client-quotas.ts";
import { alterClientQuotas } from "../../protocol/messages/49-alter-client-quotas.ts";
import { describeQuorum } from "../../protocol/messages/55-describe-quorum.ts";
import { describeCluster } from "../../protocol/messages/60-describe-cluster.ts";
import { describeProducers } from "../../protocol/messages/61-describe-producers.ts";
import { describeTransactions } from "../../protocol/messages/65-describe-transactions.ts";
import { listTransactions } from "../../protocol/messages/66-list-transactions.ts";
import { consumerGroupDescribe } from "../../protocol/messages/69-consumer-group-describe.ts";
import { listConfigResources } from "../../protocol/messages/74-list-config-resources.ts";
import { describeTopicPartitions } from "../../protocol/messages/75-describe-topic-partitions.ts";
import type { ApiSchema, RequestInput } from "../../protocol/schema.ts";
import { FakeBroker } from "./fake-broker.ts";
import { batch } from "./records.ts";

const calls = [
  "snapshot",
  "createTopics",
  "deleteTopics",
  "createPartitions",
  "alterConfigs",
  "alterClientQuotas",
  "configuredResources",
  "groups",
  "transactions",
] as const;

function loseController(broker: FakeBroker): void {
  for (const call of calls) {
    vi.spyOn(broker.controller, call).mockRejectedValue(new OperatingError("retry", "the controller is gone"));
  }
}

/** Every error code in an answer, wherever it stands. */
function codesIn(answer: unknown): number[] {
  if (typeof answer !== "object" || answer === null) return [];
  return Object.entries(answer).flatMap(([name, value]) =>
    /^(partitionE|e)rrorCode$/.test(name) && value !== 0 ? [value as number] : codesIn(value),
  );
}

interface Case {
  readonly api: ApiSchema;
  readonly version: number;
  readonly request: unknown;
  readonly codes: readonly number[];
}

function of<Api extends ApiSchema>(api: Api, version: number, request: RequestInput<Api>, ...codes: number[]): Case {
  return { api, version, request, codes };
}

const notLeader = 6;
const timedOut = 7;
const two = [{ partitionIndex: 0 }, { partitionIndex: 1 }];
const loading = 14;
/** Of so many the controller is asked which there are. */
const many = Array.from({ length: 9 }, (_, index) => `name-${index}`);
const allLoading = many.map(() => loading);
const topicResource = { resourceType: 2, resourceName: "t" };

const withoutController: readonly Case[] = [
  of(produce, 9, { acks: -1, topicData: [{ name: "t", partitionData: [{ index: 0, records: batch() }] }] }, notLeader),
  of(fetch, 12, { topics: [{ topic: "t", partitions: [{ partition: 0 }, { partition: 1 }] }] }, notLeader, notLeader),
  of(listOffsets, 7, { topics: [{ name: "t", partitions: two }] }, notLeader, notLeader),
  of(offsetCommit, 7, { groupId: "g", topics: [{ name: "t", partitions: two }] }, loading, loading),
  of(offsetFetch, 1, { groupId: "g", topics: [{ name: "t", partitionIndexes: [0, 1] }] }, loading, loading),
  of(offsetFetch, 7, { groupId: "g", topics: [{ name: "t", partitionIndexes: [0, 1] }] }, loading),
  of(
    offsetFetch,
    8,
    {
      groups: [
        { groupId: "g", topics: [{ name: "t", partitionIndexes: [0] }] },
        { groupId: "h", topics: [{ name: "u", partitionIndexes: [0] }] },
      ],
    },
    loading,
    loading,
  ),
  of(listGroups, 5, {}, loading),
  of(offsetFetch, 8, { groups: many.map((groupId) => ({ groupId, topics: null })) }, ...allLoading),
  of(describeGroups, 6, { groups: many }, ...allLoading),
  of(deleteGroups, 2, { groupsNames: many }, ...allLoading),
  of(consumerGroupDescribe, 1, { groupIds: many }, ...allLoading),
  of(describeTransactions, 0, { transactionalIds: many }, ...allLoading),
  of(offsetDelete, 0, { groupId: "g", topics: [{ name: "t", partitions: two }] }, loading),
  of(listTransactions, 2, {}, loading),
  of(
    addPartitionsToTxn,
    3,
    { v3AndBelowTransactionalId: "x", v3AndBelowTopics: [{ name: "t", partitions: [0, 1] }] },
    loading,
    loading,
  ),
  of(addPartitionsToTxn, 5, { transactions: [{ transactionalId: "x", topics: [{ name: "t", partitions: [0] }] }] }, loading),
  of(txnOffsetCommit, 1, { transactionalId: "x", groupId: "g", topics: [{ name: "t", partitions: two }] }, 15, 15),
  of(txnOffsetCommit, 3, { transactionalId: "x", groupId: "g", topics: [{ name: "t", partitions: two }] }, loading, loading),
  of(writeTxnMarkers, 1, { markers: [{ producerId: 1n, topics: [{ name: "t", partitionIndexes: [0] }] }] }, notLeader),
  of(metadata, 9, { topics: [{ name: "t" }], allowAutoTopicCreation: true }, 5),
  of(metadata, 13, { topics: [{ name: null, topicId: "11111111-1111-4111-8111-111111111111" }] }, 5),
  of(createTopics, 7, { topics: [{ name: "t" }, { name: "u" }] }, timedOut, timedOut),
  of(deleteTopics, 6, { topics: [{ name: "t" }] }, timedOut),
  of(deleteTopics, 5, { topicNames: ["t", "u"] }, timedOut, timedOut),
  of(deleteRecords, 2, { topics: [{ name: "t", partitions: two }] }, notLeader, notLeader),
  of(offsetForLeaderEpoch, 4, { topics: [{ topic: "t", partitions: [{ partition: 0 }] }] }, notLeader),
  of(describeConfigs, 4, { resources: [topicResource] }, timedOut),
  of(alterConfigs, 2, { resources: [topicResource] }, timedOut),
  of(incrementalAlterConfigs, 1, { resources: [topicResource] }, timedOut),
  of(alterReplicaLogDirs, 2, { dirs: [{ path: "d", topics: [{ name: "t", partitions: [0, 1] }] }] }, 56, 56),
  of(describeLogDirs, 4, { topics: null }, 56),
  of(createPartitions, 3, { topics: [{ name: "t", count: 4 }] }, timedOut),
  of(electLeaders, 2, { topicPartitions: [{ topic: "t", partitions: [0, 1] }] }, timedOut, timedOut),
  of(alterPartitionReassignments, 1, { topics: [{ name: "t", partitions: two }] }, timedOut),
  of(describeClientQuotas, 1, { components: [], strict: false }, timedOut),
  of(alterClientQuotas, 1, { entries: [{ entity: [{ entityType: "user", entityName: "a" }], ops: [] }] }, timedOut),
  of(describeQuorum, 2, { topics: [{ topicName: "__cluster_metadata", partitions: [{ partitionIndex: 0 }] }] }, timedOut),
  of(describeCluster, 2, { endpointType: 1 }, timedOut),
  of(describeProducers, 0, { topics: [{ name: "t", partitionIndexes: [0] }] }, notLeader),
  of(listConfigResources, 1, { resourceTypes: [2] }, timedOut),
  of(describeTopicPartitions, 0, { topics: [{ name: "t" }], responsePartitionLimit: 9 }, 5),
];

describe("a controller that cannot be reached", () => {
  test.each(withoutController.map((each) => [`${each.api.name} (v${each.version})`, each] as const))(
    "%s: each item may be asked for again",
    async (_name, { api, version, request, codes }) => {
      const broker = new FakeBroker();
      loseController(broker);
      expect(codesIn(await broker.ask(api, version, request as never))).toEqual(codes);
      expect(broker.appends).toEqual([]);
    },
  );

  test("topics that were known go on being served and shown", async () => {
    const broker = new FakeBroker();
    await broker.createTopic("t");
    await broker.catalog.all();
    loseController(broker);
    const shown = (await broker.ask(metadata, 9, { topics: [{ name: "t" }, { name: "new" }], allowAutoTopicCreation: true }))!;
    expect(shown.topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
      ["t", 0],
      ["new", 5],
    ]);
    const partitionData = [{ index: 0, records: batch() }];
    expect(codesIn(await broker.ask(produce, 9, { acks: -1, topicData: [{ name: "t", partitionData }] }))).toEqual([]);
  });

  test("who wants no answer gets none: the connection is closed, as for any produce without acks that fails", async () => {
    const broker = new FakeBroker();
    loseController(broker);
    const topicData = [{ name: "t", partitionData: [{ index: 0, records: batch() }] }];
    await expect(broker.ask(produce, 9, { acks: 0, topicData })).rejects.toThrow("the controller is gone");
  });

  test("what is broken otherwise still ends the connection", async () => {
    const broker = new FakeBroker();
    vi.spyOn(broker.controller, "snapshot").mockRejectedValue(new Error("a bug"));
    await expect(broker.ask(metadata, 9, { topics: [{ name: "t" }] })).rejects.toThrow("a bug");
  });
});

describe("a leader that cannot be reached", () => {
  test.each([
    of(deleteRecords, 2, { topics: [{ name: "t", partitions: [{ partitionIndex: 0, offset: -1n }] }] }, notLeader),
    of(listOffsets, 7, { topics: [{ name: "t", partitions: [{ partitionIndex: 0, timestamp: -1n }] }] }, notLeader),
    of(offsetForLeaderEpoch, 4, { topics: [{ topic: "t", partitions: [{ partition: 0, currentLeaderEpoch: -1 }] }] }, notLeader),
    of(describeProducers, 0, { topics: [{ name: "t", partitionIndexes: [0] }] }, notLeader),
    of(describeLogDirs, 4, { topics: null }, 56),
  ])("$api.name: its partitions may be asked for again", async ({ api, version, request, codes }) => {
    const broker = new FakeBroker();
    await broker.createTopic("t");
    broker.areLeadersGone = true;
    expect(codesIn(await broker.ask(api, version, request as never))).toEqual(codes);
  });
});
