/** Any history of keyed batches, transactions, restarts, deletions and compactions: what a reader may see of it, and what it must. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { CompactionSubject, ref, type SeenRecord } from "./compaction-subject.ts";

type Step =
  | { readonly kind: "produce"; readonly keys: readonly number[]; readonly tombstone: boolean; readonly codec: number }
  | { readonly kind: "transaction"; readonly producer: number; readonly keys: readonly number[] }
  | { readonly kind: "end"; readonly producer: number; readonly commit: boolean }
  | { readonly kind: "merge"; readonly claims: number; readonly laterMs: number; readonly isKilled: boolean }
  | { readonly kind: "restart" }
  | { readonly kind: "delete-records"; readonly percent: number };

const keys = fc.array(fc.nat(6), { minLength: 1, maxLength: 5 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("produce" as const),
      keys,
      tombstone: fc.boolean(),
      codec: fc.constantFrom(0, 0, 1, 2, 3, 4),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("transaction" as const), producer: fc.nat(2), keys }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("end" as const), producer: fc.nat(2), commit: fc.boolean() }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("merge" as const),
      claims: fc.integer({ min: 1, max: 6 }),
      laterMs: fc.constantFrom(0, 100, 700),
      isKilled: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "restart" as const }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("delete-records" as const), percent: fc.integer({ min: 0, max: 60 }) }),
  },
);

interface Written extends SeenRecord {
  /** Undefined: of no transaction. */
  readonly transaction?: { decided: "open" | "commit" | "abort" };
}

/** What was written, as plainly as can be. */
class Model {
  readonly log: Written[] = [];
  start = 0;

  /** Who is wrong about whom; the views are those of one moment. */
  check(committed: readonly SeenRecord[], all: readonly SeenRecord[], limit: number): void {
    const written = new Map(this.log.map((record) => [record.offset, record]));
    for (const view of [committed, all]) {
      let last = -1;
      for (const { offset, ...record } of view) {
        expect(offset).toBeGreaterThan(last);
        last = offset;
        const { key, value, timestamp } = written.get(offset)!;
        expect({ offset, ...record }).toEqual({ offset, key, value, timestamp });
      }
    }
    const decided = (record: Written): boolean => record.transaction === undefined || record.transaction.decided === "commit";
    for (const { offset } of committed) expect(decided(written.get(offset)!)).toBe(true);
    // What may not be touched is there.
    const shown = new Set(all.map(({ offset }) => offset));
    for (const { offset } of this.log) if (offset >= Math.max(limit, this.start)) expect(shown).toContain(offset);
    const newest = new Map<string, Written>();
    for (const record of this.log) {
      if (record.offset >= this.start && record.offset < limit && decided(record)) newest.set(record.key, record);
    }
    const visible = new Set(committed.map(({ offset }) => offset));
    for (const [key, { offset, value }] of newest) {
      if (value !== null) expect(visible).toContain(offset);
      // A deletion that nobody sees any more brings nothing back.
      else if (!visible.has(offset)) expect(committed.filter((record) => record.key === key && record.offset < offset)).toEqual([]);
    }
  }
}

class Run {
  readonly subject = new CompactionSubject();
  readonly model = new Model();
  readonly #open = new Map<number, { decided: "open" | "commit" | "abort" }>();
  readonly #sequences = new Map<number, number>();
  readonly #generations = new Map<number, number>();
  #gone = new Set<number>();
  #values = 0;
  compactions = 0;

  async play(step: Step): Promise<void> {
    const { subject } = this;
    subject.nowMs += 3;
    switch (step.kind) {
      case "produce":
        return await this.#produce(step.keys, step.tombstone, { codec: step.codec }, undefined);
      case "transaction": {
        const { producer } = step;
        const generation = (this.#generations.get(producer) ?? 0) + (this.#open.has(producer) ? 0 : 1);
        this.#generations.set(producer, generation);
        const transaction = this.#open.get(producer) ?? { decided: "open" as const };
        this.#open.set(producer, transaction);
        const baseSequence = this.#sequences.get(producer) ?? 0;
        this.#sequences.set(producer, baseSequence + step.keys.length);
        return await this.#produce(step.keys, false, { producerId: producer, baseSequence, generation }, transaction);
      }
      case "end": {
        const transaction = this.#open.get(step.producer);
        if (transaction === undefined) return;
        this.#open.delete(step.producer);
        transaction.decided = step.commit ? "commit" : "abort";
        return await subject.end(step.producer, this.#generations.get(step.producer)!, step.commit);
      }
      case "restart":
        if (this.#values % 2 === 0) subject.coordinator.takeSnapshot();
        return subject.restart();
      case "delete-records": {
        const beforeOffset = this.model.start + Math.floor(((subject.highWatermark - this.model.start) * step.percent) / 100);
        await subject.coordinator.deleteRecords([{ ...ref, beforeOffset }]);
        this.model.start = Math.max(this.model.start, beforeOffset);
        return;
      }
      case "merge":
        return await this.#merge(step);
    }
  }

  async #merge({ claims, laterMs, isKilled }: Extract<Step, { readonly kind: "merge" }>): Promise<void> {
    const { subject } = this;
    subject.nowMs += laterMs;
    for (let left = claims; left > 0; left--) {
      const claim = subject.claim();
      if (claim === undefined) return;
      if (claim.kind === "compacted") this.compactions += 1;
      const isLast = isKilled && left === 1;
      if (isLast) subject.restart();
      expect(await subject.carryOut(claim)).toBe(!isLast);
      await this.look();
    }
  }

  async #produce(
    numbers: readonly number[],
    tombstone: boolean,
    options: Parameters<CompactionSubject["produce"]>[1],
    transaction: Written["transaction"],
  ): Promise<void> {
    const records = numbers.map((number, index) => ({
      key: `k${number}`,
      value: tombstone && index % 2 === 0 ? null : `v${this.#values++}`,
    }));
    const { nowMs } = this.subject;
    const base = await this.subject.produce(records, options);
    for (const [index, record] of records.entries()) {
      this.model.log.push({ ...record, offset: base + index, timestamp: nowMs + index, ...(transaction && { transaction }) });
    }
  }

  async look(): Promise<void> {
    const { subject } = this;
    const [committed, all] = [await subject.read(true), await subject.read()];
    const { bounds } = subject.coordinator.cell.findBatches([{ ...ref, offset: this.model.start, maxBytes: 1 }]).results[0]!;
    expect(bounds.logStartOffset).toBe(this.model.start);
    this.model.check(committed, all, bounds.lastStableOffset);
    // A reader that comes to the log's end knows that it has: the last batch ends there.
    const end = (await subject.batches(this.model.start)).at(-1)?.header;
    if (bounds.highWatermark > bounds.logStartOffset) expect(end && end.baseOffset + end.offsetCount).toBe(bounds.highWatermark);
    const shown = new Set(all.map(({ offset }) => offset));
    for (const offset of this.#gone) expect(shown).not.toContain(offset);
    this.#gone = new Set(this.model.log.map(({ offset }) => offset).filter((offset) => !shown.has(offset)));
  }
}

test("[I5] [I7] [I12] of each key the newest is seen, nothing that went comes back, and a claim that is lost changes nothing", async () => {
  let compactions = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
      const run = new Run();
      await run.subject.create({ deleteRetentionMs: 500 });
      for (const each of steps) await run.play(each);
      await run.look();
      compactions += run.compactions;
    }),
    { numRuns: 60 },
  );
  // About one a history, drawn at random: far fewer would prove nothing.
  expect(compactions).toBeGreaterThan(20);
});
