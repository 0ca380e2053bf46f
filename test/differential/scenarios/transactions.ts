/** Transactions: who gets which epoch, what joins them, how they end in both versions, and what is then read. */
import { produce } from "../../../protocol/messages/00-produce.ts";
import { fetch } from "../../../protocol/messages/01-fetch.ts";
import { offsetFetch } from "../../../protocol/messages/09-offset-fetch.ts";
import { initProducerId } from "../../../protocol/messages/22-init-producer-id.ts";
import { addPartitionsToTxn } from "../../../protocol/messages/24-add-partitions-to-txn.ts";
import { addOffsetsToTxn } from "../../../protocol/messages/25-add-offsets-to-txn.ts";
import { endTxn } from "../../../protocol/messages/26-end-txn.ts";
import { txnOffsetCommit } from "../../../protocol/messages/28-txn-offset-commit.ts";
import { describeProducers } from "../../../protocol/messages/61-describe-producers.ts";
import { describeTransactions } from "../../../protocol/messages/65-describe-transactions.ts";
import { listTransactions } from "../../../protocol/messages/66-list-transactions.ts";
import { batch } from "../../handlers/records.ts";
import { scenario, type Scenario } from "../script.ts";
import { produceRequest } from "./records.ts";
import { concurrent, next, Transactions } from "./transaction-steps.ts";

export const transactionScenarios: readonly Scenario[] = [
  scenario(initProducerId, "with a transactional id", async (script, version) => {
    const transactions = await Transactions.begin(script);
    const first = await transactions.init("a new one");
    const second = await transactions.init("the next one");
    await transactions.init("a time-out of 0", { timeoutMs: 0 });
    await transactions.init("a time-out below 0", { timeoutMs: -1 });
    await transactions.init("the longest time-out", { timeoutMs: 900_000 });
    await transactions.init("a time-out too long", { timeoutMs: 900_001 });
    await transactions.init("no id", { id: "" });
    if (version < 3) return;
    const { producerId, producerEpoch } = await transactions.init("one more");
    const recovered = await transactions.init("recovering", { producerId, producerEpoch });
    await transactions.init("recovering, asked again", { producerId, producerEpoch });
    await transactions.init("recovering twice", { producerId, producerEpoch: recovered.producerEpoch });
    await transactions.init("of an epoch before", { producerId, producerEpoch: second.producerEpoch });
    await transactions.init("of an epoch to come", { producerId, producerEpoch: 1000 });
    await transactions.init("of another id", { producerId: first.producerId + 100_000n, producerEpoch: 0 });
    await transactions.init("an epoch without an id", { producerId: -1n, producerEpoch: 3 });
    await transactions.init("an id without an epoch", { producerId, producerEpoch: -1 });
    const unknown = { id: script.unique("never seen"), producerId: 1n, producerEpoch: 5 };
    await transactions.init("recovering what was never there", unknown);
  }),
  scenario(initProducerId, "while a transaction is open", async (script) => {
    const transactions = await Transactions.begin(script);
    const zombie = await transactions.init("the first");
    await transactions.add("its partitions", zombie, [0]);
    await transactions.init("the second");
    await transactions.add("the first adds", zombie, [1]);
    await transactions.end("the first commits", zombie, true);
    await transactions.end("the first aborts", zombie, false);
    await transactions.addGroup("the first adds a group", zombie, script.unique("g"));
    await transactions.send("the first produces", zombie, 0, "zombie");
  }),
  scenario(addPartitionsToTxn, "partitions", async (script, version) => {
    const transactions = await Transactions.begin(script);
    const producer = await transactions.init(undefined);
    await transactions.add("two", producer, [0, 1]);
    await transactions.add("again", producer, [1]);
    await transactions.add("one of them unknown", producer, [0, 7]);
    await transactions.add("of an unknown topic", producer, [0], script.unique("nowhere"));
    await transactions.add("of an invalid topic", producer, [0], "..");
    await transactions.add("of a later epoch", { ...producer, producerEpoch: 5 }, [0]);
    await transactions.add("of another producer", { ...producer, producerId: producer.producerId + 100_000n }, [0]);
    await transactions.add("of an unknown id", producer, [0], undefined, script.unique("unknown"));
    await transactions.add("of no id", producer, [0], undefined, "");
    await transactions.add("none", producer, []);
    if (version < 4) return;
    const { producerId, producerEpoch } = producer;
    const asked = (verifyOnly: boolean, partitions: readonly number[], transactionalId = transactions.id) => ({
      transactionalId,
      producerId,
      producerEpoch,
      verifyOnly,
      topics: [{ name: transactions.topic.name, partitions }],
    });
    await script.call("to verify", addPartitionsToTxn, { transactions: [asked(true, [0, 1])] });
    await script.call("to verify, unknown", addPartitionsToTxn, { transactions: [asked(true, [0, 9])] });
    const other = script.unique("other");
    await script.call("two at once", addPartitionsToTxn, { transactions: [asked(false, [0]), asked(true, [1], other)] });
    await transactions.end(undefined, producer, true);
    await transactions.settled();
    await script.call("to verify when it is over", addPartitionsToTxn, { transactions: [asked(true, [0])] });
  }),
  scenario(addOffsetsToTxn, "a group", async (script) => {
    const transactions = await Transactions.begin(script);
    const producer = await transactions.init(undefined);
    const group = script.unique("g");
    await transactions.addGroup("one", producer, group);
    await transactions.addGroup("again", producer, group);
    await transactions.addGroup("of a later epoch", { ...producer, producerEpoch: 5 }, group);
    await transactions.addGroup("of another producer", { ...producer, producerId: producer.producerId + 100_000n }, group);
    await transactions.addGroup("of an unknown id", producer, group, script.unique("unknown"));
    await transactions.addGroup("of no id", producer, group, "");
    await transactions.end("the end", producer, true);
  }),
  ...[true, false].map((commits) =>
    scenario(endTxn, commits ? "commits" : "aborts", async (script) => {
      const transactions = await Transactions.begin(script);
      const producer = await transactions.init(undefined);
      await transactions.end("of no transaction", producer, commits, script.unique("unknown"));
      await transactions.end("of no id", producer, commits, "");
      await transactions.end("of another producer", { ...producer, producerId: producer.producerId + 100_000n }, commits);
      await transactions.end("of a later epoch", { ...producer, producerEpoch: 5 }, commits);
      const empty = next(await transactions.end("of an empty one", producer, commits), producer);
      await transactions.end("of an empty one, asked again", producer, commits);
      await transactions.settled();
      await transactions.add("partitions", empty, [0]);
      const ended = next(await transactions.end("of an open one", empty, commits), empty);
      await transactions.settled();
      await transactions.end("of an open one, asked again", empty, commits);
      await transactions.end("of an open one, the other way", empty, !commits);
      const once = next(await transactions.end("when it is over", ended, commits), ended);
      await transactions.settled();
      const twice = next(await transactions.end("when it is over, the other way", once, !commits), once);
      await transactions.settled();
      await transactions.add("partitions of the next one", twice, [0]);
      await transactions.end("of the next one, the other way", twice, !commits);
      await transactions.settled();
      await script.call("described", describeTransactions, { transactionalIds: [transactions.id] });
    }),
  ),
  scenario(produce, "in a transaction", async (script, version) => {
    const transactions = await Transactions.begin(script);
    const producer = await transactions.init(undefined);
    await transactions.send("under an unknown id", producer, 0, "f", script.unique("unknown"));
    await transactions.send("before anything was added", producer, 0, "a");
    await transactions.add("partitions", producer, [0]);
    await transactions.send("when it was added", producer, version >= 12 ? 1 : 0, "b");
    await transactions.send("out of sequence", producer, 9, "c");
    if (version >= 12) await transactions.send("first of its partition, but not of its sequence", producer, 1, "i", undefined, 1);
    await transactions.send("of a later epoch", { ...producer, producerEpoch: 9 }, 0, "d");
    await transactions.send("of another producer", { ...producer, producerId: producer.producerId + 100_000n }, 0, "e");
    await transactions.send("under no id", producer, 2, "g", null);
    const plain = produceRequest(script, transactions.topic, batch({ values: ["plain"] }), { transactionalId: transactions.id });
    await script.call("a plain batch", produce, plain);
    const describe = async (label: string) => {
      const asked = { topics: [{ name: transactions.topic.name, partitionIndexes: [0] }] };
      const { topics } = await script.ask(describeProducers, asked);
      const { activeProducers } = topics[0]!.partitions[0]!;
      script.record(label, { activeProducers: activeProducers.map((each) => ({ ...each, lastTimestamp: 0n })) });
    };
    await describe("the producer while it is open");
    await transactions.end("the end", producer, true);
    await transactions.settled();
    await describe("the producer afterwards");
    await transactions.send("after the end", producer, version >= 12 ? 2 : 1, "h");
    await transactions.read("what is read", 0, version >= 12 ? 4 : 3);
  }),
  scenario(
    fetch,
    "of transactions",
    async (script) => {
      const transactions = await Transactions.begin(script, 1);
      const read = (label: string, from: number, to: number, isolationLevel: number) =>
        transactions.read(`${label}, isolation ${isolationLevel}`, from, to, isolationLevel);
      const readBoth = async (label: string, from: number, stable: number, high: number) => {
        await read(label, from, high, 0);
        await read(label, from, stable, 1);
      };
      let end = 0;
      let producer = await transactions.init(undefined);
      for (const [commits, value] of [
        [true, "committed"],
        [false, "aborted"],
        [true, "again"],
      ] as const) {
        await transactions.add(undefined, producer, [0]);
        await transactions.send(`sends ${value}`, producer, 0, value);
        await readBoth(`while ${value} is open`, 0, end, end + 1);
        producer = next(await transactions.end(undefined, producer, commits), producer);
        await transactions.settled();
        end += 2;
        await readBoth(`when ${value} is over`, 0, end, end);
      }
      await readBoth("from the aborted one on", 2, end, end);
      await readBoth("from its marker on", 3, end, end);
      await readBoth("behind the aborted one", 4, end, end);
    },
    [4, Infinity],
  ),
  scenario(txnOffsetCommit, "offsets", async (script, version) => {
    const transactions = await Transactions.begin(script, 1);
    const producer = await transactions.init(undefined);
    const groupId = script.unique("g");
    const send = async (label: string, offset: number, more: object = {}) => {
      const partitions = [{ partitionIndex: 0, committedOffset: BigInt(offset), committedMetadata: "here" }];
      const topics = [{ name: transactions.topic.name, partitions }];
      const { producerId, producerEpoch } = producer;
      const request = { transactionalId: transactions.id, groupId, producerId, producerEpoch, topics, ...more };
      await script.until(label, txnOffsetCommit, request, (answer) => {
        const errorCode = answer.topics[0]?.partitions[0]?.errorCode;
        return errorCode !== concurrent && errorCode !== 14 && errorCode !== 15;
      });
    };
    const read = async (label: string, requireStable: boolean) => {
      const groups = [{ groupId, topics: [{ name: transactions.topic.name, partitionIndexes: [0] }] }];
      await script.call(label, offsetFetch, { groups, requireStable }, { version: 8 });
    };
    await send("under an unknown id", 3, { transactionalId: script.unique("unknown") });
    await send("before the group was added", 1);
    await transactions.addGroup("the group", producer, groupId);
    await send("when it was added", 2);
    await read("while it is open", false);
    await read("while it is open, stable ones", true);
    await send("of a later epoch", 3, { producerEpoch: 9 });
    await send("of another producer", 3, { producerId: producer.producerId + 100_000n });
    await send("of an unknown topic", 3, {
      topics: [{ name: script.unique("nowhere"), partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: "" }] }],
    });
    await send("with long metadata", 3, {
      topics: [
        {
          name: transactions.topic.name,
          partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: "x".repeat(5000) }],
        },
      ],
    });
    if (version >= 3) {
      await send("of a generation", 4, { generationId: 5, memberId: "somebody" });
      await send("of a member without a generation", 4, { memberId: "somebody" });
      await send("of an instance", 4, { memberId: "somebody", groupInstanceId: "one", generationId: 1 });
    }
    await transactions.end("the end", producer, true);
    await transactions.settled();
    await read("afterwards", true);
  }),
  scenario(describeTransactions, "one, unknown and none", async (script) => {
    const transactions = await Transactions.begin(script);
    const { id } = transactions;
    const producer = await transactions.init(undefined, { timeoutMs: 12_345 });
    await script.call("empty", describeTransactions, { transactionalIds: [id] });
    await transactions.add(undefined, producer, [1, 0]);
    await script.call("open", describeTransactions, { transactionalIds: [id] });
    await script.call("unknown", describeTransactions, { transactionalIds: [script.unique("unknown")] });
    await script.call("no id", describeTransactions, { transactionalIds: [""] });
    await script.call("none", describeTransactions, { transactionalIds: [] });
    await transactions.end(undefined, producer, true);
    await transactions.settled();
    await script.call("over", describeTransactions, { transactionalIds: [id] });
  }),
  scenario(listTransactions, "filters", async (script, version) => {
    const transactions = await Transactions.begin(script);
    const producer = await transactions.init(undefined);
    const { producerId } = producer;
    const list = async (label: string, filters: object) =>
      await script.call(label, listTransactions, { stateFilters: [], producerIdFilters: [producerId], ...filters });
    await list("of a producer", {});
    await list("in a state", { stateFilters: ["Empty"] });
    await list("in another state", { stateFilters: ["Ongoing"] });
    await list("in a state that there is not", { stateFilters: ["Odd"] });
    await list("in one of two states", { stateFilters: ["Odd", "Empty"] });
    await list("in a state in other letters", { stateFilters: ["empty"] });
    await list("in a state between", { stateFilters: ["PrepareEpochFence", "Dead"] });
    await list("of nobody", { producerIdFilters: [producerId + 100_000n] });
    await transactions.add(undefined, producer, [0]);
    await list("open", { stateFilters: ["Ongoing"] });
    if (version >= 1) {
      await list("open for long", { durationFilter: 3_600_000n });
      await list("open for a moment", { durationFilter: 0n });
    }
    if (version < 2) return;
    await list("by name", { transactionalIdPattern: `.*${script.unique("x")}` });
    await list("by a part of the name", { transactionalIdPattern: script.unique("") });
    await list("by an empty name", { transactionalIdPattern: "" });
    await list("by a name that is no pattern", { transactionalIdPattern: "(" });
  }),
];
