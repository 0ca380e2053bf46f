/**
 * Idempotent producers whose first batch to a partition failed here because a broker epoch ended. The leader knows no such producer, and
 * lets one that it does not know begin at any sequence: a later batch, which its client had sent before it heard of the failure, would
 * be taken in the next epoch, and the first one never again. So nothing else of the producer is taken until the first has come again:
 * clients send it before what follows, or give it up in two minutes (Java's `delivery.timeout.ms`). Bounded: who failed longest ago is
 * forgotten first.
 */
import type { AppendItem } from "./interface.ts";

const producersMax = 10_000;
const rememberedMs = 120_000;

export class FailedFirsts {
  /** When they failed, in that order. */
  readonly #failedAt = new Map<string, number>();
  readonly #max: number;

  constructor(max = producersMax) {
    this.#max = max;
  }

  note(item: AppendItem, now: number): void {
    const key = keyOf(item);
    if (key === undefined || !isFirst(item)) return;
    this.#failedAt.delete(key);
    this.#failedAt.set(key, now);
    for (const [oldest, failedAt] of this.#failedAt) {
      if (this.#failedAt.size <= this.#max && now < failedAt + rememberedMs) break;
      this.#failedAt.delete(oldest);
    }
  }

  /** False while the producer's first batch is missing; true for that one, and for whatever comes after it. */
  admits(item: AppendItem, now: number): boolean {
    const key = this.#failedAt.size === 0 ? undefined : keyOf(item);
    const failedAt = key === undefined ? undefined : this.#failedAt.get(key);
    if (key === undefined || failedAt === undefined) return true;
    if (!isFirst(item) && now < failedAt + rememberedMs) return false;
    this.#failedAt.delete(key);
    return true;
  }
}

function isFirst({ batches }: AppendItem): boolean {
  return batches[0]?.baseSequence === 0;
}

function keyOf({ topicId, partition, batches }: AppendItem): string | undefined {
  const { producerId, producerEpoch } = batches[0] ?? { producerId: -1, producerEpoch: -1 };
  return producerId < 0 ? undefined : `${topicId} ${partition} ${producerId} ${producerEpoch}`;
}
