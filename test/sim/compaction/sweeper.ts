/** A reader that goes through compacted logs from the beginning to the end as it was when it began, again and again, through any broker. */
import type { ReadOutcome } from "../../../core/broker/interface.ts";
import { twins } from "../../../kernel/twins/twins.ts";
import type { SimulatedBroker } from "../broker.ts";
import type { Happening } from "../history.ts";
import type { PartitionPlace } from "../scenario.ts";
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
  /** -1: the first answer tells. */
  #highWatermark = -1;
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
    const request = { items: [item], minBytes: 1, maxBytes: 1 << 20, maxWaitMs, readCommitted: random.chance(0.5) };
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
    if (this.#highWatermark < 0) this.#highWatermark = outcome.bounds.highWatermark;
    const decoder = new TextDecoder();
    for (const bytes of outcome.records) {
      for (const header of twins.batches(bytes)) {
        const body = bytes.subarray(header.position + 61, header.position + header.size);
        for (const { offset, key, value } of twins.records(header, body)) {
          if (offset < this.#position) continue;
          const text = value === null ? "" : decoder.decode(value).replace(/~*$/, "");
          this.#seen.push({ offset, key: decoder.decode(key ?? new Uint8Array()), text });
        }
        // As clients do: behind the batch, whatever is left of it.
        this.#position = Math.max(this.#position, header.baseOffset + header.offsetCount);
      }
    }
  }
}
