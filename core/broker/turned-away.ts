/**
 * Transactional batches that were turned away for the moment, because their coordinator could not say yes yet: those of their producer
 * that were sent right behind them must not be the first in the partition's transaction, where a leader that knows nothing of the producer
 * takes any sequence for the beginning (KIP-890). They are out of order until the turned away one has come again. Bounded: the oldest
 * are forgotten first.
 */
import type { PartitionRef } from "../coordinator.ts";
import type { ProducerIdentity } from "../transaction/requests.ts";

const placesMax = 1000;

interface Place {
  readonly baseSequence: number;
  /** Of the transaction in which the others wait; once it is over nobody waits any more. */
  generation: number | undefined;
}

export class TurnedAway {
  readonly #places = new Map<string, Place>();

  get size(): number {
    return this.#places.size;
  }

  note(producer: ProducerIdentity, ref: PartitionRef, baseSequence: number): void {
    const key = keyOf(producer, ref);
    const known = this.#places.get(key);
    if (known !== undefined && known.baseSequence <= baseSequence) return;
    this.#places.set(key, { baseSequence, generation: undefined });
    for (const oldest of this.#places.keys()) {
      if (this.#places.size <= placesMax) break;
      this.#places.delete(oldest);
    }
  }

  /** Whether an earlier one must come first. When this is the earliest, those behind it need wait no longer. */
  mustWait(producer: ProducerIdentity, ref: PartitionRef, baseSequence: number, generation: number): boolean {
    if (this.#places.size === 0) return false;
    const key = keyOf(producer, ref);
    const place = this.#places.get(key);
    if (place === undefined) return false;
    place.generation ??= generation;
    if (baseSequence > place.baseSequence && generation === place.generation) return true;
    this.#places.delete(key);
    return false;
  }
}

function keyOf({ producerId, producerEpoch }: ProducerIdentity, { topicId, partition }: PartitionRef): string {
  return `${producerId}/${producerEpoch}/${topicId}/${partition}`;
}
