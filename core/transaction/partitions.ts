/**
 * The partitions of one transaction, by the cell that leads them: markers go out one call a cell, so that is how they are kept, in
 * memory and in the row.
 */
import type { PartitionRef, TopicId } from "../coordinator.ts";
import type { TransactionPartition } from "./admission.ts";

/** As it lies in the row: cell, then topics with their partitions. */
export type PartitionsRow = readonly (readonly [cell: number, topics: readonly (readonly [TopicId, readonly number[]])[]])[];

/** A topic's id and the signs around it, a cell's number where there is but one topic of it. */
const topicRowBytes = 60;

export class TransactionPartitions {
  readonly #cells = new Map<number, Map<TopicId, Set<number>>>();
  #rowBytes = 0;

  static of(list: readonly TransactionPartition[]): TransactionPartitions {
    const partitions = new TransactionPartitions();
    for (const partition of list) partitions.add(partition);
    return partitions;
  }

  static fromRow(row: PartitionsRow): TransactionPartitions {
    const partitions = new TransactionPartitions();
    for (const [cell, topics] of row) {
      for (const [topicId, indexes] of topics) {
        for (const partition of indexes) partitions.add({ cell, topicId, partition });
      }
    }
    return partitions;
  }

  toRow(): PartitionsRow {
    return Array.from(this.#cells, ([cell, topics]) => [
      cell,
      Array.from(topics, ([topicId, partitions]) => [topicId, [...partitions]] as const),
    ]);
  }

  get isEmpty(): boolean {
    return this.#cells.size === 0;
  }

  /** What they take in the row, or a little less than that. */
  get rowBytes(): number {
    return this.#rowBytes;
  }

  get cells(): readonly number[] {
    return [...this.#cells.keys()];
  }

  /** False when it was there already. */
  add({ cell, topicId, partition }: TransactionPartition): boolean {
    if (this.has({ topicId, partition })) return false;
    let topics = this.#cells.get(cell);
    if (topics === undefined) this.#cells.set(cell, (topics = new Map()));
    let partitions = topics.get(topicId);
    if (partitions === undefined) {
      topics.set(topicId, (partitions = new Set()));
      this.#rowBytes += topicRowBytes;
    }
    partitions.add(partition);
    this.#rowBytes += String(partition).length + 1;
    return true;
  }

  has({ topicId, partition }: PartitionRef): boolean {
    for (const topics of this.#cells.values()) if (topics.get(topicId)?.has(partition) === true) return true;
    return false;
  }

  ofCell(cell: number): readonly PartitionRef[] {
    return Array.from(this.#cells.get(cell) ?? [], ([topicId, partitions]) =>
      Array.from(partitions, (partition) => ({ topicId, partition })),
    ).flat();
  }

  /** Only those that these cells lead. */
  inCells(cells: readonly number[]): TransactionPartitions {
    const some = new TransactionPartitions();
    for (const cell of cells) for (const ref of this.ofCell(cell)) some.add({ cell, ...ref });
    return some;
  }

  /** For those who look at the transaction. */
  byTopic(): ReadonlyMap<TopicId, readonly number[]> {
    const topics = new Map<TopicId, number[]>();
    for (const cell of this.#cells.values()) {
      for (const [topicId, partitions] of cell) topics.set(topicId, [...(topics.get(topicId) ?? []), ...partitions]);
    }
    return topics;
  }
}
