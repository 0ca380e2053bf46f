/** Rows that nobody needs are written over, never one that somebody needs, and what waits for that is bounded. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { JournalSlots } from "../../../core/cell/journal-slots.ts";

test("[D6] a steady stream of changes with snapshots needs no more rows than it holds at most", () => {
  const slots = new JournalSlots();
  const used = new Set<number>();
  for (let sequence = 1; sequence <= 1000; sequence++) {
    used.add(slots.take(sequence, 100, false).slot);
    if (sequence % 100 === 0) slots.covered(Infinity);
  }
  expect(used.size).toBe(100);
  expect(slots.takeSurplus(1000)).toEqual([]);
});

test("[I7] no row that is held is ever given to another change, through starts too", () => {
  const step = fc.record({
    what: fc.constantFrom("take", "take-inline", "release", "cover", "restart"),
    pick: fc.nat(1000),
    bytes: fc.integer({ min: 0, max: 2_000_000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      let slots = new JournalSlots();
      /** What the table holds, and which of it is needed. */
      const table = new Map<number, { sequence: number; bytes: number; isInline: boolean }>();
      const held = new Map<number, { slot: number; isInline: boolean }>();
      let sequence = 0;
      for (const { what, pick, bytes } of steps) {
        if (what === "take" || what === "take-inline") {
          const isInline = what === "take-inline";
          sequence += 1;
          const { slot, isUsed } = slots.take(sequence, bytes, isInline);
          expect(isUsed).toBe(table.has(slot));
          expect([...held.values()].map((row) => row.slot)).not.toContain(slot);
          table.set(slot, { sequence, bytes, isInline });
          held.set(sequence, { slot, isInline });
        } else if (what === "release" && held.size > 0) {
          const gone = [...held.keys()][pick % held.size]!;
          slots.release(gone);
          held.delete(gone);
        } else if (what === "cover") {
          slots.covered(Infinity);
          for (const [row, { isInline }] of held) if (!isInline) held.delete(row);
        } else if (what === "restart") {
          slots = new JournalSlots();
          const rows = [...table].sort(([, left], [, right]) => left.sequence - right.sequence);
          for (const [slot, row] of rows) slots.load(slot, row.sequence, row.bytes, row.isInline);
          for (const [, row] of rows) if (!held.has(row.sequence)) slots.release(row.sequence);
        }
        for (const slot of slots.takeSurplus(50)) {
          expect([...held.values()].map((row) => row.slot)).not.toContain(slot);
          table.delete(slot);
        }
        for (const [row, { slot }] of held) expect(slots.slotOf(row)).toBe(slot);
        expect(slots.heldCount).toBe(held.size);
        expect(slots.heldCount + slots.freeCount).toBe(table.size);
        const freeBytes = [...table].reduce((sum, [, row]) => sum + (held.has(row.sequence) ? 0 : row.bytes), 0);
        expect(freeBytes).toBeLessThanOrEqual(8 * 1024 * 1024);
      }
    }),
    { numRuns: 300 },
  );
});
