/**
 * Which write-ahead objects of a cluster may be deleted (D12). An object belongs to as many cells as it has parts, so no cell alone
 * can know; the controller asks all. No object has a row: of every broker epoch it is remembered below which sequence all are gone.
 *
 * A round begins when a leader has let go of such objects, or when a broker got a new epoch:
 * 1. Every broker says its epoch and the sequence below which nothing of it will be committed any more. One that has no epoch (it sleeps)
 *    is given the next one on its behalf, so that whatever its last one has on the way is over.
 * 2. Every cell refuses all epochs but the newest of each broker, durably, and then says what it still refers to.
 * 3. What nobody needs by then nobody will ever need: nothing of an epoch that is over can be committed anywhere (cells that come later
 *    are told the epochs with their first partitions), nor anything below the floor of a living one. It is remembered.
 * 4. After the grace of fetches that may still read it (I6), it is deleted: sequence by sequence where the end is known, by listing where
 *    an epoch that is over has no reference left.
 * A crash anywhere begins the round, or the deletion, again: both may happen twice.
 */
import type { BrokerIdentity, ReferencedEpoch } from "../coordinator.ts";
import { putRow, walGarbageKey, type RowChange } from "./controller-rows.ts";

/** What may be deleted of one broker epoch: sequences from `from` up to but not including `below`; null: all there are. */
export interface DoomedRange extends BrokerIdentity {
  readonly from: number;
  readonly below: number | null;
}

export interface BrokerFloor {
  readonly brokerId: number;
  /** Undefined: it writes under no epoch at present. */
  readonly brokerEpoch: number | undefined;
  readonly floor: number;
}

interface BrokerMarks {
  /** Epochs below are over, and all their objects are gone. */
  readonly firstEpoch: number;
  /** By epoch: objects of lower sequences are gone; null: all are. */
  readonly below: Readonly<Record<string, number | null>>;
  /** An epoch that was taken on the broker's behalf: nobody writes under it. */
  readonly unused?: number;
}

interface WalGarbageRow {
  /** Something was let go since the last round began. */
  readonly asked: boolean;
  readonly marks: Readonly<Record<string, BrokerMarks>>;
  readonly doomed?: { readonly atMs: number; readonly ranges: readonly DoomedRange[] };
}

export interface Survey {
  readonly floors: ReadonlyMap<number, BrokerFloor>;
  readonly fences: readonly BrokerIdentity[];
}

const noMarks: BrokerMarks = { firstEpoch: 1, below: {} };

export class WalGarbage {
  #row: WalGarbageRow = { asked: false, marks: {} };
  readonly #graceMs: number;

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  load(value: string): void {
    this.#row = JSON.parse(value) as WalGarbageRow;
  }

  /** Somebody has let go of objects. */
  ask(): readonly RowChange[] {
    return this.#row.asked ? [] : this.#set({ ...this.#row, asked: true });
  }

  /** When the next step is due: a round, or the deletion of what one found. Undefined: nothing is to be done. */
  dueMs(nowMs: number): number | undefined {
    const { asked, doomed } = this.#row;
    if (doomed !== undefined) return doomed.atMs + this.#graceMs;
    return asked ? nowMs : undefined;
  }

  /** Which broker epochs are taken on their brokers' behalf, so that those before are over. */
  silent(epochs: ReadonlyMap<number, number>, floors: readonly BrokerFloor[]): readonly number[] {
    return floors
      .filter(({ brokerId, brokerEpoch }) => {
        const newest = epochs.get(brokerId);
        return newest !== undefined && brokerEpoch !== newest && this.#marksOf(brokerId).unused !== newest;
      })
      .map(({ brokerId }) => brokerId);
  }

  /** The newest epoch of each broker, after those of silent ones were raised. */
  survey(epochs: ReadonlyMap<number, number>, floors: readonly BrokerFloor[], raised: readonly number[]): Survey {
    const marks = { ...this.#row.marks };
    for (const brokerId of raised) marks[brokerId] = { ...this.#marksOf(brokerId), unused: epochs.get(brokerId)! };
    // Whatever is let go from here on asks for another round; in the row this one is asked for until it has ended.
    this.#row = { ...this.#row, asked: false, marks };
    return {
      floors: new Map(floors.map((floor) => [floor.brokerId, floor])),
      fences: [...epochs].map(([brokerId, brokerEpoch]) => ({ brokerId, brokerEpoch })),
    };
  }

  /** Somebody did not answer. */
  surveyFailed(): void {
    this.#row = { ...this.#row, asked: true };
  }

  /** Every cell has fenced and answered. */
  surveyed({ floors, fences }: Survey, referenced: readonly ReferencedEpoch[], nowMs: number): readonly RowChange[] {
    const lowest = new Map<string, number>();
    for (const { brokerId, brokerEpoch, sequence } of referenced) {
      const key = `${brokerId}/${brokerEpoch}`;
      lowest.set(key, Math.min(sequence, lowest.get(key) ?? Infinity));
    }
    const ranges: DoomedRange[] = [];
    for (const { brokerId, brokerEpoch: newest } of fences) {
      const { firstEpoch, below: gone } = this.#marksOf(brokerId);
      for (let brokerEpoch = firstEpoch; brokerEpoch <= newest; brokerEpoch++) {
        const from = gone[brokerEpoch] === undefined ? 1 : gone[brokerEpoch]!;
        if (from === null) continue;
        const needed = lowest.get(`${brokerId}/${brokerEpoch}`) ?? null;
        const below = brokerEpoch === newest ? newestLimit(floors.get(brokerId), newest, needed) : needed;
        if (below === null || below > from) ranges.push({ brokerId, brokerEpoch, from, below });
      }
    }
    const { asked, marks } = this.#row;
    return this.#set({ asked, marks, ...(ranges.length > 0 && { doomed: { atMs: nowMs, ranges } }) });
  }

  /** Nobody needs these, and they may be gone at any time. */
  get doomed(): readonly DoomedRange[] {
    return this.#row.doomed?.ranges ?? [];
  }

  /** To be deleted now, in this order. */
  due(nowMs: number): readonly DoomedRange[] {
    const { doomed } = this.#row;
    return doomed !== undefined && doomed.atMs + this.#graceMs <= nowMs ? doomed.ranges : [];
  }

  /** The first of the ranges is gone, up to `below`; null: all of it. */
  deleted(range: DoomedRange, below: number | null): readonly RowChange[] {
    const { asked, marks, doomed } = this.#row;
    const known = this.#marksOf(range.brokerId);
    const changed = tidied({ ...known, below: { ...known.below, [range.brokerEpoch]: below } });
    const rest = doomed!.ranges.slice(1);
    const ranges = below === range.below ? rest : [{ ...range, from: below! }, ...rest];
    return this.#set({
      asked,
      marks: { ...marks, [range.brokerId]: changed },
      ...(ranges.length > 0 && { doomed: { atMs: doomed!.atMs, ranges } }),
    });
  }

  #marksOf(brokerId: number): BrokerMarks {
    return this.#row.marks[brokerId] ?? noMarks;
  }

  #set(row: WalGarbageRow): readonly RowChange[] {
    this.#row = row;
    return [putRow(walGarbageKey, row)];
  }
}

/** Nothing of a broker that did not say its floor; all of an epoch that nobody writes under may wait until it is over. */
function newestLimit(floor: BrokerFloor | undefined, newest: number, needed: number | null): number {
  if (floor === undefined || floor.brokerEpoch !== newest) return 0;
  return Math.min(floor.floor, needed ?? Infinity);
}

/** Epochs that are gone one after the other need not be named. */
function tidied({ firstEpoch, below, ...rest }: BrokerMarks): BrokerMarks {
  let first = firstEpoch;
  const left = { ...below };
  while (left[first] === null) {
    delete left[first];
    first += 1;
  }
  return { ...rest, firstEpoch: first, below: left };
}
