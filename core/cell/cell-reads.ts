/** What a leader answers from memory: extents by offset and by time, bounds, ends of epochs. Changes nothing. */
import type {
  EpochEndAnswer,
  EpochEndQuery,
  Extent,
  FindRequest,
  FindResult,
  OffsetAnswer,
  OffsetQuery,
  OffsetSpec,
  PartitionBounds,
} from "../coordinator.ts";
import { errorCodes } from "../../protocol/errors.ts";
import type { CellState } from "./cell-state.ts";
import type { StoredExtent } from "./extent-log.ts";
import type { PartitionLog } from "./partition-log.ts";
import { keyOf, type Source } from "./sources.ts";

type TimeSpec = Extract<OffsetSpec, { readonly kind: "timestamp" | "max-timestamp" }>;

/** The inline bytes of a journal row. */
export type ReadRow = (row: number) => Uint8Array;

/** A broker keeps no more of one look-up; inline extents are read from a row each. */
const foundExtentsMax = 512;
const noBounds: PartitionBounds = { logStartOffset: -1, highWatermark: -1, lastStableOffset: -1, leaderEpoch: -1 };

export function extentOf(
  stored: Omit<StoredExtent, "source">,
  leaderEpoch: number,
  source: Source,
  cell: number,
  readRow: ReadRow,
): Extent {
  const { baseOffset, nextOffset, byteStart, byteLength, maxTimestamp } = stored;
  return {
    baseOffset,
    nextOffset,
    byteLength,
    maxTimestamp,
    leaderEpoch,
    ...(source.kind === "compacted" && { compacted: true }),
    source:
      source.kind === "inline"
        ? // A copy: the row's bytes are shared, and who gets these writes offsets into them.
          { kind: "inline", records: readRow(source.row).slice(byteStart, byteStart + byteLength) }
        : {
            kind: "object",
            key: keyOf(source, cell),
            byteStart,
          },
  };
}

export class CellReads {
  readonly #state: CellState;
  readonly #cell: number;
  readonly #readRow: ReadRow;
  #last: { readonly row: number; readonly records: Uint8Array } | undefined;

  constructor(state: CellState, cell: number, readRow: ReadRow) {
    this.#state = state;
    this.#cell = cell;
    this.#readRow = (row) => {
      // Extents of many partitions lie in one row.
      if (this.#last?.row !== row) this.#last = { row, records: readRow(row) };
      return this.#last.records;
    };
  }

  find(request: FindRequest): FindResult {
    const { topicId, partition, offset, maxBytes } = request;
    const log = this.#state.find(request);
    const nothing = { topicId, partition, extents: [], abortedTransactions: [] };
    if (log === undefined) return { ...nothing, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, bounds: noBounds };
    const { bounds } = log;
    if (!(offset >= log.logStartOffset && offset <= log.nextOffset)) {
      return { ...nothing, errorCode: errorCodes.OFFSET_OUT_OF_RANGE, bounds };
    }
    const extents: Extent[] = [];
    let bytes = 0;
    if (offset < log.nextOffset) {
      log.extents.scan(offset, log.nextOffset, (extent) => {
        extents.push(this.#extent(log, extent));
        bytes += extent.byteLength;
        return bytes < maxBytes && extents.length < foundExtentsMax;
      });
    }
    const end = extents.at(-1)?.nextOffset ?? offset;
    return { ...nothing, errorCode: 0, bounds, extents, abortedTransactions: log.aborted.overlapping(offset, end) };
  }

  offsetOf(query: OffsetQuery): OffsetAnswer {
    const { topicId, partition, spec } = query;
    const log = this.#state.find(query);
    const base = { topicId, partition, offset: -1, extents: [] };
    if (log === undefined) {
      return { ...base, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, leaderEpoch: -1, bounds: noBounds };
    }
    const { bounds, leaderEpoch } = log;
    const found = { ...base, errorCode: 0, leaderEpoch, bounds };
    if (spec.kind === "earliest") return { ...found, offset: bounds.logStartOffset };
    if (spec.kind === "latest") return { ...found, offset: spec.readCommitted ? bounds.lastStableOffset : bounds.highWatermark };
    return { ...found, extents: extentsOfTime(log, spec).map((extent) => this.#extent(log, extent)) };
  }

  epochEnd({ topicId, partition, leaderEpoch }: EpochEndQuery): EpochEndAnswer {
    const log = this.#state.find({ topicId, partition });
    if (log === undefined) {
      return { topicId, partition, errorCode: errorCodes.UNKNOWN_TOPIC_OR_PARTITION, leaderEpoch: -1, endOffset: -1 };
    }
    return { topicId, partition, errorCode: 0, ...log.epochEnd(leaderEpoch) };
  }

  #extent(log: PartitionLog, stored: StoredExtent): Extent {
    return extentOf(stored, log.epochAt(stored.baseOffset), this.#state.sources.get(stored.source), this.#cell, this.#readRow);
  }
}

/**
 * Where the record asked for may be. An extent that the log's start cuts through may hold it only below the start, so then the next
 * candidate goes along.
 */
function extentsOfTime(log: PartitionLog, spec: TimeSpec): readonly StoredExtent[] {
  const { extents, logStartOffset, nextOffset } = log;
  const best = (from: number): StoredExtent | undefined =>
    spec.kind === "timestamp" ? extents.firstWithTime(spec.timestamp, nextOffset, from) : extents.latestTime(nextOffset, from);
  const first = best(logStartOffset);
  if (first === undefined) return [];
  const second = first.baseOffset < logStartOffset ? best(first.nextOffset) : undefined;
  return second === undefined ? [first] : [first, second];
}
