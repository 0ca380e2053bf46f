/**
 * What a leader does for the deletion of objects (D12): it deletes those of its own cell a while after their last extent has gone, and
 * tells the controller which write-ahead objects it still needs, once it has refused the broker epochs that are over for good: after
 * that nothing deleted can be committed late.
 */
import type { BrokerIdentity, ReferencedEpoch } from "../coordinator.ts";
import { OperatingError } from "../operating-error.ts";
import type { CellState } from "./cell-state.ts";
import { entryKind } from "./entry-kind.ts";
import { PackedWriter, type PackedReader } from "./packed-bytes.ts";
import { keysOf } from "./sources.ts";

/** R2's limit for one delete, a class of operation that costs nothing. */
const keysPerBatch = 1000;

export interface DueGarbage {
  /** So many of the oldest. */
  readonly count: number;
  readonly keys: readonly string[];
}

/** Asked and decided here; the rows are written and applied as all others are. */
export class Collection {
  readonly #state: CellState;
  readonly #cell: number;
  readonly #graceMs: number;

  constructor(state: CellState, cell: number, graceMs: number) {
    this.#state = state;
    this.#cell = cell;
    this.#graceMs = graceMs;
  }

  get count(): number {
    return this.#state.garbage.count;
  }

  /** When the cell's own objects may next be deleted; undefined: none is garbage. */
  get dueMs(): number | undefined {
    const { oldest } = this.#state.garbage;
    return oldest && oldest.sinceMs + this.#graceMs;
  }

  /** What to delete now, at most one delete's worth; then `collected`. */
  due(nowMs: number): DueGarbage {
    const keys: string[] = [];
    let count = 0;
    for (const { source } of this.#state.garbage.due(nowMs - this.#graceMs, keysPerBatch)) {
      const more = keysOf(source, this.#cell);
      if (keys.length + more.length > keysPerBatch) break;
      keys.push(...more);
      count += 1;
    }
    return { count, keys };
  }

  /** The oldest `count` are deleted. */
  collected(count: number): PackedWriter {
    const out = new PackedWriter();
    out.uint(entryKind.collected);
    out.uint(count);
    return out;
  }

  /** Lower epochs of these brokers commit nothing any more. Undefined: they are refused already. */
  fence(fences: readonly BrokerIdentity[]): PackedWriter | undefined {
    const { brokers } = this.#state;
    const news = fences.filter(({ brokerId, brokerEpoch }) => brokerEpoch > (brokers.get(brokerId)?.brokerEpoch ?? 0));
    if (news.length === 0) return undefined;
    const out = new PackedWriter();
    out.uint(entryKind.fence);
    out.uint(news.length);
    for (const { brokerId, brokerEpoch } of news) {
      out.uint(brokerId);
      out.uint(brokerEpoch);
    }
    return out;
  }

  /** The write-ahead objects that are needed here: those from these sequences on. */
  referenced(): readonly ReferencedEpoch[] {
    return this.#state.sources.lowestReferenced();
  }

  /** Of these keys those of objects that are referred to, or that will be deleted from here, or that a merger may be writing. */
  holds(keys: readonly string[]): readonly string[] {
    const { sources, garbage, claim } = this.#state;
    const held = new Set<string>(sources.objects().flatMap((source) => keysOf(source, this.#cell)));
    for (const { source } of garbage) for (const key of keysOf(source, this.#cell)) held.add(key);
    if (claim !== undefined) for (const key of keysOf(claim, this.#cell)) held.add(key);
    return keys.filter((key) => held.has(key));
  }

  /** When the controller wants to hear that write-ahead objects were let go; undefined: it knows. */
  get releaseDueMs(): number | undefined {
    const { walReleasedMs } = this.#state;
    // Not at once: a merge is seldom alone, and the controller asks everybody.
    return walReleasedMs < 0 ? undefined : walReleasedMs + this.#graceMs / 4;
  }

  /** How many have been let go since the start. */
  get releases(): number {
    return this.#state.walReleases;
  }

  /** The controller has heard of this many. Undefined: there have been more. */
  released(releases: number): PackedWriter | undefined {
    if (releases !== this.#state.walReleases) return undefined;
    const out = new PackedWriter();
    out.uint(entryKind.releaseTold);
    return out;
  }
}

export function applyCollected(state: CellState, reader: PackedReader): void {
  const count = reader.uint();
  if (count > state.garbage.count) throw new OperatingError("corrupt", "a journal row deletes objects that are not garbage");
  state.garbage.drop(count);
}

export function applyFence(state: CellState, reader: PackedReader): void {
  for (let left = reader.uint(); left > 0; left--) {
    const brokerId = reader.uint();
    state.brokers.set(brokerId, { brokerEpoch: reader.uint(), lastNumber: 0, answers: [] });
  }
}
