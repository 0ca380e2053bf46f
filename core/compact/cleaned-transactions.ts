/**
 * What a compaction must know of transactions while it goes through a log in the order of offsets: which batches are aborted, and which
 * markers nobody needs, because no batch of their transaction is left. The rules of Kafka's CleanedTransactionMetadata.
 */
import type { BatchHeader } from "../../kernel/interface.ts";
import { attributeMask } from "../../kernel/batch-layout.ts";
import type { AbortedTransaction, SeenTransactions } from "../coordinator.ts";

export const noneSeen: SeenTransactions = { committed: [], aborted: [] };

/** Kafka's ControlRecordType; "empty": a control batch whose record has gone. */
export type ControlType = "commit" | "abort" | "empty" | "other";

export class CleanedTransactions {
  /** By first offset. */
  readonly #ahead: readonly AbortedTransaction[];
  #next = 0;
  readonly #aborted = new Map<number, { readonly transaction: AbortedTransaction; isSeen: boolean }>();
  readonly #committed: Set<number>;
  readonly #seenBefore: Set<number>;
  readonly #fromOffset: number;
  /** Markers' offsets of aborted transactions without a batch. */
  readonly forgotten: number[] = [];

  /** From an offset on, with what was seen below it. */
  constructor(fromOffset: number, aborted: readonly AbortedTransaction[], seen: SeenTransactions) {
    this.#fromOffset = fromOffset;
    this.#ahead = aborted
      .filter(({ lastOffset }) => lastOffset >= fromOffset)
      .sort((left, right) => left.firstOffset - right.firstOffset);
    this.#committed = new Set(seen.committed);
    this.#seenBefore = new Set(seen.aborted);
  }

  /** Of the transactions that are under way here. */
  get seen(): SeenTransactions {
    const aborted = [...this.#aborted].filter(([, { isSeen }]) => isSeen).map(([producerId]) => producerId);
    return { committed: [...this.#committed], aborted };
  }

  #comeTo(offset: number): void {
    for (let next = this.#ahead[this.#next]; next !== undefined && next.firstOffset <= offset; next = this.#ahead[this.#next]) {
      this.#next += 1;
      if (this.#aborted.has(next.producerId)) continue;
      const isSeen = next.firstOffset < this.#fromOffset && this.#seenBefore.has(next.producerId);
      this.#aborted.set(next.producerId, { transaction: next, isSeen });
    }
  }

  /** Whether the records of the batch were aborted. */
  batchIsAborted({ baseOffset, offsetCount, attributes, producerId }: BatchHeader): boolean {
    this.#comeTo(baseOffset + offsetCount - 1);
    if ((attributes & attributeMask.transactional) === 0) return false;
    const aborted = this.#aborted.get(producerId);
    if (aborted === undefined) {
      this.#committed.add(producerId);
      return false;
    }
    aborted.isSeen = true;
    return true;
  }

  /** Whether nothing that the marker ended is left. */
  markerIsNeedless({ baseOffset, offsetCount, producerId }: BatchHeader, type: ControlType): boolean {
    this.#comeTo(baseOffset + offsetCount - 1);
    if (type === "commit") return !this.#committed.delete(producerId);
    if (type !== "abort") return type === "empty";
    const ended = this.#aborted.get(producerId);
    this.#aborted.delete(producerId);
    if (ended === undefined) return true;
    if (!ended.isSeen) this.forgotten.push(ended.transaction.lastOffset);
    return !ended.isSeen;
  }
}
