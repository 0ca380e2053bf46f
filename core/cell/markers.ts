/**
 * The ends of transactions: judged, written as one row for all partitions, applied. A transaction's number is what makes repeating a
 * marker harmless: one that is there already is answered and not written again, and of a transaction that has ended no late batch is
 * taken. As in Kafka, a partition that got a marker but no records before it has one offset more and remembers the producer.
 */
import { errorCodes } from "../../protocol/errors.ts";
import type { AbortedTransaction, MarkerAnswer, MarkerRequest } from "../coordinator.ts";
import { OperatingError } from "../operating-error.ts";
import { AppendedExtents, type Applied } from "./applied.ts";
import type { CellState } from "./cell-state.ts";
import { controlBatchBytes, writeControlBatch } from "./control-batch.ts";
import { entryKind } from "./entry-kind.ts";
import { PackedWriter, type PackedReader } from "./packed-bytes.ts";
import type { PartitionLog } from "./partition-log.ts";

/** As the batch's fields can spell them. */
const epochMax = 0x7fff;
const coordinatorEpochMax = 0x7fffffff;
const numberMax = 2 ** 51;

/** The partitions that get the same bytes. */
interface MarkerGroup {
  readonly request: MarkerRequest;
  readonly stamped: boolean;
  readonly logs: PartitionLog[];
}

interface MarkersRow {
  readonly entry: Uint8Array;
  readonly inline: Uint8Array;
}

export interface MarkersDecision {
  readonly answers: readonly MarkerAnswer[];
  /** Undefined: nothing is to be written. */
  readonly row: MarkersRow | undefined;
}

export function decideMarkers(
  state: CellState,
  requests: readonly MarkerRequest[],
  nowMs: number,
  expirationMs: number,
): MarkersDecision {
  const groups = new MarkerGroups();
  const answers = requests.map((request) => {
    checkMarker(request);
    return request.partitions.map((ref) => {
      const log = state.find(ref);
      if (log === undefined) return errorCodes.UNKNOWN_TOPIC_OR_PARTITION;
      const errorCode = judgeMarker(log, request, nowMs, expirationMs);
      if (errorCode === undefined) groups.add(request, log);
      return errorCode ?? errorCodes.NONE;
    });
  });
  const { list } = groups;
  return { answers, row: list.length === 0 ? undefined : rowOf(list, nowMs, state.newExpirationMs(expirationMs)) };
}

/** What one call is going to write. */
class MarkerGroups {
  readonly list: MarkerGroup[] = [];
  /** By partition and producer: the last transaction that ends with the call. */
  readonly #ended = new Map<PartitionLog, Map<number, number>>();

  /** A call may name a partition twice. */
  add(request: MarkerRequest, log: PartitionLog): void {
    let ended = this.#ended.get(log);
    if (ended === undefined) this.#ended.set(log, (ended = new Map()));
    if (request.generation <= (ended.get(request.producerId) ?? 0)) return;
    ended.set(request.producerId, request.generation);
    this.#group(request, log.settings.timestampType === "LogAppendTime").logs.push(log);
  }

  /** Those of a request are the last ones in the list. */
  #group(request: MarkerRequest, stamped: boolean): MarkerGroup {
    const known = this.list.slice(-2).find((group) => group.request === request && group.stamped === stamped);
    if (known !== undefined) return known;
    const group = { request, stamped, logs: [] };
    this.list.push(group);
    return group;
  }
}

function checkMarker({ producerId, producerEpoch, coordinatorEpoch, generation }: MarkerRequest): void {
  const whole = [producerId, producerEpoch, coordinatorEpoch, generation].every(
    (value) => Number.isSafeInteger(value) && value >= 0,
  );
  const fits = producerId <= numberMax && producerEpoch <= epochMax && coordinatorEpoch <= coordinatorEpochMax;
  if (!(whole && fits && generation > 0)) throw new OperatingError("invalid", "a marker ends a transaction that cannot be");
}

/** Undefined: it is to be written. */
function judgeMarker(log: PartitionLog, request: MarkerRequest, nowMs: number, expirationMs: number): number | undefined {
  const { producers } = log;
  const row = log.producerRow(request.producerId, nowMs, expirationMs);
  if (row < 0) return undefined;
  if (request.coordinatorEpoch < producers.coordinatorEpoch(row)) return errorCodes.TRANSACTION_COORDINATOR_FENCED;
  if (request.generation <= producers.endedGeneration(row)) return errorCodes.NONE;
  return request.producerEpoch < producers.epoch(row) ? errorCodes.INVALID_PRODUCER_EPOCH : undefined;
}

/** The i-th group's bytes are the i-th batch of the row. */
function rowOf(groups: readonly MarkerGroup[], nowMs: number, newExpirationMs: number | undefined): MarkersRow {
  const inline = new Uint8Array(groups.length * controlBatchBytes);
  const out = new PackedWriter(64);
  out.uint(entryKind.markers);
  out.uint(nowMs);
  out.uint(newExpirationMs === undefined ? 0 : newExpirationMs + 1);
  out.uint(groups.length);
  for (const [index, { request, stamped, logs }] of groups.entries()) {
    const { producerId, producerEpoch, coordinatorEpoch, generation, commit } = request;
    out.uint(producerId);
    out.uint(producerEpoch);
    out.uint(coordinatorEpoch);
    out.uint(generation);
    out.uint(commit ? 1 : 0);
    out.uint(logs.length);
    let last = 0;
    for (const { id } of logs) {
      out.int(id - last);
      last = id;
    }
    const bytes = inline.subarray(index * controlBatchBytes, (index + 1) * controlBatchBytes);
    writeControlBatch(bytes, { producerId, producerEpoch, coordinatorEpoch, commit, timestampMs: nowMs, stamped });
  }
  return { entry: out.finish(), inline };
}

type Ending = Omit<MarkerRequest, "partitions">;

export function applyMarkers(state: CellState, reader: PackedReader, sequence: number): Applied {
  const nowMs = reader.uint();
  const newExpiration = reader.uint();
  if (newExpiration > 0) state.producerExpirationMs = newExpiration - 1;
  const groupCount = reader.uint();
  const sourceId = state.sources.nextId;
  const appended = new AppendedExtents(0);
  for (let group = 0; group < groupCount; group++) {
    const ending = {
      producerId: reader.uint(),
      producerEpoch: reader.uint(),
      coordinatorEpoch: reader.uint(),
      generation: reader.uint(),
      commit: reader.uint() === 1,
    };
    let partitionId = 0;
    for (let left = reader.uint(); left > 0; left--) {
      partitionId += reader.int();
      const log = state.partitions.get(partitionId);
      if (log === undefined)
        throw new OperatingError("corrupt", `row ${sequence} ends a transaction in a partition that is not there`);
      const baseOffset = log.nextOffset;
      const byteStart = group * controlBatchBytes;
      log.extents.append(baseOffset, byteStart, controlBatchBytes, sourceId, nowMs);
      log.nextOffset += 1;
      log.noteBatch(baseOffset, nowMs, nowMs);
      const aborted = endTransaction(log, ending, baseOffset, nowMs, state.producerExpirationMs);
      appended.add(log, baseOffset, byteStart, controlBatchBytes, nowMs);
      if (aborted !== undefined) appended.aborts(aborted);
    }
  }
  const source = { kind: "inline", row: sequence, byteLength: groupCount * controlBatchBytes } as const;
  state.sources.add(source, appended.count, source.byteLength);
  state.noteInlineExtents(sequence, appended);
  state.sweepProducers(nowMs);
  return { source, appended: appended.finish() };
}

/** The marker is the log's last offset. Answers what it aborted. */
function endTransaction(
  log: PartitionLog,
  { producerId, producerEpoch, coordinatorEpoch, generation, commit }: Ending,
  markerOffset: number,
  nowMs: number,
  expirationMs: number,
): AbortedTransaction | undefined {
  const { producers } = log;
  const known = log.producerRow(producerId, nowMs, expirationMs);
  const row = known < 0 ? producers.begin(producerId, producerEpoch) : known;
  const wasOpen = producers.openGeneration(row) > 0;
  const firstOffset = producers.firstOffset(row);
  if (producerEpoch > producers.epoch(row)) producers.raiseEpoch(row, producerEpoch);
  log.endTransaction(row, generation, coordinatorEpoch);
  producers.touch(row, nowMs);
  if (commit || !wasOpen) return undefined;
  log.aborted.add(producerId, firstOffset, markerOffset, log.lastStableOffset);
  return { producerId, firstOffset, lastOffset: markerOffset };
}
