/** The transaction APIs in every version, before real coordinators: what clients are told, and which word brokers append on. */
import { describe, expect, test, vi } from "vitest";
import { apiVersions } from "../../protocol/messages/18-api-versions.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { findCoordinator } from "../../protocol/messages/10-find-coordinator.ts";
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import { addPartitionsToTxn } from "../../protocol/messages/24-add-partitions-to-txn.ts";
import { addOffsetsToTxn } from "../../protocol/messages/25-add-offsets-to-txn.ts";
import { endTxn } from "../../protocol/messages/26-end-txn.ts";
import { describeTransactions } from "../../protocol/messages/65-describe-transactions.ts";
import { listTransactions } from "../../protocol/messages/66-list-transactions.ts";
import { FakeBroker, servedVersions } from "./fake-broker.ts";
import { batch } from "./records.ts";

const none = 0;
const invalidRequest = 42;
const invalidProducerEpoch = 47;
const invalidTxnState = 48;
const invalidTransactionTimeout = 50;
const concurrentTransactions = 51;
const notAuthorized = 53;
const notAttempted = 55;
const unknownPartition = 3;
const producerFenced = 90;
const notFound = 105;
const abortable = 120;
const notEnoughReplicas = 19;

interface Producer {
  readonly producerId: bigint;
  readonly producerEpoch: number;
}

class Client {
  readonly broker = new FakeBroker();

  static async withTopic(partitions = 4): Promise<Client> {
    const client = new Client();
    await client.broker.createTopic("t", partitions);
    return client;
  }

  async init(version = 5, transactionalId = "tx", transactionTimeoutMs = 60_000) {
    return (await this.broker.ask(initProducerId, version, { transactionalId, transactionTimeoutMs }))!;
  }

  async add(
    { producerId, producerEpoch }: Producer,
    version: number,
    partitions: readonly number[],
    name = "t",
  ): Promise<number[]> {
    const topics = [{ name, partitions }];
    if (version >= 4) {
      const transactions = [{ transactionalId: "tx", producerId, producerEpoch, verifyOnly: false, topics }];
      const answer = (await this.broker.ask(addPartitionsToTxn, version, { transactions }))!;
      return answer.resultsByTransaction[0]!.topicResults[0]!.resultsByPartition.map((result) => result.partitionErrorCode);
    }
    const answer = (await this.broker.ask(addPartitionsToTxn, version, {
      v3AndBelowTransactionalId: "tx",
      v3AndBelowProducerId: producerId,
      v3AndBelowProducerEpoch: producerEpoch,
      v3AndBelowTopics: topics,
    }))!;
    return answer.resultsByTopicV3AndBelow[0]!.resultsByPartition.map((result) => result.partitionErrorCode);
  }

  async end({ producerId, producerEpoch }: Producer, version: number, committed = true) {
    return (await this.broker.ask(endTxn, version, { transactionalId: "tx", producerId, producerEpoch, committed }))!;
  }

  async send({ producerId, producerEpoch }: Producer, version: number, partitions: readonly number[] = [0], baseSequence = 0) {
    const records = () => batch({ attributes: 0x10, producerId, producerEpoch, baseSequence });
    const partitionData = partitions.map((index) => ({ index, records: records() }));
    const topicId = (await this.broker.catalog.byName("t"))!.id;
    const topic = version >= 13 ? { topicId, partitionData } : { name: "t", partitionData };
    const answer = (await this.broker.ask(produce, version, {
      transactionalId: "tx",
      acks: -1,
      timeoutMs: 1000,
      topicData: [topic],
    }))!;
    return answer.responses[0]!.partitionResponses.map(({ errorCode }) => errorCode);
  }

  /** Whether the transactions have epochs of their own. */
  get ownEpochs() {
    return this.broker.appends.map((items) => items.map(({ batches }) => batches[0]!.hasOwnEpoch));
  }

  /** The transactions' numbers that were appended under. */
  get generations() {
    return this.broker.appends.map((items) => items.map(({ batches }) => batches[0]!.transactionGeneration));
  }
}

describe("InitProducerId with a transactional id", () => {
  test.each(servedVersions(initProducerId))("v%i gives the same id and the next epoch to the next producer", async (version) => {
    const client = new Client();
    const first = await client.init(version);
    expect(first).toMatchObject({ errorCode: none, producerEpoch: 0 });
    expect(await client.init(version)).toMatchObject({ errorCode: none, producerId: first.producerId, producerEpoch: 1 });
  });

  test.each(servedVersions(initProducerId))("v%i refuses a time-out above transaction.max.timeout.ms", async (version) => {
    expect(await new Client().init(version, "tx", 900_001)).toMatchObject({
      errorCode: invalidTransactionTimeout,
      producerId: -1n,
    });
  });

  test.each([
    [3, invalidProducerEpoch],
    [4, producerFenced],
    [6, producerFenced],
  ])("v%i tells a fenced producer %i", async (version, errorCode) => {
    const client = new Client();
    const { producerId, producerEpoch } = await client.init();
    await client.init();
    const request = { transactionalId: "tx", transactionTimeoutMs: 1000, producerId, producerEpoch };
    expect(await client.broker.ask(initProducerId, version, request)).toMatchObject({ errorCode });
  });

  test.each([
    [{ enable2Pc: true }, notAuthorized],
    [{ keepPreparedTxn: true }, 35],
  ])("two-phase commit is off: %o → %i", async (flags, errorCode) => {
    const request = { transactionalId: "tx", transactionTimeoutMs: 1000, ...flags };
    expect(await new FakeBroker().ask(initProducerId, 6, request)).toMatchObject({ errorCode, producerId: -1n });
  });
});

describe("AddPartitionsToTxn", () => {
  test.each(servedVersions(addPartitionsToTxn))(
    "v%i adds, fences, and tries nothing when one partition is unknown",
    async (version) => {
      const client = await Client.withTopic();
      const producer = await client.init();
      expect(await client.add(producer, version, [0, 1])).toEqual([none, none]);
      expect(await client.add(producer, version, [2, 9])).toEqual([notAttempted, unknownPartition]);
      expect(await client.add(producer, version, [0], "nowhere")).toEqual([unknownPartition]);
      const other = { ...producer, producerEpoch: 7 };
      expect(await client.add(other, version, [0])).toEqual([version < 2 ? invalidProducerEpoch : producerFenced]);
    },
  );

  test.each([
    [4, abortable],
    [5, abortable],
  ])("v%i asked to verify says %i of a partition that is no part", async (version, errorCode) => {
    const client = await Client.withTopic();
    const { producerId, producerEpoch } = await client.init();
    await client.add({ producerId, producerEpoch }, 3, [0]);
    const topics = [{ name: "t", partitions: [0, 1] }];
    const transactions = [{ transactionalId: "tx", producerId, producerEpoch, verifyOnly: true, topics }];
    const answer = (await client.broker.ask(addPartitionsToTxn, version, { transactions }))!;
    const results = answer.resultsByTransaction[0]!.topicResults[0]!.resultsByPartition;
    expect(results.map((result) => result.partitionErrorCode)).toEqual([none, errorCode]);
  });
});

test.each(servedVersions(addOffsetsToTxn))("AddOffsetsToTxn v%i adds a group and fences", async (version) => {
  const client = new Client();
  const { producerId, producerEpoch } = await client.init();
  const ask = (epoch: number) =>
    client.broker.ask(addOffsetsToTxn, version, { transactionalId: "tx", producerId, producerEpoch: epoch, groupId: "g" });
  expect(await ask(producerEpoch)).toMatchObject({ errorCode: none });
  expect(await ask(9)).toMatchObject({ errorCode: version < 2 ? invalidProducerEpoch : producerFenced });
  await client.end({ producerId, producerEpoch }, 3);
  expect(client.broker.transactions.calls).toMatchObject([{ kind: "offsets", groupId: "g", end: { commit: true } }]);
});

test.each(servedVersions(endTxn))(
  "EndTxn v%i ends the transaction; from version 5 on the producer gets its next epoch",
  async (version) => {
    const client = await Client.withTopic();
    const producer = await client.init();
    await client.add(producer, 3, [0, 3]);
    const answer = await client.end(producer, version, false);
    expect(answer).toMatchObject({ errorCode: none });
    if (version >= 5) expect(answer).toMatchObject({ producerId: producer.producerId, producerEpoch: 1 });
    expect(client.broker.transactions.calls).toMatchObject([{ kind: "markers", cell: 0, end: { commit: false, generation: 1 } }]);
    expect(await client.end({ ...producer, producerEpoch: 8 }, version)).toMatchObject({
      errorCode: version < 2 ? invalidProducerEpoch : producerFenced,
    });
  },
);

describe("EndTxn of the first transaction version", () => {
  test("names the transaction that the broker has heard of, and asks the coordinator nothing before", async () => {
    const client = await Client.withTopic();
    const producer = await client.init();
    await client.add(producer, 3, [0]);
    await client.send(producer, 11);
    await client.end(producer, 3);
    expect(client.broker.transactions.asked.slice(2)).toEqual(["admit", "end"]);
  });

  test("a broker that missed a transaction learns of it when the client asks again", async () => {
    const client = await Client.withTopic();
    const producer = await client.init();
    await client.add(producer, 3, [0]);
    const elsewhere = client.broker.transactions.client("tx");
    const identity = { producerId: Number(producer.producerId), producerEpoch: producer.producerEpoch };
    await elsewhere.end({ ...identity, commit: true, version: 1, generation: 1, newProducerId: undefined });
    await elsewhere.admit({ ...identity, add: true, partitions: [], groups: ["g"] });
    expect(await client.end(producer, 3)).toMatchObject({ errorCode: concurrentTransactions });
    expect(await client.end(producer, 3)).toMatchObject({ errorCode: none });
    expect(client.broker.transactions.calls.at(-1)).toMatchObject({ kind: "offsets", end: { commit: true, generation: 2 } });
  });
});

test("an empty transactional id is refused everywhere", async () => {
  const broker = new FakeBroker();
  const identity = { transactionalId: "", producerId: 1n, producerEpoch: 0 };
  expect(await broker.ask(initProducerId, 5, { transactionalId: "", transactionTimeoutMs: 1 })).toMatchObject({
    errorCode: invalidRequest,
  });
  expect(await broker.ask(endTxn, 4, { ...identity, committed: true })).toMatchObject({ errorCode: invalidRequest });
  expect(await broker.ask(addOffsetsToTxn, 4, { ...identity, groupId: "g" })).toMatchObject({ errorCode: invalidRequest });
});

describe("Produce with a transaction (KIP-890)", () => {
  test.each([12, 13])("v%i makes partitions part of the transaction, with one question for all of them", async (version) => {
    const client = await Client.withTopic();
    const producer = await client.init();
    expect(await client.send(producer, version, [0, 1, 2])).toEqual([none, none, none]);
    expect(await client.send(producer, version, [0, 1, 2], 1)).toEqual([none, none, none]);
    expect(client.generations).toEqual([
      [1, 1, 1],
      [1, 1, 1],
    ]);
    expect(client.broker.transactions.asked).toEqual(["init-producer-id", "init-producer-id", "admit"]);
  });

  test.each([
    [10, invalidTxnState],
    [11, abortable],
  ])("v%i only verifies: %i for a partition that is no part of it", async (version, errorCode) => {
    const client = await Client.withTopic();
    const producer = await client.init();
    await client.add(producer, 3, [0]);
    expect(await client.send(producer, version, [0, 1])).toEqual([none, errorCode]);
    expect(client.generations).toEqual([[1]]);
  });

  test.each([
    [11, notEnoughReplicas],
    [12, concurrentTransactions],
  ])("v%i hears %i while the transaction before is being ended for long", async (version, errorCode) => {
    const client = await Client.withTopic();
    const producer = await client.init();
    await client.add(producer, 3, [0]);
    client.broker.transactions.areEndsHeld = true;
    const next = await client.end(producer, version === 12 ? 5 : 3);
    const sent = client.send(version === 12 ? next : producer, version);
    await vi.waitFor(() => expect(client.broker.transactions.asked.filter((kind) => kind === "admit")).toHaveLength(2));
    client.broker.nowMs += 2000;
    client.broker.transactions.tick("tx");
    expect(await sent).toEqual([errorCode]);
    expect(client.broker.appends).toEqual([]);
  });

  test.each([
    [11, false],
    [12, true],
    [13, true],
  ])("v%i: whether the transaction has its epoch to itself is %s", async (version, hasOwnEpoch) => {
    const client = await Client.withTopic();
    const producer = await client.init();
    await client.add(producer, 3, [0]);
    await client.send(producer, version, [0], 0);
    await client.send(producer, version, [0], 1);
    expect(client.ownEpochs).toEqual([[hasOwnEpoch], [hasOwnEpoch]]);
  });

  test("a producer of before hears that its epoch is over, whatever the version", async () => {
    const client = await Client.withTopic();
    const producer = await client.init();
    await client.init();
    for (const version of servedVersions(produce)) expect(await client.send(producer, version)).toEqual([invalidProducerEpoch]);
    expect(client.broker.appends).toEqual([]);
  });

  test("in the first transaction version the next transaction has the same epoch and another number", async () => {
    const client = await Client.withTopic();
    const producer = await client.init();
    for (const generation of [1, 2]) {
      await client.add(producer, 3, [0]);
      expect(await client.send(producer, 11, [0], generation)).toEqual([none]);
      await client.end(producer, 3);
    }
    expect(client.generations).toEqual([[1], [2]]);
  });

  test("when the end passed through another broker the leader's refusal makes this one ask again", async () => {
    const client = await Client.withTopic();
    const producer = await client.init();
    await client.add(producer, 3, [0]);
    await client.send(producer, 11);
    const elsewhere = client.broker.transactions.client("tx");
    const identity = { producerId: Number(producer.producerId), producerEpoch: producer.producerEpoch };
    await elsewhere.end({ ...identity, commit: true, version: 1, generation: 1, newProducerId: undefined });
    const { id: topicId } = (await client.broker.catalog.byName("t"))!;
    await elsewhere.admit({ ...identity, add: true, partitions: [{ topicId, partition: 0, cell: 0 }] });
    client.broker.endedGeneration = 1;
    expect(await client.send(producer, 11, [0], 1)).toEqual([none]);
    expect(client.generations).toEqual([[1], [1], [2]]);
  });
});

describe("DescribeTransactions and ListTransactions", () => {
  test("describe shows state, producer and partitions", async () => {
    const client = await Client.withTopic();
    const producer = await client.init();
    await client.add(producer, 3, [2, 0]);
    const { transactionStates } = (await client.broker.ask(describeTransactions, 0, { transactionalIds: ["tx", "no", ""] }))!;
    expect(transactionStates).toMatchObject([
      {
        errorCode: none,
        transactionalId: "tx",
        transactionState: "Ongoing",
        transactionTimeoutMs: 60_000,
        transactionStartTimeMs: BigInt(client.broker.nowMs),
        producerId: producer.producerId,
        producerEpoch: 0,
        topics: [{ topic: "t", partitions: [2, 0] }],
      },
      { errorCode: notFound, transactionalId: "no" },
      { errorCode: invalidRequest, transactionalId: "" },
    ]);
  });

  test("list filters by state, producer id, duration and pattern", async () => {
    const client = await Client.withTopic();
    const one = await client.init(5, "app-one");
    await client.init(5, "app-two");
    const tx = await client.init();
    await client.add(tx, 3, [0]);
    client.broker.nowMs += 5000;
    const list = async (version: number, filters: object) => {
      const answer = (await client.broker.ask(listTransactions, version, { stateFilters: [], producerIdFilters: [], ...filters }))!;
      return [answer.transactionStates.map((state) => state.transactionalId), answer.unknownStateFilters, answer.errorCode];
    };
    expect(await list(0, {})).toEqual([["app-one", "app-two", "tx"], [], none]);
    expect(await list(0, { stateFilters: ["Ongoing"] })).toEqual([["tx"], [], none]);
    expect(await list(0, { stateFilters: ["Empty", "Odd"] })).toEqual([["app-one", "app-two"], ["Odd"], none]);
    expect(await list(0, { stateFilters: ["Odd"] })).toEqual([[], ["Odd"], none]);
    expect(await list(0, { stateFilters: ["Dead"] })).toEqual([[], [], none]);
    expect(await list(0, { producerIdFilters: [one.producerId] })).toEqual([["app-one"], [], none]);
    expect(await list(1, { stateFilters: ["Ongoing"], durationFilter: 4999n })).toEqual([["tx"], [], none]);
    expect(await list(1, { stateFilters: ["Ongoing"], durationFilter: 5000n })).toEqual([[], [], none]);
    expect(await list(2, { transactionalIdPattern: "app-.*" })).toEqual([["app-one", "app-two"], [], none]);
    expect(await list(2, { transactionalIdPattern: "(" })).toEqual([[], [], 128]);
  });
});

test("FindCoordinator finds transactional ids, and ApiVersions says that transactions are in their second version", async () => {
  const broker = new FakeBroker();
  expect(await broker.ask(findCoordinator, 4, { keyType: 1, coordinatorKeys: ["tx"] })).toMatchObject({
    coordinators: [{ errorCode: none, key: "tx", nodeId: 0 }],
  });
  const versions = (await broker.ask(apiVersions, 4, { clientSoftwareName: "a", clientSoftwareVersion: "1" }))!;
  expect(versions.finalizedFeatures).toContainEqual({ name: "transaction.version", maxVersionLevel: 2, minVersionLevel: 2 });
});
