/**
 * What the bucket has of one lost partition (D9, decision 11). Batches of merged objects and segments have their offsets: of several
 * claims to an offset the newest counts, which is told first. Write-ahead batches have none; those that were merged are told apart by
 * what is under their CRC, or by their producer's sequence.
 */
import { attributeMask } from "../../kernel/batch-layout.ts";
import { extentBytesMax } from "../merge/extent-bytes.ts";
import { batchesKept, type KeptBatch } from "../cell/producer-table.ts";
import type { FoundBatch } from "./batch-scan.ts";
import { Coverage } from "./coverage.ts";
import type { RebuiltExtent } from "./recovered.ts";

export interface WaitingBatch {
  readonly batch: FoundBatch;
  readonly source: number;
  readonly position: number;
  readonly writtenMs: number;
}

export interface TransactionEvent {
  readonly offset: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  /** Undefined: records. */
  readonly marker: FoundBatch["marker"];
}

export interface FoundProducer {
  readonly epoch: number;
  readonly lastUsedMs: number;
  /** The last of its epoch. */
  readonly batches: readonly KeptBatch[];
}

interface Waiting extends WaitingBatch {
  isMerged: boolean;
}

export class Findings {
  readonly #coverage = new Coverage();
  readonly #extents: RebuiltExtent[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #waitingByIdentity = new Map<string, Waiting[]>();
  readonly #events: TransactionEvent[] = [];
  /** By producer, with the run that it was found in. */
  readonly #lastEvents = new Map<number, { readonly run: number; readonly event: TransactionEvent }>();
  /** Batches of one object without an offset between that lies elsewhere. */
  readonly #run = { number: 0, source: -1, nextOffset: -1 };
  /** The last batch of a segment. */
  readonly #segment = { source: -1, end: -1, nextOffset: -1 };
  readonly #producers = new Map<number, FoundProducer>();
  readonly #epochStarts = new Map<number, number>();
  #duplicates = 0;

  /** A batch of a write-ahead object, in the order in which they are to stand in the log. All of them come before those that are kept. */
  wait(batch: FoundBatch, source: number, position: number, writtenMs: number): void {
    const identity = identityOf(batch);
    const same = this.#waitingByIdentity.get(identity);
    if (same !== undefined && batch.baseSequence >= 0) {
      this.#duplicates += 1;
      return;
    }
    const waiting = { batch, source, position, writtenMs, isMerged: false };
    this.#waiting.push(waiting);
    if (same === undefined) this.#waitingByIdentity.set(identity, [waiting]);
    else same.push(waiting);
  }

  /** A batch with its final offset: objects come newest first, the batches of one in the order of offsets. */
  keep(batch: FoundBatch, source: number, position: number, isSegment = false): void {
    const { baseOffset, offsetCount, size, maxTimestamp, leaderEpoch } = batch;
    const nextOffset = baseOffset + offsetCount;
    if (isSegment) this.#passOver(source, position, baseOffset);
    if (isSegment) Object.assign(this.#segment, { source, end: position + size, nextOffset });
    if (this.#coverage.overlaps(baseOffset, nextOffset)) return;
    this.#coverage.add(baseOffset, nextOffset);
    if (this.#run.source !== source || this.#run.nextOffset !== baseOffset) this.#run.number += 1;
    Object.assign(this.#run, { source, nextOffset });
    const waiting = this.#waitingByIdentity.get(identityOf(batch))?.find(({ isMerged }) => !isMerged);
    if (waiting !== undefined) {
      waiting.isMerged = true;
      this.#duplicates += 1;
    }
    appendExtent(this.#extents, { baseOffset, nextOffset, source, byteStart: position, byteLength: size, maxTimestamp });
    this.#epochStarts.set(leaderEpoch, Math.min(baseOffset, this.#epochStarts.get(leaderEpoch) ?? baseOffset));
    if (batch.producerId < 0) return;
    this.#noteProducer(batch);
    if ((batch.attributes & attributeMask.transactional) !== 0) this.#noteTransaction(batch);
  }

  /** What a segment leaves out between two batches was compacted: no older object brings it back. */
  #passOver(source: number, position: number, baseOffset: number): void {
    const last = this.#segment;
    const isNext = last.source === source && last.end === position;
    if (isNext && baseOffset > last.nextOffset) this.#coverage.add(last.nextOffset, baseOffset);
  }

  #noteProducer({ producerId, producerEpoch, baseSequence, offsetCount, baseOffset, maxTimestamp }: FoundBatch): void {
    const known = this.#producers.get(producerId);
    const lastUsedMs = Math.max(maxTimestamp, known?.lastUsedMs ?? 0);
    if (known !== undefined && producerEpoch < known.epoch) return;
    const former = known?.epoch === producerEpoch ? known.batches : [];
    const batches = baseSequence < 0 ? former : newest([...former, { baseSequence, offsetCount, baseOffset }]);
    this.#producers.set(producerId, { epoch: producerEpoch, lastUsedMs, batches });
  }

  /** Of records with no marker between them the first are enough. */
  #noteTransaction({ baseOffset, producerId, producerEpoch, marker }: FoundBatch): void {
    const last = this.#lastEvents.get(producerId);
    const areRecords = marker === undefined && last?.run === this.#run.number && last.event.marker === undefined;
    if (areRecords && last.event.producerEpoch === producerEpoch) return;
    const event = { offset: baseOffset, producerId, producerEpoch, marker };
    this.#events.push(event);
    this.#lastEvents.set(producerId, { run: this.#run.number, event });
  }

  /** By offset. */
  extents(): readonly RebuiltExtent[] {
    return this.#extents.sort((left, right) => left.baseOffset - right.baseOffset);
  }

  /** By offset. */
  events(): readonly TransactionEvent[] {
    return this.#events.sort((left, right) => left.offset - right.offset);
  }

  /** Those that no merged object has. */
  waiting(): readonly WaitingBatch[] {
    return this.#waiting.filter(({ isMerged }) => !isMerged);
  }

  get producers(): ReadonlyMap<number, FoundProducer> {
    return this.#producers;
  }

  get epochStarts(): ReadonlyMap<number, number> {
    return this.#epochStarts;
  }

  get duplicates(): number {
    return this.#duplicates;
  }
}

/** What a batch is, wherever it lies: offset and leader epoch are not under its CRC. */
function identityOf({ producerId, producerEpoch, baseSequence, offsetCount, crc, size }: FoundBatch): string {
  return baseSequence >= 0 ? `${producerId}/${producerEpoch}/${baseSequence}/${offsetCount}` : `${crc}:${size}`;
}

export function newest(batches: readonly KeptBatch[]): readonly KeptBatch[] {
  return [...batches].sort((left, right) => left.baseOffset - right.baseOffset).slice(-batchesKept);
}

/** Neighbours in log and object are one extent. */
export function appendExtent(extents: RebuiltExtent[], extent: RebuiltExtent): void {
  const last = extents.at(-1);
  const isNext =
    last?.source === extent.source &&
    last.nextOffset === extent.baseOffset &&
    last.byteStart + last.byteLength === extent.byteStart &&
    last.byteLength + extent.byteLength <= extentBytesMax;
  if (last === undefined || !isNext) {
    extents.push(extent);
    return;
  }
  last.nextOffset = extent.nextOffset;
  last.byteLength += extent.byteLength;
  last.maxTimestamp = Math.max(last.maxTimestamp, extent.maxTimestamp);
}
