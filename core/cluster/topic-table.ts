/**
 * The controller's topics: rows by id, names and collisions, how full each cell is. Knows how a row looks to clients; what may
 * change and when is decided in controller.ts.
 */
import type { PartitionRef, TopicId } from "../coordinator.ts";
import type { TopicEntry } from "./catalog.ts";
import type { TopicRow } from "./controller-rows.ts";
import type { CellRun } from "./placement.ts";
import { collisionKey, isInternalTopic } from "./topic-names.ts";
import type { TopicConfigs } from "./topic-settings.ts";

/** From what was set on a topic to what holds for it. */
export type ResolveSettings = (configs: TopicConfigs) => TopicEntry["effective"];

export class TopicTable {
  readonly #resolve: ResolveSettings;
  readonly #rows = new Map<TopicId, TopicRow>();
  readonly #entries = new Map<TopicId, TopicEntry>();
  readonly #idByName = new Map<string, TopicId>();
  readonly #namesByCollisionKey = new Map<string, string>();
  readonly #load = new Map<number, number>();

  constructor(resolve: ResolveSettings) {
    this.#resolve = resolve;
  }

  get(id: TopicId): TopicRow | undefined {
    return this.#rows.get(id);
  }

  /** The topic that holds the name; one that is being deleted holds none. */
  idOf(name: string): TopicId | undefined {
    return this.#idByName.get(name);
  }

  /** A topic whose name cannot stand beside this one. */
  collidingName(name: string): string | undefined {
    const other = this.#namesByCollisionKey.get(collisionKey(name));
    return other === name ? undefined : other;
  }

  /** Partitions per cell, those on their way in or out counted. */
  get load(): ReadonlyMap<number, number> {
    return this.#load;
  }

  /** Partitions that a cell is known to lead: clients see them. */
  led(cell: number): number {
    let count = 0;
    for (const row of this.#rows.values()) {
      let first = 0;
      for (const [runCell, runCount] of row.state === "live" ? row.cells : []) {
        if (runCell === cell) count += Math.max(0, Math.min(row.visible, first + runCount) - first);
        first += runCount;
      }
    }
    return count;
  }

  [Symbol.iterator](): IterableIterator<[TopicId, TopicRow]> {
    return this.#rows.entries();
  }

  set(id: TopicId, row: TopicRow): void {
    const before = this.#rows.get(id);
    if (before !== undefined) this.#forget(id, before);
    this.#rows.set(id, row);
    this.#addLoad(row, 1);
    if (row.state === "deleting") return;
    this.#idByName.set(row.name, id);
    this.#namesByCollisionKey.set(collisionKey(row.name), row.name);
  }

  delete(id: TopicId): void {
    const row = this.#rows.get(id);
    if (row === undefined) return;
    this.#forget(id, row);
    this.#rows.delete(id);
  }

  #forget(id: TopicId, row: TopicRow): void {
    this.#entries.delete(id);
    this.#addLoad(row, -1);
    if (this.#idByName.get(row.name) !== id) return;
    this.#idByName.delete(row.name);
    this.#namesByCollisionKey.delete(collisionKey(row.name));
  }

  #addLoad(row: TopicRow, sign: 1 | -1): void {
    for (const [cell, count] of row.cells) this.#load.set(cell, (this.#load.get(cell) ?? 0) + sign * count);
  }

  /** The defaults behind the topics' own configs have changed. */
  forgetEntries(): void {
    this.#entries.clear();
  }

  /** As clients see it, kept until the row changes. */
  entry(id: TopicId): TopicEntry {
    const known = this.#entries.get(id);
    if (known !== undefined) return known;
    const row = this.#rows.get(id);
    if (row === undefined) throw new Error(`no topic ${id}`);
    const entry = topicEntry(id, row, this.#resolve);
    this.#entries.set(id, entry);
    return entry;
  }
}

export function topicEntry(id: TopicId, row: TopicRow, resolve: ResolveSettings): TopicEntry {
  const partitions = row.cells.flatMap(([cell, count, leaderEpoch]) =>
    Array.from({ length: count }, () => ({ cell, leaderEpoch })),
  );
  return {
    name: row.name,
    id,
    internal: isInternalTopic(row.name),
    partitions: partitions.slice(0, row.visible),
    configs: row.configs,
    effective: resolve(row.configs),
  };
}

export function partitionTotal(cells: readonly CellRun[]): number {
  return cells.reduce((sum, [, count]) => sum + count, 0);
}

/** Of a topic's visible partitions those in the cell. */
export function ledPartitions(
  topicId: TopicId,
  { cells, visible }: TopicRow,
  cell: number,
): (PartitionRef & { readonly leaderEpoch: number })[] {
  const led: (PartitionRef & { readonly leaderEpoch: number })[] = [];
  let partition = 0;
  for (const [runCell, count, leaderEpoch] of cells) {
    for (let i = 0; i < count; i++, partition++) {
      if (runCell === cell && partition < visible) led.push({ topicId, partition, leaderEpoch });
    }
  }
  return led;
}

export function partitionsInCell(id: TopicId, cells: readonly CellRun[], cell: number): PartitionRef[] {
  const refs: PartitionRef[] = [];
  let partition = 0;
  for (const [runCell, count] of cells) {
    for (let i = 0; i < count; i++, partition++) {
      if (runCell === cell) refs.push({ topicId: id, partition });
    }
  }
  return refs;
}
