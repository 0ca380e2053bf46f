/**
 * Which partition a record goes to when its sender does not say: by the key's hash as Java does it, and without a key to one partition
 * until its batch is on its way, then to another, so that batches fill.
 */
import { murmur2 } from "./murmur2.ts";

export interface PartitionerInput {
  readonly topic: string;
  /** As bytes. */
  readonly key: Uint8Array | null;
  readonly partitionCount: number;
}

/** Undefined leaves the choice to the sticky partition. */
export type Partitioner = (input: PartitionerInput) => number | undefined;

export const defaultPartitioner: Partitioner = ({ key, partitionCount }) =>
  key === null ? undefined : (murmur2(key) & 0x7fffffff) % partitionCount;

/** Ignores keys. */
export const stickyPartitioner: Partitioner = () => undefined;

export class StickyPartitions {
  readonly #random: () => number;
  readonly #current = new Map<string, number>();

  constructor(random: () => number) {
    this.#random = random;
  }

  get(topic: string, partitionCount: number): number {
    const current = this.#current.get(topic);
    if (current !== undefined && current < partitionCount) return current;
    const chosen = Math.floor(this.#random() * partitionCount);
    this.#current.set(topic, chosen);
    return chosen;
  }

  /** A batch of the partition has left: the next goes elsewhere. */
  left(topic: string, partition: number): void {
    if (this.#current.get(topic) === partition) this.#current.delete(topic);
  }
}
