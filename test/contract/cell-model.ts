/**
 * The rules of a cell as plainly as they can be written: arrays, no journal, no clever columns. The oracle of the property tests over
 * every BatchCoordinator. Time does not pass here, so no producer expires.
 */
import type {
  AbortedTransaction,
  BatchCoordinates,
  BatchResult,
  CommitReply,
  CommitRequest,
  MarkerAnswer,
  MarkerRequest,
  PartitionBounds,
} from "../../core/coordinator.ts";
import { errorCodes } from "../../protocol/errors.ts";

export interface ModelBatch {
  readonly baseOffset: number;
  readonly batch: BatchCoordinates;
  /** `<key>@<position>` in an object, `inline:<first byte>` where records are one repeated byte. */
  readonly place: string;
}

interface ModelProducer {
  epoch: number;
  batches: { readonly baseSequence: number; readonly offsetCount: number; readonly baseOffset: number }[];
  open: { readonly generation: number; readonly firstOffset: number } | undefined;
  /** Of the transaction that ended last. */
  ended: number;
  coordinatorEpoch: number;
}

const transactional = 16;
const markerBytes = 78;

export class ModelPartition {
  readonly batches: ModelBatch[] = [];
  readonly producers = new Map<number, ModelProducer>();
  readonly aborted: AbortedTransaction[] = [];
  logStartOffset = 0;
  nextOffset = 0;

  get bounds(): PartitionBounds {
    const { logStartOffset, nextOffset } = this;
    const begun = [...this.producers.values()].map(({ open }) => open?.firstOffset ?? nextOffset);
    const lastStableOffset = Math.max(logStartOffset, Math.min(nextOffset, ...begun));
    return { logStartOffset, highWatermark: nextOffset, lastStableOffset, leaderEpoch: 0 };
  }

  /** What a reader of [offset, endOffset) must be told. */
  abortedIn(offset: number, endOffset: number): AbortedTransaction[] {
    const overlapping = this.aborted.filter(({ firstOffset, lastOffset }) => lastOffset >= offset && firstOffset < endOffset);
    return overlapping.toSorted((left, right) => left.firstOffset - right.firstOffset);
  }

  mark({ producerId, producerEpoch, coordinatorEpoch, generation, commit }: MarkerRequest): number {
    const known = this.producers.get(producerId);
    if (known !== undefined && coordinatorEpoch < known.coordinatorEpoch) return errorCodes.TRANSACTION_COORDINATOR_FENCED;
    if (known !== undefined && generation <= known.ended) return 0;
    if (known !== undefined && producerEpoch < known.epoch) return errorCodes.INVALID_PRODUCER_EPOCH;
    const lastOffset = this.nextOffset;
    if (known?.open !== undefined && !commit) this.aborted.push({ producerId, firstOffset: known.open.firstOffset, lastOffset });
    const batches = known?.epoch === producerEpoch ? known.batches : [];
    this.producers.set(producerId, { epoch: producerEpoch, batches, open: undefined, ended: generation, coordinatorEpoch });
    const batch = {
      size: markerBytes,
      offsetCount: 1,
      attributes: 48,
      maxTimestamp: 0,
      producerId,
      producerEpoch,
      baseSequence: -1,
    };
    this.batches.push({ baseOffset: lastOffset, batch, place: "inline:0" });
    this.nextOffset += 1;
    return 0;
  }

  /** What a reader from the log's start on may see. */
  get visible(): readonly ModelBatch[] {
    return this.batches.filter(({ baseOffset, batch }) => baseOffset + batch.offsetCount > this.logStartOffset);
  }

  append(batch: BatchCoordinates, place: string): BatchResult {
    const result = (errorCode: number, baseOffset: number, duplicate: boolean): BatchResult => ({
      errorCode,
      baseOffset,
      duplicate,
      logStartOffset: this.logStartOffset,
      logAppendTimeMs: -1,
      leaderEpoch: 0,
    });
    if (batch.producerId >= 0) {
      const known = this.producers.get(batch.producerId);
      const generation = (batch.attributes & transactional) === 0 ? undefined : (batch.transactionGeneration ?? 0);
      if (generation === 0) return result(errorCodes.INVALID_TXN_STATE, -1, false);
      if (known !== undefined) {
        if (batch.producerEpoch < known.epoch) return result(errorCodes.INVALID_PRODUCER_EPOCH, -1, false);
        if (known.open !== undefined && known.open.generation !== generation)
          return result(errorCodes.INVALID_TXN_STATE, -1, false);
        if (generation !== undefined && generation <= known.ended) return result(errorCodes.INVALID_TXN_STATE, -1, false);
        if (batch.producerEpoch === known.epoch) {
          const same = known.batches.find(
            (kept) => kept.baseSequence === batch.baseSequence && kept.offsetCount === batch.offsetCount,
          );
          if (same !== undefined) return result(0, same.baseOffset, true);
          const last = known.batches.at(-1);
          const wanted = last === undefined ? 0 : (last.baseSequence + last.offsetCount) % 2 ** 31;
          if (batch.baseSequence !== wanted) return result(errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER, -1, false);
        } else if (batch.baseSequence !== 0) return result(errorCodes.OUT_OF_ORDER_SEQUENCE_NUMBER, -1, false);
      }
      const kept = { baseSequence: batch.baseSequence, offsetCount: batch.offsetCount, baseOffset: this.nextOffset };
      const open = generation === undefined ? undefined : (known?.open ?? { generation, firstOffset: this.nextOffset });
      if (known === undefined) {
        const producer = { epoch: batch.producerEpoch, batches: [kept], open, ended: 0, coordinatorEpoch: -1 };
        this.producers.set(batch.producerId, producer);
      } else {
        known.batches = known.epoch === batch.producerEpoch ? [...known.batches, kept].slice(-5) : [kept];
        known.epoch = batch.producerEpoch;
        known.open = open;
      }
    }
    const baseOffset = this.nextOffset;
    this.batches.push({ baseOffset, batch, place });
    this.nextOffset += batch.offsetCount;
    return result(0, baseOffset, false);
  }
}

export class CellModel {
  readonly partitions = new Map<string, ModelPartition>();
  readonly #chains = new Map<number, { epoch: number; readonly answers: (readonly BatchResult[])[] }>();

  create(key: string): void {
    if (!this.partitions.has(key)) this.partitions.set(key, new ModelPartition());
  }

  mark(requests: readonly MarkerRequest[]): MarkerAnswer[] {
    return requests.map((request) =>
      request.partitions.map(
        ({ topicId, partition }) =>
          this.partitions.get(`${topicId}/${partition}`)?.mark(request) ?? errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
      ),
    );
  }

  /** Without the cursor, which is the leader's own business. */
  commit(request: CommitRequest): CommitReply | { readonly kind: "committed"; readonly results: readonly BatchResult[] } {
    const { brokerId, brokerEpoch, number } = request;
    const known = this.#chains.get(brokerId);
    if (known !== undefined && brokerEpoch < known.epoch) return { kind: "fenced", brokerEpoch: known.epoch };
    const chain = known?.epoch === brokerEpoch ? known : { epoch: brokerEpoch, answers: [] };
    if (number <= chain.answers.length) return { kind: "committed", results: chain.answers[number - 1]! };
    if (number > chain.answers.length + 1) return { kind: "ahead", expected: chain.answers.length + 1 };
    this.#chains.set(brokerId, chain);
    const results = request.entries.flatMap((entry) => {
      const log = this.partitions.get(`${entry.topicId}/${entry.partition}`);
      let position = entry.byteStart;
      return entry.batches.map((batch): BatchResult => {
        const at = position;
        position += batch.size;
        if (log !== undefined) return log.append(batch, placeOf(request, at));
        const nothing = { baseOffset: -1, duplicate: false, logStartOffset: -1, logAppendTimeMs: -1, leaderEpoch: -1 };
        return { errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, ...nothing };
      });
    });
    chain.answers.push(results);
    return { kind: "committed", results };
  }
}

function placeOf({ source, brokerId, brokerEpoch }: CommitRequest, at: number): string {
  if (source.kind === "inline") return `inline:${source.records[at]}`;
  return `wal/${brokerId}/${brokerEpoch}/${source.sequence}@${at}`;
}
