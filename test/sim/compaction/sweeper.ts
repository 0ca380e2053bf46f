/** A reader that goes through compacted logs from the beginning to the end as it was when it began, again and again, through any broker. */
import type { ReadOutcome } from "../../../core/broker/interface.ts";
import type { SimulatedBroker } from "../broker.ts";
import type { Happening } from "../history.ts";
import type { PartitionPlace } from "../scenario.ts";
import { isTransactional } from "../../../core/cell/producers.ts";
import { shownBatches, textOf } from "../transaction/reader.ts";
import type { World } from "../world.ts";

export interface SweeperOptions {
  readonly name: string;
  readonly place: PartitionPlace;
  readonly maxWaitMs: number;
}

type Sweep = Extract<Happening, { readonly kind: "swept" }>;

export class Sweeper {
  stopped = false;
  sweeps = 0;
  pauseMsMax = 60;
  readonly #world: World;
  readonly #brokers: readonly SimulatedBroker[];
  readonly #options: SweeperOptions;
  readonly #record: (event: Happening) => void;
  #broker: SimulatedBroker;
  #beganAt = 0;
  #position = 0;
  /** Where the log ended for this reader when it began; -1: the first answer tells. */
  #highWatermark = -1;
  #readCommitted = false;
  #seen: Sweep["records"][number][] = [];

  constructor(world: World, brokers: readonly SimulatedBroker[], options: SweeperOptions, record: (event: Happening) => void) {
    this.#world = world;
    this.#brokers = brokers;
    this.#options = options;
    this.#record = record;
    this.#broker = world.random.pick(brokers);
    this.#begin();
  }

  #begin(): void {
    this.#beganAt = this.#world.now;
    this.#position = 0;
    this.#highWatermark = -1;
    this.#seen = [];
    this.#readCommitted = this.#world.random.chance(0.5);
    this.#world.after(this.#world.random.between(1, this.pauseMsMax), `${this.#options.name} begins`, () => this.#fetch());
  }

  #fetch(): void {
    if (this.stopped) return;
    const { random } = this.#world;
    if (!this.#broker.life.alive) {
      const alive = this.#brokers.filter((broker) => broker.life.alive);
      if (alive.length === 0) {
        this.#world.after(100, `${this.#options.name} looks for a broker`, () => this.#fetch());
        return;
      }
      this.#broker = random.pick(alive);
    }
    const { place, maxWaitMs } = this.#options;
    const item = { ...place.ref, cell: place.cell, offset: this.#position, maxBytes: random.pick([1, 1000, 1 << 20]) };
    const request = { items: [item], minBytes: 1, maxBytes: 1 << 20, maxWaitMs, readCommitted: this.#readCommitted };
    this.#broker.read(request, (outcomes) => {
      if (outcomes?.[0] !== undefined) this.#take(outcomes[0]);
      if (this.#highWatermark >= 0 && this.#position >= this.#highWatermark) this.#end();
      else this.#world.after(random.between(0, 20), `${this.#options.name} fetches`, () => this.#fetch());
    });
  }

  #end(): void {
    const { name, place } = this.#options;
    const sweep = { beganAt: this.#beganAt, highWatermark: this.#highWatermark, records: this.#seen };
    this.#record({ kind: "swept", at: this.#world.now, reader: name, partition: place.name, ...sweep });
    this.sweeps += 1;
    this.#begin();
  }

  #take(outcome: ReadOutcome): void {
    if (outcome.errorCode !== 0) return;
    const { bounds, records, abortedTransactions } = outcome;
    if (this.#highWatermark < 0) this.#highWatermark = this.#readCommitted ? bounds.lastStableOffset : bounds.highWatermark;
    const { name: reader, place } = this.#options;
    const at = this.#world.now;
    for (const { header, records: shown } of shownBatches(records, this.#readCommitted ? abortedTransactions : [])) {
      for (const { offset, key, value } of shown) {
        if (offset < this.#position) continue;
        const [keyText, text] = [textOf(key) ?? "", textOf(value) ?? ""];
        this.#seen.push({ offset, key: keyText, text, isTransactional: isTransactional(header) });
        if (!this.#readCommitted || !isTransactional(header)) continue;
        this.#record({ kind: "read-committed", at, reader, partition: place.name, offset, key: keyText, value: text });
      }
      // As clients do: behind the batch, whatever is left of it.
      this.#position = Math.max(this.#position, header.baseOffset + header.offsetCount);
    }
  }
}
