/** A read_committed reader, which drops aborted records as clients do: by the leader's list, until it meets the marker. */
import type { AbortedTransaction } from "../../../core/coordinator.ts";
import { isTransactional } from "../../../core/cell/producers.ts";
import type { ReadOutcome } from "../../../core/broker/interface.ts";
import { attributeMask } from "../../../kernel/batch-layout.ts";
import type { BatchHeader, RecordView } from "../../../kernel/interface.ts";
import { twins } from "../../../kernel/twins/twins.ts";
import type { Cluster, SimulatedBroker } from "../broker.ts";
import type { Happening } from "../history.ts";
import type { Planted } from "../plants.ts";
import type { PartitionPlace } from "../scenario.ts";
import type { World } from "../world.ts";

const abortMarker = 0;

/** Without the padding of values. */
export function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : new TextDecoder().decode(bytes).replace(/~*$/, "");
}

/** Every batch with the records that an application is shown of it: those of aborted transactions and markers are none. */
export function* shownBatches(
  pieces: readonly Uint8Array[],
  aborts: readonly AbortedTransaction[],
): Generator<{ readonly header: BatchHeader; readonly records: readonly RecordView[] }> {
  const listed = [...aborts];
  const aborted = new Set<number>();
  for (const bytes of pieces) {
    for (const header of twins.batches(bytes)) {
      const lastOffset = header.baseOffset + header.offsetCount - 1;
      while (listed.length > 0 && listed[0]!.firstOffset <= lastOffset) aborted.add(listed.shift()!.producerId);
      const records = twins.records(header, bytes.subarray(header.position + 61, header.position + header.size));
      const isControl = (header.attributes & attributeMask.control) !== 0;
      // The type is the last byte of a control record's key; compaction may have left none.
      if (isControl && records[0]?.key?.at(-1) === abortMarker) aborted.delete(header.producerId);
      const isShown = !isControl && !(isTransactional(header) && aborted.has(header.producerId));
      yield { header, records: isShown ? records : [] };
    }
  }
}

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
    let position = this.positions.get(partition)!;
    const listed = plant.is("forget-aborted") ? [] : outcome.abortedTransactions;
    for (const { header, records } of shownBatches(outcome.records, listed)) {
      for (const { offset, key, value } of records) {
        if (offset >= position && isTransactional(header))
          this.#record({
            kind: "read-committed",
            at,
            reader: this.#options.name,
            partition,
            offset,
            key: textOf(key),
            value: textOf(value) ?? "",
          });
      }
      position = Math.max(position, header.baseOffset + header.offsetCount);
    }
    this.positions.set(partition, position);
  }
}

/** When all has come to rest: what a reader is shown from the beginning of each log, under the name of "last". */
export function readToTheEnd(
  { world, leaders, plant, record }: Cluster,
  brokers: readonly SimulatedBroker[],
  places: readonly PartitionPlace[],
  withinMs: number,
): void {
  const last = new CommittedReader(world, brokers, { name: "last", places, maxWaitMs: 100, plant }, record);
  const wholeRead = (): boolean =>
    places.every((place) => last.positions.get(place.name) === leaders[place.cell]!.nextOffset(place));
  world.run(world.now + withinMs, wholeRead);
  if (!wholeRead()) record({ kind: "stuck", at: world.now, what: "the last reader has not reached the end" });
  last.stopped = true;
}
