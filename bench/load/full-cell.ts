/**
 * A cell as full as the default allows, with 800 000 extents: what its snapshot takes, and how long a leader needs to start from that and
 * from a journal as long as a journal gets before the next snapshot.
 */
import { Cell } from "../../core/cell/cell.ts";
import type { JournalRow } from "../../core/cell/cell.ts";
import { settingDefaults } from "../../core/settings.ts";
import { packCommit } from "../../durable-objects/leader-wire.ts";
import type { Row } from "../row.ts";
import { median } from "../statistics.ts";
import { cellOf, commit, commitOf } from "./cells.ts";

const partitionCount = settingDefaults["cell.partitions.max"];

function started(chunks: readonly Uint8Array[], rows: readonly JournalRow[]): { readonly cell: Cell; readonly ms: number } {
  const inlineRows = { read: (): Uint8Array => new Uint8Array(0) };
  const begun = performance.now();
  const cell = new Cell({ cell: 0, settings: settingDefaults, inlineRows });
  if (chunks.length > 0) cell.restore(chunks, () => []);
  for (const row of rows) cell.applyRow(row, false);
  return { cell, ms: performance.now() - begun };
}

/** As the leader writes it, but for the rows; the first step freezes the state. */
function snapshotInSteps(cell: Cell): { readonly chunks: readonly Uint8Array[]; readonly times: readonly number[] } {
  const chunks: Uint8Array[] = [];
  const times: number[] = [];
  const timed = <Result>(work: () => Result): Result => {
    const begun = performance.now();
    const result = work();
    times.push(performance.now() - begun);
    return result;
  };
  timed(() => cell.beginSnapshot());
  for (;;) {
    const step = timed(() => cell.stepSnapshot());
    if (step?.kind === "piece") chunks[step.index] = step.data;
    if (step?.kind !== "last") continue;
    chunks[0] = step.first;
    return { chunks, times };
  }
}

/** A batch of every partition in each of so many commits. */
export function fullCellRows(commits: number, usedBytes: () => number): Row[] {
  const usedBefore = usedBytes();
  const cell = cellOf(partitionCount);
  for (let number = 1; number <= commits; number++) {
    commit(cell, packCommit(commitOf(number, partitionCount, partitionCount, true)));
  }
  const used = usedBytes() - usedBefore;
  const extents = cell.extentCount;
  const { chunks, times } = snapshotInSteps(cell);
  const snapshotBytes = chunks.reduce((sum, { length }) => sum + length, 0);
  const rows: JournalRow[] = [];
  for (let number = commits + 1, bytes = 0; bytes < snapshotBytes; number++) {
    const row = commit(cell, packCommit(commitOf(number, partitionCount, partitionCount, true)));
    rows.push(row);
    bytes += row.entry.byteLength;
  }
  const fromSnapshot = started(chunks, []);
  const fromBoth = started(chunks, rows);
  if (fromBoth.cell.cursor !== cell.cursor || fromBoth.cell.extentCount !== cell.extentCount)
    throw new Error("a start lost something");
  const name = `a cell of ${partitionCount} partitions and ${extents} extents`;
  return [
    { name: `${name}: memory, all that it holds`, value: used / 1e6, unit: "MB", budget: { of: "value", atMost: 64 } },
    { name: `${name}: its snapshot`, value: snapshotBytes / 1e6, unit: "MB" },
    { name: `${name}: a step of its snapshot, p50`, value: median(times), unit: "ms", budget: { of: "value", atMost: 5 } },
    { name: `${name}: the longest step of its snapshot`, value: Math.max(...times), unit: "ms" },
    { name: `${name}: steps of its snapshot`, value: times.length, unit: "" },
    { name: `${name}: start from its snapshot`, value: fromSnapshot.ms, unit: "ms" },
    { name: `${name}: start from that and ${rows.length} rows, the longest journal`, value: fromBoth.ms, unit: "ms" },
  ];
}
