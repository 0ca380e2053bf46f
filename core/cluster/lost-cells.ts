/**
 * Cells whose leaders have lost their rows (decision 11): their numbers are never used again, as keys, cursors and chains of before would
 * come back with them. Says what becomes of the topics that lie in them.
 */
import type { TopicId } from "../coordinator.ts";
import { lostCellsKey, putRow, type RowChange, type TopicRow } from "./controller-rows.ts";
import type { CellRun } from "./placement.ts";
import { ledPartitions } from "./topic-table.ts";

type Topics = Iterable<readonly [TopicId, TopicRow]>;
type Moved = readonly [id: TopicId, row: Omit<TopicRow, "version">];

export class LostCells {
  #cells: readonly number[] = [];

  get all(): readonly number[] {
    return this.#cells;
  }

  load(value: string): void {
    this.#cells = JSON.parse(value) as number[];
  }

  add(cell: number): readonly RowChange[] {
    if (this.#cells.includes(cell)) return [];
    this.#cells = [...this.#cells, cell];
    return [putRow(lostCellsKey, this.#cells)];
  }

  /** Whether the cell's leader must know that it has led partitions, though they may all be on their way out. */
  hasLed(cell: number, topics: Topics): boolean {
    return this.#cells.includes(cell) || [...topics].some(([id, row]) => ledPartitions(id, row, cell).length > 0);
  }
}

/** Everything of the lost cell is led by the other from here on, in a new leader epoch (D5). */
export function ledInstead(topics: Topics, lost: number, to: number): Iterable<Moved> {
  const everything = (): boolean => true;
  return movedFrom(topics, lost, everything, ([, count, leaderEpoch]) => [[to, count, leaderEpoch + 1]]);
}

/** What was on its way to the lost cell, and has nothing there yet, goes elsewhere. Each is placed when it is asked for. */
export function placedElsewhere(topics: Topics, lost: number, place: (count: number) => readonly CellRun[]): Iterable<Moved> {
  const hasNothing = (id: TopicId, row: TopicRow): boolean => ledPartitions(id, row, lost).length === 0;
  return movedFrom(topics, lost, hasNothing, ([, count]) => place(count));
}

function* movedFrom(
  topics: Topics,
  lost: number,
  isMoved: (id: TopicId, row: TopicRow) => boolean,
  move: (run: CellRun) => readonly CellRun[],
): Generator<Moved> {
  for (const [id, row] of topics) {
    const isThere = row.state !== "deleting" && row.cells.some(([cell]) => cell === lost);
    if (!isThere || !isMoved(id, row)) continue;
    yield [id, { ...row, cells: row.cells.flatMap((run) => (run[0] === lost ? move(run) : [run])), pending: true }];
  }
}
