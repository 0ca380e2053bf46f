/** Inline records that nobody can read any more: what they count for, and when their rows go. */
import { expect, test } from "vitest";
import { JournalUpkeep } from "../../../core/cell/journal-upkeep.ts";
import { MemoryCoordinator, MemoryRows } from "../../../core/cell/memory-coordinator.ts";
import { settingDefaults } from "../../../core/settings.ts";
import { Chain, createTime, plain, short } from "../../contract/commits.ts";

const topicId = "5f0c9a52-6d7b-4a51-9d0e-0a1b2c3d4e5f";
const at = (partition: number) => ({ topicId, partition });

async function begin(inlineBytesMax = 1000): Promise<{ coordinator: MemoryCoordinator; chain: Chain; rows: MemoryRows }> {
  const rows = new MemoryRows();
  const coordinator = new MemoryCoordinator({ rows, settings: { ...settingDefaults, "inline.bytes.max": inlineBytesMax } });
  await coordinator.createPartitions([at(0), at(1)], createTime);
  return { coordinator, chain: new Chain(), rows };
}

const inlineRows = (rows: MemoryRows) => [...rows.journal.values()].filter(({ inline }) => inline !== undefined).length;

test("[D4] inline-full is one byte beyond the limit, and deleting records makes room", async () => {
  const { coordinator, chain } = await begin();
  expect(short(await coordinator.commit(chain.inline([[at(0), [plain(1, { size: 900 })]]])))).toBe("o0");
  expect(short(await coordinator.commit(chain.inline([[at(0), [plain(1, { size: 100 })]]])))).toBe("o1");
  const refused = chain.inline([[at(0), [plain(1, { size: 61 })]]]);
  expect(await coordinator.commit(refused)).toEqual({ kind: "inline-full" });
  await coordinator.deleteRecords([{ ...at(0), beforeOffset: 1 }]);
  expect(coordinator.cell.inlineBytes).toBe(100);
  expect(short(await coordinator.commit(refused))).toBe("o2");
});

test("[D4] a row counts whole until the last of its extents has gone", async () => {
  const { coordinator, chain, rows } = await begin();
  await coordinator.commit(
    chain.inline([
      [at(0), [plain(2)]],
      [at(1), [plain(2)]],
    ]),
  );
  coordinator.takeSnapshot();
  const steps: readonly (readonly [partition: number, beforeOffset: number, inlineBytes: number])[] = [
    [0, 1, 200],
    [0, 2, 200],
    [1, 1, 200],
    [1, 2, 0],
  ];
  for (const [partition, beforeOffset, inlineBytes] of steps) {
    await coordinator.deleteRecords([{ ...at(partition), beforeOffset }]);
    expect([coordinator.cell.inlineBytes, inlineRows(rows)]).toEqual([inlineBytes, inlineBytes === 0 ? 0 : 1]);
  }
});

test("records that got no offset are not kept", async () => {
  const { coordinator, chain, rows } = await begin();
  expect(short(await coordinator.commit(chain.inline([[at(7), [plain()]]])))).toBe("e3");
  expect([coordinator.cell.inlineBytes, inlineRows(rows)]).toEqual([0, 0]);
});

test.each(["before", "after"])("a deleted topic's rows go at once where a snapshot covers them, and %s a restart", async (when) => {
  const { coordinator, chain, rows } = await begin(10_000);
  for (let count = 0; count < 5; count++) await coordinator.commit(chain.inline([[at(0), [plain()]]]));
  coordinator.takeSnapshot();
  expect(inlineRows(rows)).toBe(5);
  const last = when === "before" ? coordinator : new MemoryCoordinator({ rows });
  await last.deletePartitions(topicId);
  expect(inlineRows(rows)).toBe(0);
});

test("[D6] rows that no snapshot covers stay until one does, for a start needs them", async () => {
  const { coordinator, chain, rows } = await begin(10_000);
  for (let count = 0; count < 5; count++) await coordinator.commit(chain.inline([[at(0), [plain()]]]));
  await coordinator.deletePartitions(topicId);
  expect(inlineRows(rows)).toBe(5);
  const restarted = new MemoryCoordinator({ rows });
  expect(restarted.cell.snapshot()).toEqual(coordinator.cell.snapshot());
  restarted.takeSnapshot();
  expect(rows.journal.size).toBe(0);
});

test("[I7] a leader that died before it had deleted a dead row finds it at its next start", async () => {
  const { coordinator, chain, rows } = await begin(10_000);
  for (let count = 0; count < 5; count++) await coordinator.commit(chain.inline([[at(count % 2), [plain()]]]));
  const kept = [...rows.journal];
  await coordinator.deleteRecords([{ ...at(0), beforeOffset: 3 }]);
  coordinator.takeSnapshot();
  expect(inlineRows(rows)).toBe(2);
  for (const [sequence, row] of kept) if (row.inline !== undefined) rows.journal.set(sequence, row);
  const restarted = new MemoryCoordinator({ rows });
  await restarted.commit(chain.object([[at(0), [plain()]]]));
  expect(inlineRows(rows)).toBe(2);
  expect(restarted.cell.findBatches([{ ...at(1), offset: 0, maxBytes: 1e6 }]).results[0]!.extents).toHaveLength(2);
});

test("many dead rows are deleted a part at a time", () => {
  const upkeep = new JournalUpkeep();
  for (let row = 1; row <= 10; row++) upkeep.released({ kind: "inline", row, byteLength: 1 });
  expect(upkeep.takeDeadRows(100)).toEqual([]);
  upkeep.snapshotWritten(10, 0);
  const taken = [1, 2, 3].flatMap(() => upkeep.takeDeadRows(4));
  expect(taken.toSorted((left, right) => left - right)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

const due: readonly (readonly [what: string, make: (upkeep: JournalUpkeep) => void, isDue: boolean])[] = [
  ["1 MiB of entries", (upkeep) => upkeep.applied(1024 * 1024), false],
  ["more than 1 MiB of entries", (upkeep) => upkeep.applied(1024 * 1024 + 1), true],
  [
    "more than 1 MiB of entries, less than the last snapshot",
    (upkeep) => (upkeep.snapshotWritten(1, 2e6), upkeep.applied(2e6)),
    false,
  ],
  ["more entries than the last snapshot", (upkeep) => (upkeep.snapshotWritten(1, 2e6), upkeep.applied(2e6 + 1)), true],
  ["10 000 rows", (upkeep) => Array.from({ length: 10_000 }, () => upkeep.applied(1)), false],
  ["more than 10 000 rows", (upkeep) => Array.from({ length: 10_001 }, () => upkeep.applied(1)), true],
  ["4 MiB that nobody can read", (upkeep) => upkeep.released({ kind: "inline", row: 1, byteLength: 4 * 1024 * 1024 }), false],
  [
    "more than 4 MiB that nobody can read",
    (upkeep) => upkeep.released({ kind: "inline", row: 1, byteLength: 4 * 1024 * 1024 + 1 }),
    true,
  ],
];

test.each(due)("[D6] after %s a snapshot is due or not", (_, make, isDue) => {
  const upkeep = new JournalUpkeep();
  make(upkeep);
  expect(upkeep.snapshotDue).toBe(isDue);
  upkeep.snapshotWritten(5, 0);
  expect(upkeep.snapshotDue).toBe(false);
});
