/** Readers: each fetches its partitions from their beginning, by whatever broker is there, and writes down every record it was shown. */
import type { ReadOutcome } from "../../core/broker/interface.ts";
import { crc32c } from "../../kernel/twins/crc32c.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { twins } from "../../kernel/twins/twins.ts";
import type { SimulatedBroker } from "./broker.ts";
import type { Happening } from "./history.ts";
import type { PartitionPlace } from "./scenario.ts";
import type { World } from "./world.ts";

export interface ConsumerOptions {
  readonly name: string;
  readonly places: readonly PartitionPlace[];
  readonly maxWaitMs: number;
}

export class SimulatedConsumer {
  readonly positions = new Map<string, number>();
  readonly log = new Map<string, { readonly offset: number; readonly value: string }[]>();
  stopped = false;
  /** What the last answer said about the end of each partition. */
  readonly watermarks = new Map<string, number>();
  readonly #world: World;
  readonly #brokers: readonly SimulatedBroker[];
  readonly #options: ConsumerOptions;
  readonly #record: (event: Happening) => void;
  #broker: SimulatedBroker;

  constructor(world: World, brokers: readonly SimulatedBroker[], options: ConsumerOptions, record: (event: Happening) => void) {
    this.#world = world;
    this.#brokers = brokers;
    this.#options = options;
    this.#record = record;
    this.#broker = world.random.pick(brokers);
    for (const place of options.places) {
      this.positions.set(place.name, 0);
      this.log.set(place.name, []);
    }
    this.#world.after(world.random.between(0, 30), `${options.name} begins`, () => this.#fetch());
  }

  /** Has read all that any answer told it exists. */
  get caughtUp(): boolean {
    return this.#options.places.every((place) => this.positions.get(place.name) === this.watermarks.get(place.name));
  }

  #fetch(): void {
    if (this.stopped) return;
    if (!this.#broker.life.alive || this.#world.random.chance(0.05)) {
      const alive = this.#brokers.filter((broker) => broker.life.alive);
      if (alive.length === 0) {
        this.#world.after(100, `${this.#options.name} looks for a broker`, () => this.#fetch());
        return;
      }
      this.#broker = this.#world.random.pick(alive);
    }
    const broker = this.#broker;
    const observer = `${this.#options.name} at broker ${broker.brokerId}.${broker.incarnation}`;
    const { random } = this.#world;
    const items = this.#options.places.map((place) => ({
      ...place.ref,
      cell: place.cell,
      offset: this.positions.get(place.name)!,
      maxBytes: random.pick([1, 1000, 1 << 20]),
    }));
    const maxBytes = random.pick([1, 5000, 1 << 20]);
    const request = {
      items,
      minBytes: random.pick([0, 1, 1, 500]),
      maxBytes,
      maxWaitMs: this.#options.maxWaitMs,
      readCommitted: false,
    };
    broker.read(request, (outcomes) => {
      for (const [index, outcome] of (outcomes ?? []).entries()) this.#take(this.#options.places[index]!.name, outcome, observer);
      this.#world.after(random.between(0, 30), `${this.#options.name} fetches`, () => this.#fetch());
    });
  }

  #take(partition: string, outcome: ReadOutcome, observer: string): void {
    if (outcome.errorCode !== 0) {
      this.#world.log(`${observer}: ${partition} error ${outcome.errorCode}`);
      // The log begins later by now: as clients do with auto.offset.reset=earliest.
      const { logStartOffset } = outcome.bounds;
      if (outcome.errorCode === errorCodes.OFFSET_OUT_OF_RANGE && this.positions.get(partition)! < logStartOffset) {
        this.positions.set(partition, logStartOffset);
      }
      return;
    }
    const at = this.#world.now;
    this.watermarks.set(partition, outcome.bounds.highWatermark);
    this.#record({ kind: "watermark", at, observer, partition, highWatermark: outcome.bounds.highWatermark });
    let position = this.positions.get(partition)!;
    for (const bytes of outcome.records) {
      for (const header of twins.batches(bytes)) {
        const digest = crc32c(bytes.subarray(header.position, header.position + header.size));
        this.#record({ kind: "batch-read", at, reader: observer, partition, baseOffset: header.baseOffset, digest });
        const body = bytes.subarray(header.position + 61, header.position + header.size);
        for (const record of twins.records(header, body)) {
          const value = new TextDecoder().decode(record.value ?? new Uint8Array()).replace(/~*$/, "");
          this.#record({ kind: "read", at, reader: observer, partition, offset: record.offset, value });
          // The first batch may begin before what was asked for: clients drop what they have.
          if (record.offset < position) continue;
          this.log.get(partition)!.push({ offset: record.offset, value });
          position = record.offset + 1;
        }
      }
    }
    this.positions.set(partition, position);
  }
}
