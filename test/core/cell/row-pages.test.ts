/** Memory that the tables of a cell share: no two have the same, what is given back is used again, and it comes as zeroes. */
import { expect, test } from "vitest";
import { ProducerTable } from "../../../core/cell/producer-table.ts";
import { RowPages } from "../../../core/cell/row-pages.ts";

test("[I3] producers of one partition are told apart from those of others, however many come and go", () => {
  const pages = new RowPages();
  const tables = Array.from({ length: 40 }, () => new ProducerTable(pages));
  const model = tables.map(() => new Map<number, number>());
  let seed = 7;
  const below = (limit: number): number => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return seed % limit;
  };
  for (let step = 0; step < 20_000; step++) {
    const index = below(tables.length);
    const [table, known] = [tables[index]!, model[index]!];
    if (below(200) === 0) {
      const odd = below(2);
      table.removeWhere((row) => table.producerId(row) % 2 === odd);
      for (const id of known.keys()) if (id % 2 === odd) known.delete(id);
      continue;
    }
    const producerId = below(index === 0 ? 1000 : 24);
    const found = table.rowOf(producerId);
    expect(found >= 0).toBe(known.has(producerId));
    const row = found >= 0 ? found : table.begin(producerId, 0);
    if (found < 0) expect([table.batchCount(row), table.openGeneration(row), table.lastUsedMs(row)]).toEqual([0, 0, 0]);
    table.addBatch(row, step, 1, step * 10);
    known.set(producerId, step);
  }
  for (const [index, table] of tables.entries()) {
    expect(table.count).toBe(model[index]!.size);
    for (const [producerId, step] of model[index]!) {
      const row = table.rowOf(producerId);
      expect(table.batch(row, table.batchCount(row) - 1)).toEqual({ baseSequence: step, offsetCount: 1, baseOffset: step * 10 });
    }
  }
});

test("what is given back is taken again before more memory is", () => {
  const pages = new RowPages();
  const first = pages.take(17);
  first.page.cells.fill(1, first.start, first.start + 17);
  pages.giveBack(first);
  const second = pages.take(17);
  expect([second.page, second.start]).toEqual([first.page, first.start]);
  expect([...second.page.cells.subarray(second.start, second.start + 17)]).toEqual(Array.from({ length: 17 }, () => 0));
  expect(pages.take(17).start).not.toBe(second.start);
});

test("a large table has memory of its own, which goes with it", () => {
  const pages = new RowPages();
  const block = pages.take(17 * 10_000);
  expect([block.start, block.page.cells.length]).toEqual([0, 17 * 10_000]);
  pages.giveBack(block);
  expect(pages.take(17 * 10_000).page).not.toBe(block.page);
});
