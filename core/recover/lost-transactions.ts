/**
 * What is known of transactions whose markers may be lost with their cell: by the markers that are left, then by their coordinators. A
 * transaction that nobody can tell about any more counts as committed: to lose what was acknowledged would be worse than to show what
 * was taken back (decision 11).
 */
import type { PartitionRef } from "../coordinator.ts";
import type { TransactionDescription } from "../transaction/requests.ts";

export type Ending =
  | { readonly kind: "open"; readonly generation: number }
  | { readonly kind: "ended"; readonly commit: boolean; readonly known: boolean };

export interface Marker {
  readonly producerEpoch: number;
  readonly commit: boolean;
}

/** What a coordinator answered: a producer id belongs to one transactional id. */
export type KnownTransaction = TransactionDescription;

export class LostTransactions {
  readonly #byProducer: ReadonlyMap<number, KnownTransaction>;

  constructor(known: readonly KnownTransaction[]) {
    this.#byProducer = new Map(known.map((transaction) => [transaction.producerId, transaction]));
  }

  /** How the transaction ended that wrote with this epoch into the partition. `last`: the producer's last marker that is left there. */
  endingOf(ref: PartitionRef, producerId: number, producerEpoch: number, last: Marker | undefined): Ending {
    const known = this.#byProducer.get(producerId);
    if (known !== undefined && isOpen(known, ref, producerEpoch)) return { kind: "open", generation: known.generation };
    const isCompleted = known?.state === "CompleteCommit" || known?.state === "CompleteAbort";
    const isEnding = known?.state === "PrepareCommit" || known?.state === "PrepareAbort";
    if (known !== undefined && (isCompleted || isEnding) && endsEpoch(known.producerEpoch, producerEpoch)) {
      return { kind: "ended", commit: known.state === "CompleteCommit" || known.state === "PrepareCommit", known: true };
    }
    if (last !== undefined && endsEpoch(last.producerEpoch, producerEpoch))
      return { kind: "ended", commit: last.commit, known: true };
    return { kind: "ended", commit: true, known: false };
  }

  /** The last of the producer's transactions that has ended: no batch of it is taken any more. */
  endedGeneration(producerId: number): number {
    const known = this.#byProducer.get(producerId);
    if (known === undefined) return 0;
    return known.state === "CompleteCommit" || known.state === "CompleteAbort"
      ? known.generation
      : Math.max(0, known.generation - 1);
  }
}

/** In version 2 an end raises the epoch. */
function endsEpoch(markerEpoch: number, producerEpoch: number): boolean {
  return markerEpoch === producerEpoch || markerEpoch === producerEpoch + 1;
}

/** Its coordinator has yet to write the marker here. */
function isOpen(known: KnownTransaction, { topicId, partition }: PartitionRef, producerEpoch: number): boolean {
  const isPart = known.topics.some((topic) => topic.topicId === topicId && topic.partitions.includes(partition));
  if (!isPart) return false;
  if (known.state === "Ongoing") return known.producerEpoch === producerEpoch;
  return (known.state === "PrepareCommit" || known.state === "PrepareAbort") && endsEpoch(known.producerEpoch, producerEpoch);
}
