/** Short ways to write commits down in tests of coordinators. */
import type {
  BatchCoordinates,
  BatchResult,
  CommitEntry,
  CommitReply,
  CommitRequest,
  MarkerRequest,
  PartitionRef,
} from "../../core/coordinator.ts";

/** Whose records never become a segment by their age: they say times of long ago. */
export const createTime = { timestampType: "CreateTime", segmentMs: 2 ** 51 } as const;

export function plain(offsetCount = 1, more: Partial<BatchCoordinates> = {}): BatchCoordinates {
  const producer = { producerId: -1, producerEpoch: -1, baseSequence: -1 };
  return { size: 100, offsetCount, attributes: 0, maxTimestamp: 1000, ...producer, ...more };
}

export function from(producerId: number, baseSequence: number, offsetCount = 1, producerEpoch = 0): BatchCoordinates {
  return plain(offsetCount, { producerId, producerEpoch, baseSequence });
}

/** A transactional batch. */
export function within(generation: number, producerId: number, baseSequence: number, producerEpoch = 0): BatchCoordinates {
  return plain(1, { producerId, producerEpoch, baseSequence, attributes: 16, transactionGeneration: generation });
}

export function ends(
  generation: number,
  producerId: number,
  partitions: readonly PartitionRef[],
  more: Partial<MarkerRequest> = {},
): MarkerRequest {
  return { producerId, producerEpoch: 0, coordinatorEpoch: 0, generation, commit: true, partitions, ...more };
}

/** Entries one behind the other, as a broker lays them out (D7). */
export function entriesOf(parts: readonly (readonly [PartitionRef, readonly BatchCoordinates[]])[]): CommitEntry[] {
  let byteStart = 0;
  return parts.map(([{ topicId, partition }, batches]) => {
    const entry = { topicId, partition, byteStart, batches };
    byteStart += batches.reduce((sum, { size }) => sum + size, 0);
    return entry;
  });
}

export function byteLengthOf(entries: readonly CommitEntry[]): number {
  return entries.reduce(
    (end, { byteStart, batches }) =>
      Math.max(
        end,
        batches.reduce((sum, { size }) => sum + size, byteStart),
      ),
    0,
  );
}

/** One broker epoch's chain, which numbers its commits and objects by itself. */
export class Chain {
  readonly brokerId: number;
  readonly brokerEpoch: number;
  #number = 0;

  constructor(brokerId = 0, brokerEpoch = 1) {
    this.brokerId = brokerId;
    this.brokerEpoch = brokerEpoch;
  }

  /** Goes on before the last number, which was not taken. */
  again(): Chain {
    const chain = new Chain(this.brokerId, this.brokerEpoch);
    chain.#number = this.#number - 1;
    return chain;
  }

  object(parts: readonly (readonly [PartitionRef, readonly BatchCoordinates[]])[]): CommitRequest {
    const entries = entriesOf(parts);
    return this.#request({ kind: "object", sequence: this.#number + 101, byteLength: byteLengthOf(entries) }, entries);
  }

  /** All records are the byte `fill`. */
  inline(parts: readonly (readonly [PartitionRef, readonly BatchCoordinates[]])[], fill = 7): CommitRequest {
    const entries = entriesOf(parts);
    return this.#request({ kind: "inline", records: new Uint8Array(byteLengthOf(entries)).fill(fill) }, entries);
  }

  #request(source: CommitRequest["source"], entries: readonly CommitEntry[]): CommitRequest {
    this.#number += 1;
    return { brokerId: this.brokerId, brokerEpoch: this.brokerEpoch, number: this.#number, source, entries };
  }
}

export function resultsOf(reply: CommitReply): readonly BatchResult[] {
  if (reply.kind !== "committed") throw new Error(`not committed but ${reply.kind}`);
  return reply.results;
}

/** `o5` at offset 5, `d5` a duplicate of what is there, `e45` refused. */
export function short(reply: CommitReply): string {
  return resultsOf(reply)
    .map(({ errorCode, duplicate, baseOffset }) => (errorCode !== 0 ? `e${errorCode}` : `${duplicate ? "d" : "o"}${baseOffset}`))
    .join(" ");
}
