/**
 * Retention: which records of a cell are too old or too many (retention.ms, retention.bytes). As Kafka with segments it lets go of
 * whole extents from the log's beginning: one goes when its latest record is older than the limit, or when what remains without it is
 * still as large as the limit. Extents roll by themselves, so the newest is like any other: a log that nobody writes to ends empty.
 * Looked for at times, in steps of bounded work, by the leader's alarm.
 */
import type { CellState } from "./cell-state.ts";
import type { PartitionLog } from "./partition-log.ts";

/** Let go of in one step: one or two milliseconds. */
export const extentsPerStep = 10_000;

function deletes({ settings }: PartitionLog): boolean {
  const { cleanupPolicy, retentionMs, retentionBytes } = settings;
  return (cleanupPolicy === "delete" || cleanupPolicy === "compact,delete") && (retentionMs >= 0 || retentionBytes >= 0);
}

/** When the log's oldest extent goes, as things are; undefined: never. */
export function retentionDueMs(log: PartitionLog): number | undefined {
  if (log.extents.count === 0 || !deletes(log)) return undefined;
  const { retentionMs, retentionBytes } = log.settings;
  if (retentionBytes >= 0 && log.extents.byteLength - log.extents.first(log.nextOffset)!.byteLength >= retentionBytes) return 0;
  if (retentionMs < 0) return undefined;
  // Records without a time go with those after them that have one.
  const dated = log.extents.firstWithTime(0, log.nextOffset);
  return dated === undefined ? undefined : dated.maxTimestamp + retentionMs + 1;
}

/** Where the log begins once what is due has gone, after at most `extentsMax` extents. */
function startAfter(log: PartitionLog, nowMs: number, extentsMax: number): { readonly offset: number; readonly extents: number } {
  const { retentionMs, retentionBytes } = log.settings;
  let remaining = log.extents.byteLength;
  let offset = log.logStartOffset;
  let extents = 0;
  let visited = 0;
  log.extents.forEachWhile((nextOffset, byteLength, maxTimestamp) => {
    if (visited >= extentsMax) return false;
    const tooMany = retentionBytes >= 0 && remaining - byteLength >= retentionBytes;
    const isDated = maxTimestamp >= 0;
    const tooOld = retentionMs >= 0 && isDated && nowMs - maxTimestamp > retentionMs;
    if (!tooMany && !tooOld && (isDated || retentionMs < 0)) return false;
    visited += 1;
    remaining -= byteLength;
    if (tooMany || tooOld) {
      offset = nextOffset;
      extents = visited;
    }
    return true;
  }, log.nextOffset);
  return { offset, extents };
}

/** When to look, and at whom next. Nothing of it is durable: a leader that starts again looks again. */
export class Retention {
  readonly #state: CellState;
  readonly #intervalMs: number;
  /** As of the last look. */
  #dueMs: number | undefined = undefined;
  #lookedMs = -Infinity;
  /** Something has changed since the last look. */
  #stale = true;
  /** The last step left something to do. */
  #more = false;
  /** The partition whose turn is next, by number. */
  #turn = 0;

  constructor(state: CellState, intervalMs: number) {
    this.#state = state;
    this.#intervalMs = intervalMs;
  }

  changed(): void {
    this.#stale = true;
  }

  /**
   * When the next step wants to be made. Looks at all partitions, but not more often than the interval, as Kafka does: a cell that is
   * written to is looked at again an interval later, one at rest when its next extent goes, one without limits or records never.
   */
  dueMs(nowMs: number): number | undefined {
    if (this.#more) return nowMs;
    if (!this.#stale) return this.#dueMs;
    const againMs = this.#lookedMs + this.#intervalMs;
    if (nowMs < againMs) return this.#isLimited() ? againMs : undefined;
    this.#stale = false;
    this.#lookedMs = nowMs;
    this.#dueMs = undefined;
    for (const log of this.#state.partitions.values()) {
      const due = retentionDueMs(log);
      if (due !== undefined && (this.#dueMs === undefined || due < this.#dueMs)) this.#dueMs = due;
    }
    return this.#dueMs;
  }

  #isLimited(): boolean {
    for (const log of this.#state.partitions.values()) if (log.extents.count > 0 && deletes(log)) return true;
    return false;
  }

  /** Where logs begin after one bounded step; the partitions take turns. */
  step(nowMs: number): ReadonlyMap<PartitionLog, number> {
    const starts = new Map<PartitionLog, number>();
    const logs = [...this.#state.partitions.values()];
    const first = Math.max(
      0,
      logs.findIndex(({ id }) => id >= this.#turn),
    );
    let extentsLeft = extentsPerStep;
    for (let index = 0; index < logs.length && extentsLeft > 0; index++) {
      const log = logs[(first + index) % logs.length]!;
      if (!((retentionDueMs(log) ?? Infinity) <= nowMs)) continue;
      const { offset, extents } = startAfter(log, nowMs, extentsLeft);
      if (extents > 0) starts.set(log, offset);
      extentsLeft -= extents;
      this.#turn = log.id + 1;
    }
    this.#more = extentsLeft <= 0;
    this.#stale = true;
    this.#lookedMs = nowMs;
    return starts;
  }
}
