/**
 * Producers as stock clients are: an idempotent one keeps up to five batches of a partition in flight, sends again what was not
 * acknowledged, in order, through whatever broker is there; a plain one sends again nothing and never knows what became of it.
 */
import type { AppendItem, AppendOutcome } from "../../core/broker/interface.ts";
import { twins } from "../../kernel/twins/twins.ts";
import { encodeBatch } from "../kernel/batch-builder.ts";
import type { SimulatedBroker } from "./broker.ts";
import type { Happening, SentBatch } from "./history.ts";
import type { PartitionPlace } from "./scenario.ts";
import type { World } from "./world.ts";

const inFlightMax = 5;
const outOfOrderSequence = 45;

interface Outgoing {
  readonly batch: SentBatch;
  readonly item: AppendItem;
  inFlight: boolean;
  /** What came back, until those before it have been answered too. */
  answer?: { readonly sent: SentBatch; readonly outcome: AppendOutcome | undefined } | undefined;
}

export interface ProducerOptions {
  readonly name: string;
  readonly producerId: number;
  readonly idempotent: boolean;
  readonly place: PartitionPlace;
  readonly batches: number;
  readonly pauseMsMax: number;
  /** Some records are too large to travel inline. */
  readonly paddingMax: number;
  /** So many keys; some values are deletions. */
  readonly keys?: number;
}

export class SimulatedProducer {
  readonly #world: World;
  readonly #brokers: readonly SimulatedBroker[];
  readonly #options: ProducerOptions;
  readonly #record: (event: Happening) => void;
  readonly #window: Outgoing[] = [];
  #made = 0;
  #nextSequence = 0;
  #valueNumber = 0;
  #broker: SimulatedBroker;
  #connection = 0;
  #incarnation: number;

  constructor(world: World, brokers: readonly SimulatedBroker[], options: ProducerOptions, record: (event: Happening) => void) {
    this.#world = world;
    this.#brokers = brokers;
    this.#options = options;
    this.#record = record;
    this.#broker = world.random.pick(brokers);
    this.#incarnation = this.#broker.incarnation;
    this.#world.after(world.random.between(0, 50), `${options.name} begins`, () => this.#makeMore());
  }

  get finished(): boolean {
    return this.#made === this.#options.batches && this.#window.length === 0;
  }

  #makeMore(): void {
    if (this.#made < this.#options.batches && this.#window.length < inFlightMax) this.#window.push(this.#make());
    this.#send();
    if (this.#made < this.#options.batches) {
      const pause = this.#world.random.between(0, this.#options.pauseMsMax);
      this.#world.after(pause, `${this.#options.name} goes on`, () => this.#makeMore());
    }
  }

  #make(): Outgoing {
    const { name, producerId, idempotent, place } = this.#options;
    const count = this.#world.random.between(1, 4);
    const padding = this.#world.random.chance(0.3) ? "~".repeat(this.#world.random.between(0, this.#options.paddingMax)) : "";
    const values = Array.from({ length: count }, () => `${name}:${this.#valueNumber++}`);
    const records = encodeBatch({
      records: values.map((value) => this.#recordOf(value, padding)),
      ...(idempotent ? { producerId: BigInt(producerId), producerEpoch: 0, baseSequence: this.#nextSequence } : {}),
    });
    this.#nextSequence += count;
    this.#made += 1;
    const validated = twins.validate(records, { keysRequired: false, batchSizeMax: 1 << 20 });
    if (!validated.ok) throw new Error(`the simulator made a bad batch: ${validated.reason}`);
    const batch = { producer: name, idempotent, partition: place.name, values, connection: this.#connection };
    return { batch, item: { ...place.ref, cell: place.cell, records, batches: validated.batches }, inFlight: false };
  }

  /** With keys it is the key that is told apart from others by the value: a deletion has none. */
  #recordOf(value: string, padding: string) {
    const { keys } = this.#options;
    const bytes = new TextEncoder().encode(value + padding);
    if (keys === undefined) return { value: bytes };
    const { random } = this.#world;
    const key = new TextEncoder().encode(`k${random.between(0, keys - 1)}`);
    return { key, value: random.chance(0.2) ? null : bytes };
  }

  /** Sends what is not in flight, in order; after a loss only once everything in flight has come back. */
  #send(): void {
    if (!this.#connected()) return;
    const unsent = this.#window.findIndex((outgoing) => !outgoing.inFlight);
    if (unsent === -1 || this.#window.slice(unsent).some((outgoing) => outgoing.inFlight)) return;
    for (const outgoing of this.#window.slice(unsent)) {
      outgoing.inFlight = true;
      const sent = { ...outgoing.batch, connection: this.#connection };
      this.#record({ kind: "sent", at: this.#world.now, batch: sent });
      // The frame is the request's own memory, as it is when it came through a socket.
      const item = { ...outgoing.item, records: outgoing.item.records.slice() };
      this.#world.log(
        `${this.#options.name} sends ${sent.values[0]} (${this.#options.place.name}) to broker ${this.#broker.brokerId}`,
      );
      this.#broker.append([item], (outcomes) => this.#answered(outgoing, sent, outcomes?.[0]));
    }
  }

  #connected(): boolean {
    if (this.#broker.life.alive && this.#broker.incarnation === this.#incarnation) return true;
    const alive = this.#brokers.filter((broker) => broker.life.alive);
    if (alive.length === 0) {
      this.#world.after(100, `${this.#options.name} looks for a broker`, () => this.#send());
      return false;
    }
    this.#broker = this.#world.random.pick(alive);
    this.#incarnation = this.#broker.incarnation;
    this.#connection += 1;
    // A cut connection takes everything on it along: what was in flight there will hear nothing.
    for (const outgoing of this.#window.splice(0)) {
      if (this.#options.idempotent || !outgoing.inFlight) this.#window.push({ ...outgoing, inFlight: false, answer: undefined });
    }
    return true;
  }

  /** Answers on a connection come in the order of the requests, so one that is late holds up those behind it. */
  #answered(outgoing: Outgoing, sent: SentBatch, outcome: AppendOutcome | undefined): void {
    if (!this.#window.includes(outgoing)) return;
    if (outcome === undefined) {
      // The connection is gone, and with it the answers that waited behind this one.
      for (const other of this.#window) other.answer &&= { sent: other.answer.sent, outcome: undefined };
    }
    outgoing.answer = { sent, outcome };
    for (const waiting of this.#window.slice()) {
      if (waiting.answer === undefined) {
        if (waiting.inFlight) break;
        continue;
      }
      this.#hear(waiting, waiting.answer.sent, waiting.answer.outcome);
    }
    this.#world.after(this.#world.random.between(0, 20), `${this.#options.name} sends`, () => this.#send());
  }

  #hear(outgoing: Outgoing, sent: SentBatch, outcome: AppendOutcome | undefined): void {
    const told =
      outcome === undefined ? "nothing" : outcome.errorCode === 0 ? `offset ${outcome.baseOffset}` : `error ${outcome.errorCode}`;
    this.#world.log(`${this.#options.name} hears ${told} of ${sent.values[0]}`);
    outgoing.inFlight = false;
    outgoing.answer = undefined;
    const drop = (): void => void this.#window.splice(this.#window.indexOf(outgoing), 1);
    if (outcome?.errorCode === 0) {
      this.#record({ kind: "acknowledged", at: this.#world.now, batch: sent, baseOffset: outcome.baseOffset });
      drop();
    } else if (!this.#options.idempotent) {
      drop();
    } else if (
      outcome?.errorCode === outOfOrderSequence &&
      this.#window[0] === outgoing &&
      !this.#window.some((other) => other.inFlight)
    ) {
      const what = `${sent.values[0]} is the first unacknowledged and yet out of order`;
      this.#record({ kind: "stuck", at: this.#world.now, what });
    }
  }
}
