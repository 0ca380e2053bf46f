/**
 * Transactional producers of both transaction versions, straight on the wire: a few records to a few partitions of several cells, then
 * commit or abort, over whatever connection works. Now and then another instance takes the id while the one before goes on as a zombie:
 * what that one has not ended by then must never be seen.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { addPartitionsToTxn } from "../../protocol/messages/24-add-partitions-to-txn.ts";
import { addOffsetsToTxn } from "../../protocol/messages/25-add-offsets-to-txn.ts";
import { endTxn } from "../../protocol/messages/26-end-txn.ts";
import { txnOffsetCommit } from "../../protocol/messages/28-txn-offset-commit.ts";
import { produceTo } from "./plain-producers.ts";
import type { Stage } from "./stage.ts";
import { type Place, type ProducerIdentity, batchOf, firstError, identify, nameOf, padded, placesOf } from "./topics.ts";
import { Refused, Wire, isRetriable } from "./wire.ts";

export type TransactionVersion = 1 | 2;

/** The versions of clients that speak the one or the other. */
const versions = {
  1: { produce: 11, addPartitions: 3, addOffsets: 3, endTxn: 4, txnOffsetCommit: 3 },
  2: { produce: 12, addPartitions: 0, addOffsets: 0, endTxn: 5, txnOffsetCommit: 5 },
} as const;

export interface InstanceOptions {
  readonly transactionalId: string;
  readonly instance: number;
  readonly version: TransactionVersion;
}

/** One process with the transactional id. Whatever is refused throws, and is the end of it. */
export class Instance {
  readonly wire: Wire;
  readonly #stage: Stage;
  readonly #options: InstanceOptions;
  readonly #name: string;
  readonly #sequences = new Map<string, number>();
  #identity: ProducerIdentity = { producerId: -1n, producerEpoch: -1 };
  #transactions = 0;
  #values = 0;

  constructor(stage: Stage, options: InstanceOptions) {
    this.#stage = stage;
    this.#options = options;
    this.#name = `${options.transactionalId}.${options.instance}`;
    this.wire = new Wire(stage, this.#name);
  }

  async begin(): Promise<void> {
    this.#take(await identify(this.wire, this.#options.transactionalId));
  }

  /** As the producer that it is: not if another has taken its place (KIP-360). */
  async #beginAnew(): Promise<void> {
    this.#take(await identify(this.wire, this.#options.transactionalId, this.#identity));
  }

  newTransaction(): string {
    return `${this.#name}.${this.#transactions++}`;
  }

  newValue(transaction: string): string {
    return `${transaction}.${this.#values++}`;
  }

  async addPartitions(partitions: readonly Place[]): Promise<void> {
    if (this.#options.version === 2) return;
    const asked = partitions.map(({ topic, partition }) => ({ name: topic, partitions: [partition] }));
    const request = {
      v3AndBelowTransactionalId: this.#options.transactionalId,
      v3AndBelowProducerId: this.#identity.producerId,
      v3AndBelowProducerEpoch: this.#identity.producerEpoch,
      v3AndBelowTopics: asked,
    };
    await this.wire.insist(addPartitionsToTxn, versions[1].addPartitions, request, ({ resultsByTopicV3AndBelow }) =>
      firstError(resultsByTopicV3AndBelow.flatMap((each) => each.resultsByPartition.map((one) => one.partitionErrorCode))),
    );
  }

  /** Until it is acknowledged: again and again with the same sequence. */
  async send(transaction: string, place: Place, values: readonly string[]): Promise<void> {
    const partition = nameOf(place);
    for (const value of values) this.#stage.record({ kind: "sent", value, partition, stream: this.#name, transaction });
    const sequence = this.#sequences.get(partition) ?? 0;
    const texts = values.map((value) => padded(value, this.#stage.random));
    const records = batchOf(texts, { ...this.#identity, sequence, isTransactional: true });
    const { transactionalId, version } = this.#options;
    for (;;) {
      const answer = await produceTo(this.wire, place, records, transactionalId, versions[version].produce).catch(() => undefined);
      if (answer?.errorCode === errorCodes.NONE) {
        for (const [index, value] of values.entries())
          this.#stage.record({ kind: "acknowledged", value, offset: answer.offset + index });
        this.#sequences.set(partition, sequence + values.length);
        return;
      }
      if (answer !== undefined && !isRetriable(answer.errorCode)) throw new Refused(`${this.#name}: produce`, answer.errorCode);
      await this.#stage.pause();
    }
  }

  /** As a consumer that is in no group's membership. */
  async moveGroup(transaction: string, group: string, place: Place, offset: number): Promise<void> {
    const { transactionalId, version } = this.#options;
    const request = { transactionalId, groupId: group, ...this.#identity };
    if (version === 1) await this.wire.insist(addOffsetsToTxn, versions[1].addOffsets, request, ({ errorCode }) => errorCode);
    const partitions = [{ partitionIndex: place.partition, committedOffset: BigInt(offset), committedMetadata: "" }];
    const moving = { ...request, memberId: "", topics: [{ name: place.topic, partitions }] };
    await this.wire.insist(txnOffsetCommit, versions[version].txnOffsetCommit, moving, ({ topics }) =>
      firstError(topics.flatMap((topic) => topic.partitions.map(({ errorCode }) => errorCode))),
    );
    this.#stage.record({ kind: "moved", transaction, group, partition: nameOf(place), offset });
  }

  async end(transaction: string, commit: boolean): Promise<void> {
    const { transactionalId, version } = this.#options;
    this.#stage.record({ kind: "ending", transaction, commit });
    const request = { transactionalId, ...this.#identity, committed: commit };
    const answer = await this.wire.insist(endTxn, versions[version].endTxn, request, ({ errorCode }) => errorCode);
    this.#stage.record({ kind: "ended", transaction, commit });
    if (version === 2) this.#take(answer);
    // What of an aborted transaction is still on its way must not be taken for part of the next.
    else if (!commit) await this.#beginAnew();
  }

  close(): void {
    this.wire.close();
  }

  #take({ producerId, producerEpoch }: ProducerIdentity): void {
    const isNew = producerId !== this.#identity.producerId || producerEpoch !== this.#identity.producerEpoch;
    if (isNew) this.#sequences.clear();
    this.#identity = { producerId, producerEpoch };
  }
}

/** What an instance hears when it was fenced, or when its transaction was ended for it. */
const lost: ReadonlySet<number> = new Set([
  errorCodes.PRODUCER_FENCED,
  errorCodes.INVALID_PRODUCER_EPOCH,
  errorCodes.INVALID_TXN_STATE,
  errorCodes.INVALID_PRODUCER_ID_MAPPING,
  errorCodes.TRANSACTION_ABORTABLE,
]);

/** Instance after instance, each until it is fenced; some start before that. In the end whatever is open under the id is ended. */
export async function runInstances(
  stage: Stage,
  transactionalId: string,
  versionOf: () => TransactionVersion,
  transact: (instance: Instance) => Promise<void>,
): Promise<void> {
  const lives: Promise<void>[] = [];
  const living = new Set<Fate>();
  for (let instance = 0; !stage.isOver; instance++) {
    const fate = { hasCompany: living.size > 0 };
    for (const other of living) other.hasCompany = true;
    living.add(fate);
    const life = live(stage, new Instance(stage, { transactionalId, instance, version: versionOf() }), transact, fate);
    lives.push(life.finally(() => living.delete(fate)));
    await Promise.race([life, aWhile(stage)]);
  }
  await Promise.all(lives);
  const wire = new Wire(stage, `${transactionalId}, the last`);
  await identify(wire, transactionalId);
  wire.close();
}

interface Fate {
  /** At some time another instance lived too. */
  hasCompany: boolean;
}

/** Then another instance is started, though this one lives. */
async function aWhile(stage: Stage): Promise<void> {
  const lifeMs = stage.random.between(500, 8000);
  const startedMs = performance.now();
  while (!stage.isOver && performance.now() - startedMs < lifeMs) await stage.pause();
}

async function live(stage: Stage, instance: Instance, transact: (instance: Instance) => Promise<void>, fate: Fate): Promise<void> {
  try {
    await instance.begin();
    while (!stage.isOver) await transact(instance);
  } catch (error) {
    const mayBeFenced = error instanceof Refused && lost.has(error.errorCode);
    if (!mayBeFenced) throw error;
    if (!fate.hasCompany) stage.record({ kind: "stuck", what: `${error.message}, and there is no other instance` });
  } finally {
    instance.close();
  }
}

/** A few records in some partitions, and an end. */
export async function transact(stage: Stage, instance: Instance): Promise<void> {
  const { random } = stage;
  const chosen = placesOf("ledger").filter(() => random.chance(0.5));
  const partitions = chosen.length === 0 ? [random.pick(placesOf("ledger"))] : chosen;
  const transaction = instance.newTransaction();
  await instance.addPartitions(partitions);
  await Promise.all(
    partitions.map((place) => {
      const values = Array.from({ length: random.between(1, 3) }, () => instance.newValue(transaction));
      return instance.send(transaction, place, values);
    }),
  );
  if (random.chance(0.1)) await stage.pause();
  await instance.end(transaction, random.chance(0.7));
}
