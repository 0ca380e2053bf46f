/** Producers that a partition forgets: when they count as strangers, and that their memory comes back (producer.id.expiration.ms). */
import { expect, test } from "vitest";
import { Cell } from "../../../core/cell/cell.ts";
import { MemoryCoordinator, MemoryRows } from "../../../core/cell/memory-coordinator.ts";
import { settingDefaults } from "../../../core/settings.ts";
import { Chain, createTime, ends, from, plain, short, within } from "../../contract/commits.ts";

const topicId = "5f0c9a52-6d7b-4a51-9d0e-0a1b2c3d4e5f";
const at = (partition: number) => ({ topicId, partition });
const settings = { ...settingDefaults, "producer.id.expiration.ms": 1000 };

class Life {
  nowMs = 10_000;
  readonly rows = new MemoryRows();
  readonly chain = new Chain();
  coordinator = this.restart();

  restart(): MemoryCoordinator {
    this.coordinator = new MemoryCoordinator({ rows: this.rows, settings, now: () => this.nowMs });
    return this.coordinator;
  }

  send(batches: readonly ReturnType<typeof plain>[], partition = 0): string {
    return short(this.coordinator.commitNow(this.chain.object([[at(partition), batches]])));
  }
}

async function begin(partitions: number): Promise<Life> {
  const life = new Life();
  await life.coordinator.createPartitions(
    Array.from({ length: partitions }, (_, partition) => at(partition)),
    createTime,
  );
  return life;
}

const silences: readonly (readonly [what: string, ms: number, batch: ReturnType<typeof plain>, answer: string])[] = [
  ["just short of the time it is known: its duplicate is one", 999, from(1, 0), "d0"],
  ["just short of the time it is known: a gap is one", 999, from(1, 7), "e45"],
  ["just short of the time it is known: a higher epoch that does not begin at 0 is refused", 999, from(1, 1, 1, 1), "e45"],
  ["after the time it may begin anywhere", 1000, from(1, 7), "o1"],
  ["after the time what was a duplicate is new", 1000, from(1, 0), "o1"],
];

test.each(silences)("[I3] a silent producer, %s", async (_, ms, batch, answer) => {
  for (const restart of [false, true]) {
    const life = await begin(1);
    expect(life.send([from(1, 0)])).toBe("o0");
    life.nowMs += ms;
    if (restart) life.restart();
    expect(life.send([batch])).toBe(answer);
  }
});

test("[I3] a duplicate does not keep a producer alive, an append does", async () => {
  const life = await begin(1);
  life.send([from(1, 0)]);
  life.nowMs += 600;
  expect(life.send([from(1, 0)])).toBe("d0");
  life.nowMs += 600;
  expect(life.send([from(1, 5)])).toBe("o1");
  life.nowMs += 600;
  expect(life.send([from(1, 6)])).toBe("o2");
  life.nowMs += 600;
  expect(life.send([from(1, 8)])).toBe("e45");
});

test("[I7] rows are judged by the expiration they were written under, whatever it is at the start", async () => {
  const life = await begin(1);
  life.send([from(1, 0)]);
  life.nowMs += 2000;
  expect(life.send([from(1, 9)])).toBe("o1");
  const longer = { ...settings, "producer.id.expiration.ms": 10_000 };
  const other = new MemoryCoordinator({ rows: life.rows, settings: longer, now: () => life.nowMs });
  expect(other.cell.snapshot()).toEqual(life.coordinator.cell.snapshot());
  life.nowMs += 2000;
  expect(short(other.commitNow(life.chain.object([[at(0), [from(1, 9)]]])))).toBe("d1");
});

test("[I8] expired producers are freed from quiet partitions too, as long as the cell commits anything", async () => {
  const life = await begin(20);
  for (let partition = 0; partition < 20; partition++) life.send([from(1, 0), from(2, 0)], partition);
  expect(life.coordinator.cell.producerCount).toBe(40);
  life.nowMs += 1000;
  for (let count = 0; count < 20; count++) life.send([plain()]);
  expect(life.coordinator.cell.producerCount).toBe(0);
});

test("[I3] [I8] 10 000 producers of one partition are all remembered, by a restart too, and all freed", async () => {
  const life = await begin(1);
  const each = (sequence: number) => Array.from({ length: 10_000 }, (_, id) => from(id, sequence));
  life.send(each(0));
  expect(life.send(each(1)).startsWith("o10000 o10001")).toBe(true);
  life.coordinator.takeSnapshot();
  life.restart();
  expect(life.coordinator.cell.producerCount).toBe(10_000);
  const answers = life.send(each(0)).split(" ");
  expect(answers).toEqual(Array.from({ length: 10_000 }, (_, id) => `d${id}`));
  life.nowMs += 1000;
  life.send([plain()]);
  expect(life.coordinator.cell.producerCount).toBe(0);
});

test.each([0, 0.5, Infinity])("[I9] an expiration of %d ms is one", async (ms) => {
  const rows = new MemoryRows();
  const coordinator = new MemoryCoordinator({ rows, settings: { ...settings, "producer.id.expiration.ms": ms } });
  await coordinator.createPartitions([at(0)], createTime);
  const chain = new Chain();
  expect(short(await coordinator.commit(chain.object([[at(0), [from(1, 0)]]])))).toBe("o0");
  expect(short(await coordinator.commit(chain.object([[at(0), [from(1, 0)]]])))).toBe(ms < 1 ? "o1" : "d0");
});

test("[D6] a clock that goes back neither frees nor breaks anything", async () => {
  const life = await begin(1);
  life.send([from(1, 0)]);
  life.nowMs = 0;
  expect(life.send([from(1, 0), from(1, 1)])).toBe("d0 o1");
  const replayed = new Cell({ cell: 0, settings, inlineRows: life.rows });
  for (const row of life.rows.journal.values()) replayed.applyRow(row, false);
  expect(replayed.snapshot()).toEqual(life.coordinator.cell.snapshot());
});

test("[I4] [I8] who has a transaction open never expires: its marker finds where it began, and is then freed with the rest", async () => {
  const life = await begin(1);
  expect(life.send([within(1, 1, 0), from(2, 0)])).toBe("o0 o1");
  life.nowMs += 5000;
  expect(life.send([plain()])).toBe("o2");
  expect(life.coordinator.cell.producerCount).toBe(1);
  life.restart();
  expect(life.send([within(2, 1, 1), within(1, 1, 1)])).toBe("e48 o3");
  life.nowMs += 5000;
  const { cell } = life.coordinator;
  expect(life.coordinator.writeMarkersNow([ends(1, 1, [at(0)], { commit: false })])).toEqual([[0]]);
  const { bounds, abortedTransactions } = cell.findBatches([{ ...at(0), offset: 0, maxBytes: 1e6 }]).results[0]!;
  expect([bounds.lastStableOffset, abortedTransactions]).toEqual([5, [{ producerId: 1, firstOffset: 0, lastOffset: 4 }]]);
  life.nowMs += 1000;
  life.send([plain()]);
  expect(cell.producerCount).toBe(0);
});

test("[I3] a marker that is repeated in a cell that has seen no commit is known", async () => {
  const life = await begin(1);
  const marker = ends(1, 1, [at(0)]);
  expect([life.coordinator.writeMarkersNow([marker]), life.coordinator.writeMarkersNow([marker])]).toEqual([[[0]], [[0]]]);
  expect(life.send([plain()])).toBe("o1");
});

test("[I4] [I8] 10 000 open transactions of one partition take less than 2.5 MB, end in any order, and are all freed", async () => {
  const life = await begin(1);
  const count = 10_000;
  life.send(Array.from({ length: count }, (_, id) => within(1, id, 0)));
  expect(life.coordinator.cell.producerMemoryBytes).toBeLessThan(2.5e6);
  life.coordinator.takeSnapshot();
  life.restart();
  const stable = (): number =>
    life.coordinator.cell.findBatches([{ ...at(0), offset: 0, maxBytes: 1 }]).results[0]!.bounds.lastStableOffset;
  // Every third first, then from the front.
  const ended = [0, 1, 2].flatMap((rest) => Array.from({ length: count }, (_, id) => id).filter((id) => id % 3 === rest));
  const open = new Set(ended);
  for (const part of [ended.slice(0, 5000), ended.slice(5000, 9990), ended.slice(9990)]) {
    for (const id of part) open.delete(id);
    life.coordinator.writeMarkersNow(part.map((id) => ends(1, id, [at(0)], { commit: id % 2 === 0 })));
    expect(life.coordinator.cell.openTransactionCount).toBe(open.size);
    expect(stable()).toBe(open.size === 0 ? 2 * count : Math.min(...open));
  }
  life.nowMs += 1000;
  life.send([plain()]);
  expect(life.coordinator.cell.producerCount).toBe(0);
  expect(life.coordinator.cell.producerMemoryBytes).toBe(0);
});
