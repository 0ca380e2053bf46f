/**
 * What coordinators have told a broker about partitions in transactions (KIP-890), so that it asks once a transaction and not once a
 * batch. From transaction version 2 on each transaction has its own epoch; in version 1 the word may outlive its transaction, and the
 * leader's refusal of the old number, or the end that passes through here, brings the new one. Bounded: who was heard of longest ago
 * is forgotten first.
 */
import type { PartitionRef } from "../coordinator.ts";
import type { ProducerIdentity } from "../transaction/requests.ts";

const partitionsMax = 50_000;

interface Verified {
  readonly producerEpoch: number;
  readonly generation: number;
  readonly partitions: Set<string>;
}

export class VerifiedPartitions {
  /** By producer id, in the order of their last news. */
  readonly #producers = new Map<number, Verified>();
  readonly #partitionsMax: number;
  #size = 0;

  constructor(max = partitionsMax) {
    this.#partitionsMax = max;
  }

  get size(): number {
    return this.#size;
  }

  /** The number of the transaction that the partition is part of, if this broker knows. */
  generation({ producerId, producerEpoch }: ProducerIdentity, ref: PartitionRef): number | undefined {
    const verified = this.#producers.get(producerId);
    return verified?.producerEpoch === producerEpoch && verified.partitions.has(keyOf(ref)) ? verified.generation : undefined;
  }

  /** The number of the transaction that was last heard of; perhaps it has ended since. */
  lastGeneration({ producerId, producerEpoch }: ProducerIdentity): number | undefined {
    const verified = this.#producers.get(producerId);
    return verified?.producerEpoch === producerEpoch ? verified.generation : undefined;
  }

  add({ producerId, producerEpoch }: ProducerIdentity, generation: number, refs: readonly PartitionRef[]): void {
    let verified = this.#producers.get(producerId);
    if (verified === undefined || verified.producerEpoch !== producerEpoch || verified.generation !== generation) {
      if (verified !== undefined && isNewer(verified, { producerEpoch, generation })) return;
      this.forget(producerId);
      verified = { producerEpoch, generation, partitions: new Set() };
    } else this.#producers.delete(producerId);
    this.#producers.set(producerId, verified);
    const before = verified.partitions.size;
    for (const ref of refs) verified.partitions.add(keyOf(ref));
    this.#size += verified.partitions.size - before;
    for (const [oldest] of this.#producers) {
      if (this.#size <= this.#partitionsMax) break;
      this.forget(oldest);
    }
  }

  /** Its transaction is over, or was another than this broker believed. */
  forget(producerId: number): void {
    this.#size -= this.#producers.get(producerId)?.partitions.size ?? 0;
    this.#producers.delete(producerId);
  }
}

/** An answer that was overtaken says less than what is known. */
function isNewer(known: Verified, told: Pick<Verified, "producerEpoch" | "generation">): boolean {
  return known.generation > told.generation || (known.generation === told.generation && known.producerEpoch > told.producerEpoch);
}

function keyOf({ topicId, partition }: PartitionRef): string {
  return `${topicId}/${partition}`;
}
