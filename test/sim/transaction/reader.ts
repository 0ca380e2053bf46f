/** A read_committed reader, which drops aborted records as clients do: by the leader's list, until it meets the marker. */
import type { ReadOutcome } from "../../../core/broker/interface.ts";
import { attributeMask } from "../../../kernel/batch-layout.ts";
import { twins } from "../../../kernel/twins/twins.ts";
import type { SimulatedBroker } from "../broker.ts";
import type { Happening } from "../history.ts";
import type { Planted } from "../plants.ts";
import type { PartitionPlace } from "../scenario.ts";
import type { World } from "../world.ts";

const abortMarker = 0;

export interface ReaderOptions {
  readonly name: string;
  readonly places: readonly PartitionPlace[];
  readonly maxWaitMs: number;
  readonly plant: Planted;
}

export class CommittedReader {
  readonly positions = new Map<string, number>();
  stopped = false;
  readonly #world: World;
  readonly #brokers: readonly SimulatedBroker[];
  readonly #options: ReaderOptions;
  readonly #record: (event: Happening) => void;
  #broker: SimulatedBroker;

  constructor(world: World, brokers: readonly SimulatedBroker[], options: ReaderOptions, record: (event: Happening) => void) {
    this.#world = world;
    this.#brokers = brokers;
    this.#options = options;
    this.#record = record;
    this.#broker = world.random.pick(brokers);
    for (const place of options.places) this.positions.set(place.name, 0);
    world.after(world.random.between(0, 30), `${options.name} begins`, () => this.#fetch());
  }

  #fetch(): void {
    if (this.stopped) return;
    const { random } = this.#world;
    if (!this.#broker.life.alive || random.chance(0.05)) {
      const alive = this.#brokers.filter((broker) => broker.life.alive);
      if (alive.length === 0) {
        this.#world.after(100, `${this.#options.name} looks for a broker`, () => this.#fetch());
        return;
      }
      this.#broker = random.pick(alive);
    }
    const broker = this.#broker;
    const observer = `${this.#options.name} at broker ${broker.brokerId}.${broker.incarnation}`;
    const { places, maxWaitMs, plant } = this.#options;
    const items = places.map(({ name, ref, cell }) => ({
      ...ref,
      cell,
      offset: this.positions.get(name)!,
      maxBytes: random.pick([1, 500, 1 << 20]),
    }));
    const readCommitted = !plant.is("everything-is-stable");
    const request = {
      items,
      minBytes: random.pick([0, 1, 1, 500]),
      maxBytes: random.pick([1, 5000, 1 << 20]),
      maxWaitMs,
      readCommitted,
    };
    broker.read(request, (outcomes) => {
      for (const [index, outcome] of (outcomes ?? []).entries()) this.#take(places[index]!.name, outcome, observer);
      this.#world.after(random.between(0, 30), `${this.#options.name} fetches`, () => this.#fetch());
    });
  }

  #take(partition: string, outcome: ReadOutcome, observer: string): void {
    if (outcome.errorCode !== 0) return;
    const { plant } = this.#options;
    const at = this.#world.now;
    const back = plant.is("stable-goes-back") && this.#world.random.chance(0.1) ? 1 : 0;
    this.#record({ kind: "stable", at, observer, partition, offset: outcome.bounds.lastStableOffset - back });
    const listed = plant.is("forget-aborted") ? [] : [...outcome.abortedTransactions];
    const aborted = new Set<number>();
    let position = this.positions.get(partition)!;
    for (const bytes of outcome.records) {
      for (const header of twins.batches(bytes)) {
        const lastOffset = header.baseOffset + header.offsetCount - 1;
        while (listed.length > 0 && listed[0]!.firstOffset <= lastOffset) aborted.add(listed.shift()!.producerId);
        const { producerId } = header;
        const records = twins.records(header, bytes.subarray(header.position + 61, header.position + header.size));
        if ((header.attributes & attributeMask.control) !== 0) {
          // The type is the last byte of a control record's key.
          if (records[0]!.key!.at(-1) === abortMarker) aborted.delete(producerId);
        } else if (!aborted.has(producerId)) {
          for (const { offset, value } of records) {
            if (offset < position) continue;
            const text = new TextDecoder().decode(value ?? new Uint8Array()).replace(/~*$/, "");
            this.#record({ kind: "read-committed", at, reader: this.#options.name, partition, offset, value: text });
          }
        }
        position = Math.max(position, lastOffset + 1);
      }
    }
    this.positions.set(partition, position);
  }
}
