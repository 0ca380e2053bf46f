/**
 * Transactions at random: a seed draws what one transactional id's producers do, in which versions and out of which epochs, and after
 * each step shows the coordinator's state, where the logs end for whom, and the group's offsets. Clients are of the first transaction
 * version, of the second, or change between both. Left out is what Kafka answers by a guard of its own: a duplicate or a gap before
 * the first batch of a transaction of the first version.
 */
import { produce } from "../../../protocol/messages/00-produce.ts";
import { listOffsets } from "../../../protocol/messages/02-list-offsets.ts";
import { offsetFetch } from "../../../protocol/messages/09-offset-fetch.ts";
import { initProducerId } from "../../../protocol/messages/22-init-producer-id.ts";
import { addPartitionsToTxn } from "../../../protocol/messages/24-add-partitions-to-txn.ts";
import { addOffsetsToTxn } from "../../../protocol/messages/25-add-offsets-to-txn.ts";
import { endTxn } from "../../../protocol/messages/26-end-txn.ts";
import { txnOffsetCommit } from "../../../protocol/messages/28-txn-offset-commit.ts";
import { describeTransactions } from "../../../protocol/messages/65-describe-transactions.ts";
import { batch } from "../../handlers/records.ts";
import { Random } from "../../sim/random.ts";
import { scenario, type Scenario, type Script } from "../script.ts";
import { concurrent, type Producer } from "./transaction-steps.ts";

const notYet: ReadonlySet<number> = new Set([concurrent, 14, 15, 19]);
const abortable = 120;
const invalidTxnState = 48;
const steps = 24;
const partitions = [0, 1];

type Speaks = "first" | "second" | "both";

class RandomProducers {
  readonly #script: Script;
  readonly #random: Random;
  readonly #speaks: Speaks;
  readonly #id: string;
  readonly #topic: string;
  readonly #groupId: string;
  /** Every one that was given, the newest last. */
  readonly #identities: Producer[] = [];
  readonly #sequences = new Map<string, number>();

  constructor(script: Script, random: Random, speaks: Speaks) {
    this.#script = script;
    this.#random = random;
    this.#speaks = speaks;
    this.#id = script.unique("x");
    this.#topic = script.unique("t");
    this.#groupId = script.unique("g");
  }

  async run(): Promise<void> {
    await this.#script.createTopic(this.#topic, { partitions: partitions.length });
    await this.#init("0: begins");
    for (let step = 1; step <= steps; step++) {
      await this.#step(step);
      await this.#show(step);
    }
  }

  #version(first: readonly [number, number], second: readonly [number, number]): number {
    const isSecond = this.#speaks === "second" || (this.#speaks === "both" && this.#random.chance(0.5));
    return this.#random.between(...(isSecond ? second : first));
  }

  get #newest(): Producer {
    return this.#identities[this.#identities.length - 1]!;
  }

  /** Mostly the newest, sometimes a zombie. */
  #producer(): Producer {
    return this.#random.chance(0.8) ? this.#newest : this.#random.pick(this.#identities);
  }

  #learn({ errorCode, producerId, producerEpoch }: Producer & { readonly errorCode: number }): void {
    const last = this.#identities.at(-1);
    const isNew = last?.producerId !== producerId || last.producerEpoch !== producerEpoch;
    if (errorCode === 0 && producerId !== -1n && isNew) this.#identities.push({ producerId, producerEpoch });
  }

  async #step(step: number): Promise<void> {
    const producer = this.#producer();
    const who = `${step}: epoch ${producer.producerEpoch}`;
    const kind = this.#random.between(0, 11);
    if (kind === 0) await this.#init(`${step}: begins`);
    else if (kind <= 2) await this.#add(who, producer);
    else if (kind === 3) await this.#addGroup(who, producer);
    else if (kind === 4) await this.#sendOffsets(who, producer, step);
    else if (kind <= 8) await this.#produce(who, producer);
    else await this.#end(who, producer);
  }

  async #init(label: string): Promise<void> {
    const expected = this.#identities.length > 0 && this.#random.chance(0.5) ? this.#newest : undefined;
    const version = expected === undefined ? this.#random.between(0, 5) : this.#random.between(3, 5);
    const request = { transactionalId: this.#id, transactionTimeoutMs: 60_000, ...expected };
    const told = `${label} ${expected === undefined ? "anew" : "to recover"}, version ${version}`;
    this.#learn(await this.#script.until(told, initProducerId, request, ({ errorCode }) => errorCode !== concurrent, { version }));
  }

  async #add(who: string, producer: Producer): Promise<void> {
    const version = this.#version([0, 3], [4, 5]);
    const partition = this.#random.pick(partitions);
    const verifyOnly = version >= 4 && this.#random.chance(0.3);
    const topics = [{ name: this.#topic, partitions: [partition] }];
    const request =
      version >= 4
        ? { transactions: [{ transactionalId: this.#id, ...producer, verifyOnly, topics }] }
        : {
            v3AndBelowTransactionalId: this.#id,
            v3AndBelowProducerId: producer.producerId,
            v3AndBelowProducerEpoch: producer.producerEpoch,
            v3AndBelowTopics: topics,
          };
    const label = `${who} ${verifyOnly ? "verifies" : "adds"} ${partition}, version ${version}`;
    await this.#script.until(
      label,
      addPartitionsToTxn,
      request,
      ({ resultsByTopicV3AndBelow, resultsByTransaction }) => {
        const results = [...resultsByTopicV3AndBelow, ...resultsByTransaction.flatMap(({ topicResults }) => topicResults)];
        return results[0]?.resultsByPartition[0]?.partitionErrorCode !== concurrent;
      },
      { version },
    );
  }

  async #addGroup(who: string, producer: Producer): Promise<void> {
    const request = { transactionalId: this.#id, ...producer, groupId: this.#groupId };
    const label = `${who} adds the group`;
    await this.#script.until(label, addOffsetsToTxn, request, ({ errorCode }) => errorCode !== concurrent);
  }

  async #sendOffsets(who: string, producer: Producer, offset: number): Promise<void> {
    const version = this.#version([0, 4], [5, 5]);
    const committed = { partitionIndex: this.#random.pick(partitions), committedOffset: BigInt(offset), committedMetadata: "" };
    const topics = [{ name: this.#topic, partitions: [committed] }];
    const request = { transactionalId: this.#id, groupId: this.#groupId, ...producer, topics };
    const isOver = (answer: { readonly topics: readonly { readonly partitions: readonly { readonly errorCode: number }[] }[] }) =>
      !notYet.has(answer.topics[0]!.partitions[0]!.errorCode);
    const answer = await this.#script.until(undefined, txnOffsetCommit, request, isOver, { version });
    const { errorCode } = answer.topics[0]!.partitions[0]!;
    this.#script.record(`${who} sends offsets, version ${version}`, version < 4 ? asOfOld(errorCode) : errorCode);
  }

  async #produce(who: string, producer: Producer): Promise<void> {
    const version = this.#version([3, 10], [12, 12]);
    const index = this.#random.pick(partitions);
    const key = `${producer.producerId}/${producer.producerEpoch}/${index}`;
    const next = this.#sequences.get(key) ?? 0;
    const stray = this.#speaks === "second" && this.#random.chance(0.15) ? this.#random.pick([-1, 1]) : 0;
    const baseSequence = Math.max(0, next + stray);
    const records = batch({ attributes: 0x10, ...producer, baseSequence });
    const topicData = [{ name: this.#topic, partitionData: [{ index, records }] }];
    const request = { acks: -1, timeoutMs: 5000, transactionalId: this.#id, topicData };
    const label = `${who} produces ${baseSequence} to ${index}, version ${version}`;
    const answer = await this.#script.until(
      undefined,
      produce,
      request,
      ({ responses }) => !notYet.has(responses[0]!.partitionResponses[0]!.errorCode),
      { version },
    );
    const { errorCode, baseOffset } = answer.responses[0]!.partitionResponses[0]!;
    this.#script.record(label, { errorCode: version < 11 ? asOfOld(errorCode) : errorCode, baseOffset });
    if (errorCode === 0 && baseSequence === next) this.#sequences.set(key, next + 1);
  }

  async #end(who: string, producer: Producer): Promise<void> {
    const version = this.#version([0, 4], [5, 5]);
    const committed = this.#random.chance(0.6);
    const request = { transactionalId: this.#id, ...producer, committed };
    const label = `${who} ${committed ? "commits" : "aborts"}, version ${version}`;
    const isOver = ({ errorCode }: { readonly errorCode: number }) => errorCode !== concurrent;
    const answer = await this.#script.until(label, endTxn, request, isOver, { version });
    if (version >= 5) this.#learn(answer);
  }

  /** When all markers are written: in both logs, which a coordinator may tell a little early. */
  async #show(step: number): Promise<void> {
    const described = await this.#script.until(
      undefined,
      describeTransactions,
      { transactionalIds: [this.#id] },
      ({ transactionStates }) => !transactionStates[0]!.transactionState.startsWith("Prepare"),
    );
    const { transactionState, producerId, producerEpoch, topics } = described.transactionStates[0]!;
    const own = topics.find(({ topic }) => topic === this.#topic)?.partitions.toSorted((left, right) => left - right);
    this.#script.record(`${step}: the coordinator`, { transactionState, producerId, producerEpoch, own: own ?? [] });
    let ends = await this.#ends();
    if (transactionState !== "Ongoing") {
      const deadline = Date.now() + 8000;
      while (ends.high.join() !== ends.stable.join() && Date.now() < deadline) ends = await this.#ends();
    }
    this.#script.record(`${step}: the logs`, ends);
    const asked = { groups: [{ groupId: this.#groupId, topics: [{ name: this.#topic, partitionIndexes: partitions }] }] };
    const fetched = await this.#script.ask(offsetFetch, { ...asked, requireStable: true }, { version: 9 });
    const offsets = fetched.groups[0]!.topics[0]!.partitions.toSorted((left, right) => left.partitionIndex - right.partitionIndex);
    this.#script.record(`${step}: the group`, offsets);
  }

  async #ends(): Promise<{ readonly high: readonly number[]; readonly stable: readonly number[] }> {
    const ask = async (isolationLevel: number) => {
      const asked = partitions.map((partitionIndex) => ({ partitionIndex, timestamp: -1n }));
      const request = { replicaId: -1, isolationLevel, topics: [{ name: this.#topic, partitions: asked }] };
      const { topics } = await this.#script.ask(listOffsets, request, { version: 7 });
      const answered = topics[0]!.partitions.toSorted((left, right) => left.partitionIndex - right.partitionIndex);
      return answered.map(({ offset }) => Number(offset));
    };
    return { high: await ask(0), stable: await ask(1) };
  }
}

/** Kafka's brokers ask coordinators for several producers at once, and then tell all what the newest version among them knows. */
function asOfOld(errorCode: number): number {
  return errorCode === abortable ? invalidTxnState : errorCode;
}

const speaks: readonly Speaks[] = ["first", "second", "both"];

/** One scenario a seed. */
export function randomTransactionScenarios(firstSeed: number, runs: number): readonly Scenario[] {
  return Array.from({ length: runs }, (_, index) => {
    const seed = firstSeed + index;
    return scenario(describeTransactions, `transactions at random, seed ${seed}`, (script) =>
      new RandomProducers(script, new Random(seed), speaks[seed % speaks.length]!).run(),
    );
  });
}
