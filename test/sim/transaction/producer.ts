/**
 * A transactional producer as stock clients are, of either transaction version: it gets its epoch, writes to a few partitions, waits
 * until all is acknowledged, and ends the transaction one way or the other. It dies without a word or pauses past its time-out; then
 * another instance may have taken its id, and what it goes on sending is a zombie's.
 */
import type { AppendOutcome } from "../../../core/broker/interface.ts";
import type { AdmissionReply } from "../../../core/transaction/admission.ts";
import type { TransactionRequest } from "../../../core/transaction/events.ts";
import type { ProducerIdAnswer, ProducerIdentity, TransactionVersion } from "../../../core/transaction/requests.ts";
import { twins } from "../../../kernel/twins/twins.ts";
import { errorCodes } from "../../../protocol/errors.ts";
import { encodeBatch } from "../../kernel/batch-builder.ts";
import type { Happening } from "../history.ts";
import { Life, type Network } from "../network.ts";
import type { PartitionPlace } from "../scenario.ts";
import type { World } from "../world.ts";
import type { SimulatedCoordinator } from "./coordinator.ts";
import type { ProduceGate } from "./produce.ts";

export interface ProducerSurroundings {
  readonly world: World;
  readonly network: Network;
  readonly gates: readonly ProduceGate[];
  readonly places: readonly PartitionPlace[];
  readonly record: (event: Happening) => void;
  readonly newProducerId: () => number;
  readonly storm: { over: boolean };
  /** So many keys, which are those of other producers too. */
  readonly keys?: number | undefined;
}

export interface InstanceOptions {
  readonly name: string;
  readonly coordinator: SimulatedCoordinator;
  readonly version: TransactionVersion;
  readonly timeoutMs: number;
  readonly paddingMax: number;
}

interface Transaction {
  readonly name: string;
  /** Batches not yet acknowledged, by place. */
  readonly lines: Map<PartitionPlace, readonly (readonly string[])[]>;
  over: boolean;
  /** Its number, once a coordinator has told: the broker that hears of its end knows it by that. */
  generation: number | undefined;
  /** A commit was asked for and no answer to that was heard. */
  isDoubtful: boolean;
}

const patienceMs = 5000;
const retriable: ReadonlySet<number> = new Set([
  errorCodes.NOT_ENOUGH_REPLICAS,
  errorCodes.CONCURRENT_TRANSACTIONS,
  errorCodes.NOT_LEADER_OR_FOLLOWER,
  errorCodes.REQUEST_TIMED_OUT,
  errorCodes.KAFKA_STORAGE_ERROR,
]);

export class SimulatedInstance {
  readonly life = new Life();
  readonly #surroundings: ProducerSurroundings;
  readonly #options: InstanceOptions;
  #identity: ProducerIdentity = { producerId: -1, producerEpoch: -1 };
  readonly #sequences = new Map<PartitionPlace, number>();
  #transactions = 0;
  #values = 0;
  #wakesAt = 0;

  constructor(surroundings: ProducerSurroundings, options: InstanceOptions) {
    this.#surroundings = surroundings;
    this.#options = options;
    this.#begin();
  }

  get #world(): World {
    return this.#surroundings.world;
  }

  /** Everything it planned is gone; what it sent is on its way. */
  die(): void {
    if (!this.life.alive) return;
    this.#world.log(`${this.#options.name} is gone`);
    this.life.die();
  }

  pause(ms: number): void {
    this.#wakesAt = this.#world.now + ms;
  }

  /** What falls due in a pause happens when it wakes. */
  #awake<Args extends unknown[]>(work: (...args: Args) => void): (...args: Args) => void {
    const awake = this.life.bind((...args: Args): void => {
      if (this.#world.now >= this.#wakesAt) work(...args);
      else this.#world.after(this.#wakesAt - this.#world.now, `${this.#options.name} wakes`, () => awake(...args));
    });
    return awake;
  }

  #later(what: string, work: () => void): void {
    this.#world.after(this.#world.random.between(5, 100), `${this.#options.name} ${what}`, this.#awake(work));
  }

  #ask<Answer>(request: TransactionRequest, answered: (answer: Answer | undefined) => void): void {
    const { coordinator, name } = this.#options;
    this.#surroundings.network.call<Answer>(
      `${name} ${request.kind}`,
      this.life,
      coordinator.life,
      (answer) => coordinator.ask(request, (told) => answer(told as Answer)),
      this.#awake(answered),
      this.#awake(() => answered(undefined)),
      patienceMs,
      // Brokers ask twice when they hear nothing. Partitions that join late, in version 1, begin a transaction as if they were new.
      request.kind === "end",
    );
  }

  // Its epoch.

  #begin(newProducerId?: number): void {
    const request = { timeoutMs: this.#options.timeoutMs, expected: undefined, newProducerId };
    this.#ask<ProducerIdAnswer>({ kind: "init-producer-id", request }, (answer) => {
      if (answer?.needsProducerId === true) return this.#begin(this.#surroundings.newProducerId());
      if (answer?.errorCode !== errorCodes.NONE) return this.#later("begins again", () => this.#begin());
      this.#takeIdentity(answer);
      this.#next();
    });
  }

  #takeIdentity({ producerId, producerEpoch }: ProducerIdentity): void {
    const isNew = producerId !== this.#identity.producerId || producerEpoch !== this.#identity.producerEpoch;
    if (isNew) this.#sequences.clear();
    this.#identity = { producerId, producerEpoch };
  }

  // A transaction.

  #next(): void {
    if (this.#surroundings.storm.over) return this.die();
    const { random } = this.#world;
    const name = `${this.#options.name}.${this.#transactions++}`;
    const lines = new Map<PartitionPlace, readonly (readonly string[])[]>();
    for (const place of this.#surroundings.places) {
      if (lines.size > 0 && random.chance(0.5)) continue;
      const batches = Array.from({ length: random.between(1, 3) }, () =>
        Array.from({ length: random.between(1, 3) }, () => `${this.#options.name}:${this.#values++}`),
      );
      lines.set(place, batches);
    }
    const transaction: Transaction = { name, lines, over: false, generation: undefined, isDoubtful: false };
    if (this.#options.version === 1) this.#join(transaction);
    else this.#sendAll(transaction);
  }

  /** AddPartitionsToTxn of version 1. */
  #join(transaction: Transaction): void {
    const partitions = [...transaction.lines.keys()].map(({ ref, cell }) => ({ ...ref, cell }));
    this.#ask<AdmissionReply>({ kind: "admit", request: { ...this.#identity, add: true, partitions } }, (reply) => {
      const errorCode = reply?.errorCodes.find((code) => code !== errorCodes.NONE);
      if (reply !== undefined && errorCode === undefined) {
        transaction.generation = reply.generation;
        return this.#sendAll(transaction);
      }
      if (errorCode === undefined || retriable.has(errorCode)) return this.#later("joins again", () => this.#join(transaction));
      this.#fenced(transaction);
    });
  }

  #sendAll(transaction: Transaction): void {
    for (const place of transaction.lines.keys()) this.#sendNext(transaction, place);
  }

  #sendNext(transaction: Transaction, place: PartitionPlace): void {
    if (transaction.over) return;
    const values = transaction.lines.get(place)?.[0];
    if (values !== undefined) return this.#send(transaction, place, values, this.#padding());
    transaction.lines.delete(place);
    if (transaction.lines.size > 0) return;
    const commit = this.#world.random.chance(0.75);
    this.#later("ends", () => this.#end(transaction, commit));
  }

  #padding(): string {
    return this.#world.random.chance(0.3) ? "~".repeat(this.#world.random.between(0, this.#options.paddingMax)) : "";
  }

  #send(transaction: Transaction, place: PartitionPlace, values: readonly string[], padding: string): void {
    const { gates, network } = this.#surroundings;
    const { name, coordinator, version } = this.#options;
    const gate = this.#world.random.pick(gates);
    const produce = { ...this.#identity, coordinator, version, item: this.#item(place, values, padding) };
    network.call<AppendOutcome | number>(
      `${name} produces ${values[0]} to ${place.name}`,
      this.life,
      gate.broker.life,
      (answer) => gate.produce(produce, (outcome) => outcome !== undefined && answer(outcome)),
      this.#awake((outcome) => this.#answered(transaction, place, values, padding, outcome)),
      this.#awake(() => this.#answered(transaction, place, values, padding, errorCodes.REQUEST_TIMED_OUT)),
      patienceMs,
    );
  }

  #item(place: PartitionPlace, values: readonly string[], padding: string) {
    const { producerId, producerEpoch } = this.#identity;
    const records = encodeBatch({
      attributes: 16,
      records: values.map((value) => {
        const key = this.#keyOf(value);
        return { key: key === null ? null : new TextEncoder().encode(key), value: new TextEncoder().encode(value + padding) };
      }),
      producerId: BigInt(producerId),
      producerEpoch,
      baseSequence: this.#sequences.get(place) ?? 0,
    });
    const validated = twins.validate(records, { keysRequired: false, batchSizeMax: 1 << 20 });
    if (!validated.ok) throw new Error(`the simulator made a bad batch: ${validated.reason}`);
    return { ...place.ref, cell: place.cell, records, batches: validated.batches };
  }

  #keyOf(value: string): string | null {
    const { keys } = this.#surroundings;
    return keys === undefined ? null : `k${Number(value.split(":")[1]) % keys}`;
  }

  #answered(
    transaction: Transaction,
    place: PartitionPlace,
    values: readonly string[],
    padding: string,
    outcome: AppendOutcome | number,
  ): void {
    if (transaction.over) return;
    const errorCode = typeof outcome === "number" ? outcome : outcome.errorCode;
    this.#world.log(`${this.#options.name} hears ${errorCode} of ${values[0]}`);
    if (errorCode === errorCodes.NONE) {
      const { name } = transaction;
      const baseOffset = typeof outcome === "number" ? -1 : outcome.baseOffset;
      const keys = values.map((value) => this.#keyOf(value));
      const batch = { partition: place.name, values, keys, baseOffset };
      this.#surroundings.record({ kind: "taken", at: this.#world.now, transaction: name, ...batch });
      this.#sequences.set(place, (this.#sequences.get(place) ?? 0) + values.length);
      transaction.lines.set(place, transaction.lines.get(place)!.slice(1));
      return this.#sendNext(transaction, place);
    }
    if (retriable.has(errorCode))
      return this.#later("sends again", () => !transaction.over && this.#send(transaction, place, values, padding));
    transaction.over = true;
    if (errorCode === errorCodes.INVALID_PRODUCER_EPOCH || errorCode === errorCodes.PRODUCER_FENCED)
      return this.#fenced(transaction);
    if (errorCode === errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER) {
      this.#surroundings.record({
        kind: "stuck",
        at: this.#world.now,
        what: `${values[0]} is out of order, and nothing is before it`,
      });
    }
    this.#end(transaction, false);
  }

  // Its end.

  #end(transaction: Transaction, commit: boolean): void {
    transaction.over = true;
    this.#surroundings.record({ kind: "ending", at: this.#world.now, transaction: transaction.name, commit });
    this.#askEnd(transaction, commit);
  }

  #askEnd(transaction: Transaction, commit: boolean, newProducerId?: number): void {
    const { version } = this.#options;
    const { generation } = transaction;
    const request = { ...this.#identity, commit, version, generation, newProducerId };
    this.#ask<ProducerIdAnswer>({ kind: "end", request }, (answer) => {
      if (answer?.needsProducerId === true) return this.#askEnd(transaction, commit, this.#surroundings.newProducerId());
      if (answer === undefined) transaction.isDoubtful = commit;
      if (answer === undefined || retriable.has(answer.errorCode)) {
        return this.#later("ends again", () => this.#askEnd(transaction, commit));
      }
      if (answer.errorCode !== errorCodes.NONE) return this.#fenced(transaction);
      this.#ended(transaction, commit);
      // What of an aborted transaction was never answered leaves its sequences in doubt: a new epoch begins anew.
      if (!commit) return this.#later("begins anew", () => this.#begin());
      this.#takeIdentity(answer);
      this.#later("goes on", () => this.#next());
    });
  }

  /** Another has its id, or its time was up. */
  #fenced(transaction: Transaction): void {
    transaction.over = true;
    if (!transaction.isDoubtful) this.#ended(transaction, false);
    this.die();
  }

  #ended({ name }: Transaction, commit: boolean): void {
    this.#surroundings.record({ kind: "ended", at: this.#world.now, transaction: name, commit });
  }
}
