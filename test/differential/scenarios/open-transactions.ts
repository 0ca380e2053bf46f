/** What happens around and in the middle of open transactions: deletions, time-outs, groups with members, markers from outside. */
import { produce } from "../../../protocol/messages/00-produce.ts";
import { listOffsets } from "../../../protocol/messages/02-list-offsets.ts";
import { offsetCommit } from "../../../protocol/messages/08-offset-commit.ts";
import { offsetFetch } from "../../../protocol/messages/09-offset-fetch.ts";
import { leaveGroup } from "../../../protocol/messages/13-leave-group.ts";
import { describeGroups } from "../../../protocol/messages/15-describe-groups.ts";
import { deleteTopics } from "../../../protocol/messages/20-delete-topics.ts";
import { deleteRecords } from "../../../protocol/messages/21-delete-records.ts";
import { initProducerId } from "../../../protocol/messages/22-init-producer-id.ts";
import { addPartitionsToTxn } from "../../../protocol/messages/24-add-partitions-to-txn.ts";
import { addOffsetsToTxn } from "../../../protocol/messages/25-add-offsets-to-txn.ts";
import { endTxn } from "../../../protocol/messages/26-end-txn.ts";
import { writeTxnMarkers } from "../../../protocol/messages/27-write-txn-markers.ts";
import { txnOffsetCommit } from "../../../protocol/messages/28-txn-offset-commit.ts";
import { createPartitions } from "../../../protocol/messages/37-create-partitions.ts";
import { deleteGroups } from "../../../protocol/messages/42-delete-groups.ts";
import { offsetDelete } from "../../../protocol/messages/47-offset-delete.ts";
import { describeTransactions } from "../../../protocol/messages/65-describe-transactions.ts";
import { consumerGroupHeartbeat } from "../../../protocol/messages/68-consumer-group-heartbeat.ts";
import { batch } from "../../handlers/records.ts";
import { scenario, type Scenario, type Script } from "../script.ts";
import { untilCoordinated } from "./consumer-groups.ts";
import { join, lonely } from "./group-steps.ts";
import { append, produceRequest } from "./records.ts";
import { next, type Producer, Transactions } from "./transaction-steps.ts";

const allTimestamps = [-1n, -2n, -3n, 0n, 1_700_000_000_000n, 1_800_000_000_000n];
/** Without the highest one: of records that were deleted Kafka still tells it. */
const someTimestamps = [-1n, -2n, 0n, 1_700_000_000_000n, 1_800_000_000_000n];

/** Where the log ends and begins, for whom. */
async function bounds(script: Script, transactions: Transactions, label: string, timestamps = allTimestamps): Promise<void> {
  for (const isolationLevel of [0, 1]) {
    for (const timestamp of timestamps) {
      const partitions = [{ partitionIndex: 0, timestamp }];
      const topics = [{ name: transactions.topic.name, partitions }];
      const asked = { replicaId: -1, isolationLevel, topics };
      await script.tryCall(`${label}: ${timestamp} under isolation ${isolationLevel}`, listOffsets, asked);
    }
  }
}

async function offsetsOf(script: Script, transactions: Transactions, label: string, groupId: string): Promise<void> {
  for (const requireStable of [false, true]) {
    for (const topics of [[{ name: transactions.topic.name, partitionIndexes: [0, 1] }], null]) {
      const kind = `${requireStable ? "stable ones" : "what there is"}${topics === null ? ", all" : ""}`;
      await script.call(`${label}: ${kind}`, offsetFetch, { groups: [{ groupId, topics }], requireStable }, { version: 9 });
    }
  }
}

class Sender {
  readonly groupId: string;
  readonly transactions: Transactions;
  producer: Producer;

  constructor(transactions: Transactions, producer: Producer, groupId: string) {
    this.transactions = transactions;
    this.producer = producer;
    this.groupId = groupId;
  }

  async send(label: string | undefined, offset: number, more: object = {}): Promise<void> {
    const { transactions, producer, groupId } = this;
    const partitions = [{ partitionIndex: 0, committedOffset: BigInt(offset), committedMetadata: "" }];
    const request = {
      transactionalId: transactions.id,
      groupId,
      ...producer,
      topics: [{ name: transactions.topic.name, partitions }],
      ...more,
    };
    await transactions.script.until(label, txnOffsetCommit, request, (answer) => {
      const errorCode = answer.topics[0]?.partitions[0]?.errorCode;
      return errorCode !== 51 && errorCode !== 14 && errorCode !== 15;
    });
  }
}

async function sender(script: Script): Promise<Sender> {
  const transactions = await Transactions.begin(script, 2);
  const { producerId, producerEpoch } = await transactions.init(undefined);
  const groupId = script.unique("g");
  await transactions.addGroup(undefined, { producerId, producerEpoch }, groupId);
  return new Sender(transactions, { producerId, producerEpoch }, groupId);
}

export const openTransactionScenarios: readonly Scenario[] = [
  scenario(listOffsets, "of open and ended transactions", async (script) => {
    const transactions = await Transactions.begin(script, 1);
    let producer = await transactions.init(undefined);
    await bounds(script, transactions, "empty");
    for (const commits of [false, true]) {
      await transactions.add(undefined, producer, [0]);
      await transactions.send(`${commits}`, producer, 0, "x");
      await append(script, transactions.topic, batch({ values: ["plain"], timestamps: [1_750_000_000_000] }));
      await bounds(script, transactions, `open, to be ended with ${commits}`);
      producer = next(await transactions.end(undefined, producer, commits), producer);
      await transactions.settled();
      if (!commits) producer = await transactions.init(undefined);
    }
  }),
  scenario(deleteRecords, "in the middle of a transaction", async (script) => {
    const transactions = await Transactions.begin(script, 1);
    const producer = await transactions.init(undefined);
    const { name } = transactions.topic;
    const remove = async (label: string, offset: bigint) =>
      await script.call(label, deleteRecords, { topics: [{ name, partitions: [{ partitionIndex: 0, offset }] }], timeoutMs: 5000 });
    await transactions.add(undefined, producer, [0]);
    for (let at = 0; at < 4; at++) await transactions.send(`${at}`, producer, at, `v${at}`);
    await remove("half of it", 2n);
    await bounds(script, transactions, "half of it", someTimestamps);
    await transactions.read("half of it, uncommitted", 2, 4, 0);
    await remove("all of it", -1n);
    await bounds(script, transactions, "all of it", someTimestamps);
    await transactions.send("more", producer, 4, "v4");
    await bounds(script, transactions, "more", someTimestamps);
    await append(script, transactions.topic, batch({ values: ["plain"] }));
    await bounds(script, transactions, "more and plain ones", someTimestamps);
    await transactions.end("the end", producer, false);
    await transactions.settled();
    await transactions.read("afterwards, uncommitted", 4, 7, 0);
    await transactions.read("afterwards, committed", 4, 7, 1);
  }),
  scenario(deleteTopics, "in the middle of a transaction", async (script, version) => {
    const transactions = await Transactions.begin(script, 1);
    const producer = await transactions.init(undefined);
    const { name, id } = transactions.topic;
    await transactions.add(undefined, producer, [0]);
    await transactions.send("before", producer, 0, "old");
    const request = version >= 6 ? { topics: [{ name }], timeoutMs: 5000 } : { topicNames: [name], timeoutMs: 5000 };
    await script.call("deleted", deleteTopics, request);
    const described = { transactionalIds: [transactions.id] };
    await script.until("described", describeTransactions, described, ({ transactionStates }) => transactionStates.length > 0);
    await script.until(
      undefined,
      listOffsets,
      { replicaId: -1, topics: [{ name, partitions: [{ partitionIndex: 0, timestamp: -1n }] }] },
      ({ topics }) => topics[0]?.partitions[0]?.errorCode === 3,
      { version: 7 },
    );
    transactions.topic = { name, id: await script.createTopic(name) };
    if (id === transactions.topic.id) throw new Error("the same id");
    const ended = next(await transactions.end("the end", producer, true), producer);
    await transactions.settled();
    await script.call("described afterwards", describeTransactions, described);
    await transactions.add(undefined, ended, [0]);
    await transactions.send("into the new one", ended, 0, "new");
    await transactions.end("the next end", ended, true);
    await transactions.settled();
    await transactions.read("the new one", 0, 2, 1);
  }),
  scenario(deleteTopics, "with offsets of an open transaction", async (script) => {
    const offsets = await sender(script);
    const { groupId, transactions } = offsets;
    const { name } = transactions.topic;
    const partitions = [{ partitionIndex: 1, committedOffset: 7n, committedMetadata: "" }];
    await script.ask(offsetCommit, { groupId, topics: [{ name, partitions }] }, { version: 8 });
    await offsets.send("one", 1);
    await offsetsOf(script, transactions, "one", groupId);
    await script.ask(deleteTopics, { topics: [{ name }], timeoutMs: 5000 }, { version: 6 });
    await script.until(
      "gone",
      offsetFetch,
      { groups: [{ groupId, topics: null }], requireStable: false },
      ({ groups }) => groups[0]?.topics.length === 0,
      { version: 9 },
    );
    await offsetsOf(script, transactions, "gone", groupId);
    transactions.topic = { name, id: await script.createTopic(name, { partitions: 2 }) };
    await offsetsOf(script, transactions, "created anew", groupId);
    await transactions.end("the end", offsets.producer, true);
    await transactions.settled();
    await offsetsOf(script, transactions, "afterwards", groupId);
  }),
  scenario(createPartitions, "in the middle of a transaction", async (script) => {
    const transactions = await Transactions.begin(script, 1);
    const producer = await transactions.init(undefined);
    const { name } = transactions.topic;
    await transactions.add(undefined, producer, [0]);
    await transactions.add("one that is not there yet", producer, [1]);
    await script.call("more", createPartitions, { topics: [{ name, count: 3, assignments: null }], timeoutMs: 5000 });
    await script.untilLed(name, 3);
    await script.until(
      "one of the new ones",
      addPartitionsToTxn,
      {
        transactions: [
          { transactionalId: transactions.id, ...pick(producer), verifyOnly: false, topics: [{ name, partitions: [2] }] },
        ],
      },
      ({ resultsByTransaction }) => resultsByTransaction[0]?.topicResults[0]?.resultsByPartition[0]?.partitionErrorCode === 0,
      { version: 4 },
    );
    await transactions.end("the end", producer, true);
    await transactions.settled();
  }),
  scenario(initProducerId, "past its time-out", async (script, version) => {
    const transactions = await Transactions.begin(script, 1);
    const producer = await transactions.init(undefined, { timeoutMs: 300 });
    await transactions.add(undefined, producer, [0]);
    await transactions.send("in time", producer, 0, "x");
    await script.until(
      "aborted",
      describeTransactions,
      { transactionalIds: [transactions.id] },
      ({ transactionStates }) => transactionStates[0]?.transactionState === "CompleteAbort",
    );
    await transactions.send("too late", producer, 1, "y");
    await transactions.add("partitions, too late", producer, [0]);
    await transactions.addGroup("a group, too late", producer, script.unique("g"));
    await transactions.end("an end, too late", producer, true);
    await transactions.end("an abort, too late", producer, false);
    const again = await transactions.init("once more", version >= 3 ? pick(producer) : {});
    await transactions.add("partitions in time", again, [0]);
    await transactions.send("in time again", again, 0, "z");
    await transactions.end("an end in time", again, true);
    await transactions.settled();
    await transactions.read("what is left", 0, 4, 1);
  }),
  scenario(
    initProducerId,
    "recovering while a transaction is open",
    async (script) => {
      const transactions = await Transactions.begin(script, 1);
      const first = await transactions.init(undefined);
      await transactions.add(undefined, first, [0]);
      await transactions.send("the first", first, 0, "x");
      const second = await transactions.init("recovering", pick(first));
      await transactions.init("recovering, asked again", pick(first));
      await transactions.add(undefined, second, [0]);
      await transactions.send("the second", second, 0, "y");
      await transactions.send("the first again", first, 1, "z");
      await transactions.init("of an epoch of nobody", { producerId: first.producerId, producerEpoch: 77 });
      await script.call("described after that", describeTransactions, { transactionalIds: [transactions.id] });
      const third = await transactions.init("recovering again", pick(second));
      await transactions.end("the second ends", second, true);
      await transactions.end("the third ends", third, false);
      await transactions.settled();
      await script.call("described", describeTransactions, { transactionalIds: [transactions.id] });
      await transactions.read("what there is", 0, 4, 1);
    },
    [3, Infinity],
  ),
  scenario(endTxn, "again and again", async (script) => {
    const transactions = await Transactions.begin(script, 1);
    let producer = await transactions.init(undefined);
    for (let round = 0; round < 3; round++) {
      const before = producer;
      await transactions.add(undefined, producer, [0]);
      await transactions.send(`round ${round}`, producer, 0, `r${round}`);
      producer = next(await transactions.end(`end ${round}`, producer, round !== 1), producer);
      await transactions.end(`end ${round} at once again`, before, round !== 1);
      await transactions.settled();
      await transactions.send(`round ${round} too late`, before, 1, "late");
      await transactions.add(`partitions of round ${round} too late`, before, [0]);
      await transactions.end(`what that began in round ${round}`, before, false);
      await transactions.settled();
      producer = await transactions.init(undefined);
    }
  }),
  scenario(writeTxnMarkers, "of open transactions", async (script) => {
    const transactions = await Transactions.begin(script, 1);
    const { name } = transactions.topic;
    const producer = await transactions.init(undefined);
    const { producerId, producerEpoch } = producer;
    const marker = (more: object = {}) => ({
      producerId,
      producerEpoch,
      transactionResult: false,
      coordinatorEpoch: 5,
      topics: [{ name, partitionIndexes: [0] }],
      ...more,
    });
    await transactions.add(undefined, producer, [0]);
    await transactions.send("one", producer, 0, "x");
    await script.call("of an unknown topic", writeTxnMarkers, {
      markers: [marker({ topics: [{ name: script.unique("none"), partitionIndexes: [0] }] })],
    });
    await script.call("of an unknown partition", writeTxnMarkers, {
      markers: [marker({ topics: [{ name, partitionIndexes: [9] }] })],
    });
    await script.call("none", writeTxnMarkers, { markers: [] });
    await script.call("of an epoch before", writeTxnMarkers, { markers: [marker({ producerEpoch: -1 })] });
    await script.call("an abort", writeTxnMarkers, { markers: [marker()] });
    await bounds(script, transactions, "afterwards");
    await transactions.read("afterwards", 0, 2, 1);
  }),
  scenario(txnOffsetCommit, "by a classic group's members", async (script, version) => {
    const offsets = await sender(script);
    const { groupId, transactions } = offsets;
    const member = await lonely(script, groupId);
    const { memberId, generationId } = member;
    await offsets.send("anybody", 1);
    if (version >= 3) {
      await offsets.send("the member", 2, { memberId, generationId });
      await offsets.send("of a generation before", 3, { memberId, generationId: generationId - 1 });
      await offsets.send("of a generation to come", 3, { memberId, generationId: generationId + 1 });
      await offsets.send("of no generation", 3, { memberId });
      await offsets.send("of a generation without a member", 3, { generationId });
      await offsets.send("a stranger", 3, { memberId: "stranger", generationId });
      await offsets.send("an instance", 3, { memberId, generationId, groupInstanceId: "one" });
    }
    await offsetsOf(script, transactions, "while it is open", groupId);
    await script.call("deleting what is subscribed to", offsetDelete, {
      groupId,
      topics: [{ name: transactions.topic.name, partitions: [{ partitionIndex: 0 }] }],
    });
    await script.call("deleting the group with a member", deleteGroups, { groupsNames: [groupId] });
    await script.ask(leaveGroup, { groupId, members: [{ memberId }] }, { version: 4 });
    if (version >= 3) await offsets.send("the member that left", 4, { memberId, generationId });
    await offsets.send("anybody, when it is empty", 5);
    await transactions.end(undefined, offsets.producer, true);
    await transactions.settled();
    await offsetsOf(script, transactions, "afterwards", groupId);
  }),
  scenario(
    txnOffsetCommit,
    "by static members",
    async (script) => {
      const offsets = await sender(script);
      const { groupId, transactions } = offsets;
      const before = await lonely(script, groupId, "A", { instance: "one" });
      await offsets.send("the instance", 2, {
        memberId: before.memberId,
        generationId: before.generationId,
        groupInstanceId: "one",
      });
      await offsets.send("another instance", 3, {
        memberId: before.memberId,
        generationId: before.generationId,
        groupInstanceId: "two",
      });
      const after = await join(script, "its successor", groupId, "B", { instance: "one" });
      await offsets.send("the instance of before", 4, {
        memberId: before.memberId,
        generationId: after.generationId,
        groupInstanceId: "one",
      });
      await offsets.send("the successor", 5, {
        memberId: after.memberId,
        generationId: after.generationId,
        groupInstanceId: "one",
      });
      await transactions.end(undefined, offsets.producer, true);
      await transactions.settled();
      await offsetsOf(script, transactions, "afterwards", groupId);
    },
    [3, Infinity],
  ),
  scenario(
    txnOffsetCommit,
    "by a consumer group's members",
    async (script) => {
      const offsets = await sender(script);
      const { groupId, transactions } = offsets;
      await untilCoordinated(script, transactions.topic.name);
      const beat = async (memberEpoch: number) =>
        await script.ask(consumerGroupHeartbeat, {
          groupId,
          memberId: "dddddddddddddddddddddA",
          memberEpoch,
          rebalanceTimeoutMs: 30_000,
          subscribedTopicNames: [transactions.topic.name],
          topicPartitions: memberEpoch === 0 ? [] : null,
        });
      const { memberEpoch } = await beat(0);
      const memberId = "dddddddddddddddddddddA";
      await offsets.send("anybody", 1);
      await offsets.send("the member", 2, { memberId, generationId: memberEpoch });
      await offsets.send("of an epoch before", 3, { memberId, generationId: 0 });
      await offsets.send("of an epoch to come", 3, { memberId, generationId: memberEpoch + 100 });
      await offsets.send("of no epoch", 3, { memberId });
      await offsets.send("of an epoch without a member", 3, { generationId: memberEpoch });
      await offsets.send("a stranger", 3, { memberId: "stranger", generationId: memberEpoch });
      await offsetsOf(script, transactions, "while it is open", groupId);
      await script.call("deleting what is subscribed to", offsetDelete, {
        groupId,
        topics: [{ name: transactions.topic.name, partitions: [{ partitionIndex: 0 }] }],
      });
      await beat(-1);
      await offsets.send("the member that left", 4, { memberId, generationId: memberEpoch });
      await offsets.send("anybody, when it is empty", 5);
      await transactions.end(undefined, offsets.producer, true);
      await transactions.settled();
      await offsetsOf(script, transactions, "afterwards", groupId);
    },
    [3, Infinity],
  ),
  scenario(deleteGroups, "with offsets of an open transaction", async (script) => {
    const offsets = await sender(script);
    const { groupId, transactions } = offsets;
    await offsets.send("one", 1);
    await script.call("the group", describeGroups, { groups: [groupId] });
    await script.call("deleted", deleteGroups, { groupsNames: [groupId] });
    await offsetsOf(script, transactions, "deleted", groupId);
    await script.call("deleted again", deleteGroups, { groupsNames: [groupId] });
    await offsets.send("more", 2, {
      topics: [{ name: transactions.topic.name, partitions: [{ partitionIndex: 1, committedOffset: 2n, committedMetadata: "" }] }],
    });
    await offsetsOf(script, transactions, "more", groupId);
    await transactions.end("the end", offsets.producer, true);
    await transactions.settled();
    await offsetsOf(script, transactions, "afterwards", groupId);
  }),
  scenario(offsetDelete, "of an open transaction", async (script) => {
    const offsets = await sender(script);
    const { groupId, transactions } = offsets;
    const { name } = transactions.topic;
    await script.ask(
      offsetCommit,
      { groupId, topics: [{ name, partitions: [{ partitionIndex: 0, committedOffset: 7n, committedMetadata: "" }] }] },
      { version: 8 },
    );
    await offsets.send("one", 1);
    await offsetsOf(script, transactions, "one", groupId);
    await script.call("deleted", offsetDelete, {
      groupId,
      topics: [{ name, partitions: [{ partitionIndex: 0 }, { partitionIndex: 1 }] }],
    });
    await offsetsOf(script, transactions, "deleted", groupId);
    await transactions.end("the end", offsets.producer, true);
    await transactions.settled();
    await offsetsOf(script, transactions, "afterwards", groupId);
  }),
  scenario(addOffsetsToTxn, "odd groups", async (script) => {
    const transactions = await Transactions.begin(script, 1);
    const producer = await transactions.init(undefined);
    await transactions.addGroup("no group", producer, "");
    const offsets = new Sender(transactions, producer, "");
    await offsets.send("offsets of no group", 1);
    await transactions.end("the end", producer, true);
  }),
  scenario(produce, "twice in transactions", async (script, version) => {
    const transactions = await Transactions.begin(script, 1);
    let producer = await transactions.init(undefined);
    await transactions.add(undefined, producer, [0]);
    await transactions.send("one", producer, 0, "x");
    await transactions.send("one again", producer, 0, "x");
    await transactions.send("two", producer, 1, "y");
    await transactions.send("one once more", producer, 0, "x");
    const before = producer;
    // Before version 12 the epoch stays.
    const ending = version >= 12 ? {} : { version: 4 };
    const ended = await script.until(
      "the end",
      endTxn,
      { transactionalId: transactions.id, ...pick(producer), committed: true },
      ({ errorCode }) => errorCode !== 51,
      ending,
    );
    producer = next(ended, producer);
    await transactions.settled();
    await transactions.add(undefined, producer, [0]);
    const first = version >= 12 ? 0 : 2;
    await transactions.send("three", producer, first, "z");
    await transactions.send("two, in the next", before, 1, "y");
    await transactions.send("four under another id", producer, first + 1, "z", script.unique("other"));
    const plain = batch({ values: ["p"], attributes: 0, ...pick(producer), baseSequence: first + 2 });
    const asked = produceRequest(script, transactions.topic, plain, { transactionalId: transactions.id });
    await script.call("not of the transaction", produce, asked);
    await transactions.end(undefined, producer, false);
    await transactions.settled();
    await transactions.send("two, when it is over", before, 1, "y");
  }),
];

function pick({ producerId, producerEpoch }: Producer): Producer {
  return { producerId, producerEpoch };
}
