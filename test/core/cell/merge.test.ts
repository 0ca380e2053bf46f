/** Merging: what is claimed and when, what is compared before it moves, and that nothing a reader sees ever changes. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { MemoryCoordinator } from "../../../core/cell/memory-coordinator.ts";
import { countThatRises } from "../../../core/cell/merge-plan.ts";
import type { MergeClaim } from "../../../core/coordinator.ts";
import { windowsOf } from "../../../core/merge/windows.ts";
import { writeMerged } from "../../../durable-objects/merge-work.ts";
import { kernel } from "../../../kernel/kernel.ts";
import { createTime } from "../../contract/commits.ts";
import { at, MergeSubject, topics } from "./merge-subject.ts";

test("[D11] [I5] neighbours of a partition become one extent, write-ahead objects are let go, and a reader sees what it saw", async () => {
  const subject = await new MergeSubject().create();
  for (let count = 0; count < 5; count++) await subject.produce([at(0), at(1, 1)], "object", 0, count % 2);
  const before = await subject.read();
  expect(await subject.mergeAll()).toBe(1);
  expect(subject.extents(at(0))).toMatchObject([{ key: "merged/3/7-1", baseOffset: 0 }]);
  expect(subject.coordinator.cell.extentCount).toBe(2);
  expect(await subject.read()).toEqual(before);
  subject.restart();
  expect(await subject.read()).toEqual(before);
  subject.coordinator.takeSnapshot();
  subject.restart();
  expect(await subject.read()).toEqual(before);
  expect(subject.coordinator.cell.mergeDueMs(subject.nowMs)).toBeUndefined();
});

test("[D11] [I5] inline records between write-ahead objects go along, those behind the last stay, and their rows are freed", async () => {
  const subject = await new MergeSubject().create();
  for (const way of ["inline", "object", "inline", "inline", "object", "inline"] as const) await subject.produce([at(0)], way);
  await subject.produce([at(1)], "inline");
  const before = await subject.read();
  expect(await subject.mergeAll()).toBe(1);
  expect(subject.extents(at(0)).map(({ key }) => key.split("/")[0])).toEqual(["merged", "inline"]);
  expect(subject.extents(at(1)).map(({ key }) => key)).toEqual(["inline"]);
  expect(await subject.read()).toEqual(before);
  subject.coordinator.takeSnapshot();
  expect([...subject.rows.journal.values()].filter(({ inline }) => inline !== undefined)).toHaveLength(2);
  subject.restart();
  expect(await subject.read()).toEqual(before);
});

test("[D11] [I5] a drain that comes between a claim and its commit keeps what it moved", async () => {
  const subject = await new MergeSubject().create();
  for (const way of ["object", "inline", "object"] as const) await subject.produce([at(0)], way);
  const before = await subject.read();
  const claim = subject.claim()!;
  await subject.write(claim);
  await subject.drain();
  expect(subject.coordinator.commitMergeNow(claim.number)).toEqual({ kind: "committed", extents: 2 });
  expect(subject.extents(at(0)).map(({ key }) => key === claim.key)).toEqual([true, false, true]);
  expect(await subject.read()).toEqual(before);
});

test("[D11] due are many bytes at once, few when the oldest has waited, and then nothing is", async () => {
  const subject = await new MergeSubject({ "merge.bytes": 300, "merge.interval.ms": 5000 }).create();
  const due = (): number | undefined => subject.coordinator.cell.mergeDueMs(subject.nowMs);
  expect(due()).toBeUndefined();
  await subject.produce([at(0)]);
  subject.nowMs += 3000;
  await subject.produce([at(0)]);
  expect([due(), subject.claim()]).toEqual([1_005_000, undefined]);
  subject.nowMs += 2000;
  expect(due()).toBe(subject.nowMs);
  // All that is there goes along: nothing of it is due again later.
  expect(await subject.mergeAll()).toBe(1);
  expect(due()).toBeUndefined();
  for (let count = 0; count < 5; count++) await subject.produce([at(1)]);
  expect(due()).toBe(subject.nowMs);
  await subject.mergeAll();
  expect(due()).toBeUndefined();
  await subject.produce([at(0)], "inline");
  expect(due()).toBeUndefined();
});

test.each([
  ["at once", false],
  ["in the leader's next life", true],
])(
  "[D11] [D12] what is left in an object of which most has gone is written anew, %s, and then nothing is due",
  async (_, restarts) => {
    const subject = await new MergeSubject({ "merge.interval.ms": 5000 }).create();
    const due = (): number | undefined => subject.coordinator.cell.mergeDueMs(subject.nowMs);
    const large = 3 * 1024 * 1024;
    await subject.produce([at(0)], "object", 1000);
    await subject.produce([at(1)], "object", large);
    await subject.produce([at(1)], "object", large);
    await subject.mergeAll();
    const { key } = subject.extents(at(0))[0]!;
    expect(subject.extents(at(1)).every((extent) => extent.key === key)).toBe(true);
    subject.nowMs += 10_000;
    expect([due(), subject.claim()]).toEqual([undefined, undefined]);
    const before = await subject.read();
    await subject.coordinator.deleteRecords([{ ...at(1), beforeOffset: 1 }]);
    if (restarts) {
      subject.coordinator.takeSnapshot();
      subject.restart();
    }
    // Half of it is still read: it may stay, and is looked at once.
    subject.nowMs = due() ?? subject.nowMs;
    expect(await subject.mergeAll()).toBe(0);
    expect(due()).toBeUndefined();
    if (restarts) {
      subject.coordinator.takeSnapshot();
      subject.restart();
    }
    await subject.coordinator.deleteRecords([{ ...at(1), beforeOffset: -1 }]);
    expect(due()).toBe(subject.nowMs + 5000);
    subject.nowMs += 5000;
    expect(await subject.mergeAll()).toBe(1);
    expect(subject.extents(at(0))).toMatchObject([{ baseOffset: 0 }]);
    expect(subject.extents(at(0))[0]!.key).not.toBe(key);
    const first = `${topics[0]}/0`;
    expect((await subject.read())[first]).toEqual(before[first]);
    subject.nowMs += 10_000_000;
    expect(subject.coordinator.cell.collection.due(subject.nowMs).keys).toContain(key);
    expect(due()).toBeUndefined();
  },
);

test("[D11] what has gone of an object and is little stays where it is", async () => {
  const subject = await new MergeSubject({ "merge.interval.ms": 5000 }).create();
  await subject.produce([at(0)], "object", 1000);
  await subject.produce([at(1)], "object", 900_000);
  await subject.mergeAll();
  await subject.coordinator.deleteRecords([{ ...at(1), beforeOffset: -1 }]);
  subject.nowMs += 5000;
  expect(await subject.mergeAll()).toBe(0);
  expect(subject.coordinator.cell.mergeDueMs(subject.nowMs)).toBeUndefined();
});

test("[D11] merge.enabled=false: nothing is ever due or claimed", async () => {
  const subject = await new MergeSubject({ "merge.enabled": false }).create();
  await subject.produce([at(0)]);
  expect([subject.coordinator.cell.mergeDueMs(0), subject.claim()]).toEqual([undefined, undefined]);
});

test("[D11] one claim of a cell is open at a time, until its time is over, it is committed or given back", async () => {
  const subject = await new MergeSubject().create();
  await subject.produce([at(0)]);
  const first = subject.claim()!;
  // And a millisecond for its thousand bytes at most.
  const untilMs = subject.nowMs + 300_001;
  expect(await subject.coordinator.claimMerge()).toEqual({ kind: "busy", untilMs });
  expect(subject.coordinator.cell.mergeDueMs(subject.nowMs)).toBe(untilMs);
  subject.nowMs = untilMs;
  const second = subject.claim()!;
  expect([second.inputs, second.key === first.key]).toEqual([first.inputs, false]);
  expect(await subject.coordinator.commitMerge(first.number)).toEqual({ kind: "lost" });
  await subject.coordinator.releaseMerge({ number: first.number, damaged: [] });
  expect((await subject.coordinator.claimMerge()).kind).toBe("busy");
  await subject.coordinator.releaseMerge({ number: second.number, damaged: [] });
  const third = subject.claim()!;
  await subject.write(third);
  expect(await subject.coordinator.commitMerge(third.number)).toEqual({ kind: "committed", extents: 1 });
  expect(await subject.coordinator.commitMerge(third.number)).toEqual({ kind: "lost" });
});

const meanwhile: readonly (readonly [
  what: string,
  act: (subject: MergeSubject) => Promise<unknown>,
  moved: number,
  left: number,
])[] = [
  ["nothing", async () => {}, 2, 0],
  ["a topic was deleted", async ({ coordinator }) => await coordinator.deletePartitions(topics[0]), 1, 0],
  [
    "a topic was deleted and created anew",
    async ({ coordinator }) => {
      await coordinator.deletePartitions(topics[0]);
      await coordinator.createPartitions([at(0), at(1)], createTime);
    },
    1,
    0,
  ],
  [
    "all topics were deleted",
    async ({ coordinator }) => {
      for (const topicId of topics) await coordinator.deletePartitions(topicId);
    },
    0,
    0,
  ],
  ["a log's start moved", async ({ coordinator }) => await coordinator.deleteRecords([{ ...at(0), beforeOffset: 3 }]), 2, 0],
  ["a log was emptied", async ({ coordinator }) => await coordinator.deleteRecords([{ ...at(0), beforeOffset: -1 }]), 1, 0],
  ["more was produced", async (subject) => await subject.produce([at(0)]), 2, 1],
  [
    "more was produced inline and drained",
    async (subject) => (await subject.produce([at(0)], "inline"), await subject.drain()),
    2,
    0,
  ],
];

test.each(meanwhile)("[D11] [I5] what was claimed moves only where it still lies: %s meanwhile", async (_, act, moved, left) => {
  const subject = await new MergeSubject().create();
  for (let count = 0; count < 4; count++) await subject.produce([at(0), at(0, 1)]);
  const claim = subject.claim()!;
  await subject.write(claim);
  await act(subject);
  const before = await subject.read();
  expect(subject.coordinator.commitMergeNow(claim.number)).toEqual({ kind: "committed", extents: moved });
  expect(await subject.read()).toEqual(before);
  expect(subject.claim()?.inputs.length ?? 0).toBe(left);
});

test("[D11] damaged and missing inputs are never spread: their objects are set aside, the others merged", async () => {
  const subject = await new MergeSubject().create();
  for (let count = 0; count < 4; count++) await subject.produce([at(0), at(1)]);
  const before = await subject.read();
  const [first, second] = subject.extents(at(0)).map(({ key }) => key) as [string, string];
  const whole = (await subject.store.get(first))!;
  await subject.store.put(
    first,
    whole.map((byte, index) => (index === 80 ? byte ^ 1 : byte)),
  );
  const kept = (await subject.store.get(second))!;
  await subject.store.delete([second]);
  const found: string[] = [];
  for (let claim = subject.claim(); claim !== undefined; claim = subject.claim()) {
    const { damage } = await subject.write(claim);
    for (const { key } of damage) found.push(key);
    if (damage.length > 0) await subject.coordinator.releaseMerge({ number: claim.number, damaged: damage.map(({ key }) => key) });
    else expect(subject.coordinator.commitMergeNow(claim.number).kind).toBe("committed");
  }
  expect(found.toSorted()).toEqual([first, second].toSorted());
  expect(subject.extents(at(0)).map(({ key }) => key)).toEqual([first, second, expect.stringContaining("merged/")]);
  expect(subject.coordinator.cell.mergeDueMs(subject.nowMs)).toBeUndefined();
  // Whoever repairs them has them merged with the leader's next life.
  await subject.store.put(first, whole);
  await subject.store.put(second, kept);
  subject.restart();
  expect(await subject.mergeAll()).toBeGreaterThan(0);
  expect(await subject.read()).toEqual(before);
  expect(subject.extents(at(0)).filter(({ key }) => key.startsWith("wal/"))).toEqual([]);
});

type Step =
  | "object"
  | "inline"
  | "drain"
  | "claim"
  | "write"
  | "commit"
  | "wait"
  | "restart"
  | "snapshot"
  | "delete-topic"
  | "create"
  | "delete-records";
const step: fc.Arbitrary<readonly [Step, number]> = fc.tuple(
  fc.oneof(
    { weight: 8, arbitrary: fc.constant<Step>("object") },
    { weight: 2, arbitrary: fc.constantFrom<Step>("inline", "drain") },
    { weight: 9, arbitrary: fc.constantFrom<Step>("claim", "write", "commit") },
    { weight: 3, arbitrary: fc.constantFrom<Step>("restart", "snapshot", "wait") },
    { weight: 1, arbitrary: fc.constantFrom<Step>("delete-topic", "create", "delete-records") },
  ),
  fc.nat(11),
);

test(
  "[I2] [I5] [I7] [D11] through any lives, with two mergers, deletes, drains, restarts and snapshots between any two steps, merging changes nothing that is read",
  { timeout: 120_000 },
  async () => {
    let moved = 0;
    let segments = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60, size: "max" }), async (steps) => {
        const subject = await new MergeSubject({ "merge.hollow.bytes": 1 }).create(4000);
        const claims: { readonly claim: MergeClaim; written: boolean }[] = [];
        const exists = new Set<string>(topics);
        for (const [kind, number] of steps) {
          const topic = number % 2;
          const refs = [at(number % 3 === 0 ? 0 : 1, topic), at(0, 1 - topic)].filter(({ topicId }) => exists.has(topicId));
          if ((kind === "inline" || kind === "object") && refs.length > 0)
            await subject.produce(refs.slice(0, 1 + (number % 2)), kind, (number % 5) * 500, number % 2);
          if (kind === "delete-topic") {
            await subject.coordinator.deletePartitions(topics[topic]!);
            exists.delete(topics[topic]!);
          }
          if (kind === "create") {
            const settings = topic === 0 ? { ...createTime, segmentBytes: 4000 } : createTime;
            await subject.coordinator.createPartitions([at(0, topic), at(1, topic)], settings);
            exists.add(topics[topic]!);
          }
          if (kind === "delete-records") await subject.coordinator.deleteRecords([{ ...at(0, topic), beforeOffset: number }]);
          const before = await subject.read();
          if (kind === "drain") await subject.drain();
          if (kind === "claim") {
            const claim = subject.claim();
            if (claim !== undefined) claims.push({ claim, written: false });
          }
          const mine = claims[number % 2 === 0 ? claims.length - 1 : Math.max(0, claims.length - 2)];
          if (kind === "write" && mine?.written === false) {
            await subject.write(mine.claim);
            mine.written = true;
          }
          if (kind === "commit" && mine?.written === true) {
            const reply = subject.coordinator.commitMergeNow(mine.claim.number);
            if (reply.kind === "committed") moved += reply.extents;
          }
          if (kind === "wait") subject.nowMs += 400_000;
          if (kind === "restart") subject.restart();
          if (kind === "snapshot") subject.coordinator.takeSnapshot();
          expect(await subject.read()).toEqual(before);
          const state = subject.coordinator.cell.snapshot();
          expect(subject.reopened().cell.snapshot()).toEqual(state);
        }
        subject.nowMs += 400_000;
        const before = await subject.read();
        await subject.mergeAll();
        expect(await subject.read()).toEqual(before);
        segments += new Set(
          subject
            .extents(at(0))
            .filter(({ key }) => key.startsWith("segment/"))
            .map(({ key }) => key),
        ).size;
        expect(subject.coordinator.cell.mergeDueMs(subject.nowMs) ?? Infinity).toBeGreaterThan(subject.nowMs);
      }),
      { numRuns: 80 },
    );
    expect(moved).toBeGreaterThan(20);
    expect(segments).toBeGreaterThan(0);
  },
);

test("[D11] small merged extents are merged again where that makes them larger by a class: few extents, few writes", async () => {
  const subject = new MergeSubject();
  await subject.coordinator.createPartitions([at(0)], createTime);
  let written = 0;
  let produced = 0;
  let most = 0;
  for (let count = 0; count < 400; count++) {
    await subject.produce([at(0)], "object", 1000 + ((count * 7919) % 3000));
    for (let claim = subject.claim(); claim !== undefined; claim = subject.claim()) {
      written += claim.inputs.reduce((sum, { byteLength }) => sum + byteLength, 0);
      await writeMerged(claim, subject.store, kernel);
      subject.coordinator.commitMergeNow(claim.number);
    }
    most = Math.max(most, subject.extents(at(0)).length);
  }
  produced = subject.extents(at(0)).reduce((sum, { byteLength }) => sum + byteLength, 0);
  // 32 that wait, and fifteen of each larger class; each byte once, and once more per class that it rose.
  expect(most).toBeLessThanOrEqual(32 + 2 * 15);
  expect(written / produced).toBeLessThanOrEqual(4);
});

test("[D11] of any sizes those that rise together are taken, and of no class more than fifteen stay in a row", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 61, max: 3_000_000 }), { maxLength: 200 }), (arriving) => {
      const sizes: number[] = [];
      let written = 0;
      for (const size of arriving) {
        sizes.push(size);
        for (let count = countThatRises(sizes); count > 0; count = countThatRises(sizes)) {
          const taken = sizes.splice(sizes.length - count).reduce((sum, one) => sum + one, 0);
          written += taken;
          sizes.push(taken);
          if (taken >= 2 ** 20) sizes.length = 0;
        }
        expect(sizes.length).toBeLessThanOrEqual(5 * 15);
      }
      expect(written).toBeLessThanOrEqual(5 * arriving.reduce((sum, size) => sum + size, 0));
    }),
  );
});

test("[I8] [D11] windows hold every input in order, within their bytes and what is read along", () => {
  const input = fc.record({ object: fc.nat(3), gap: fc.nat(100_000), byteLength: fc.integer({ min: 61, max: 5_000_000 }) });
  fc.assert(
    fc.property(fc.array(input, { minLength: 1, maxLength: 60 }), (drawn) => {
      const ends = [0, 0, 0, 0];
      let offset = 0;
      const inputs = drawn.map(({ object, gap, byteLength }) => {
        const byteStart = ends[object]! + gap;
        ends[object] = byteStart + byteLength;
        offset += 1;
        const place = { key: `o${object}`, byteStart, byteLength };
        return { ...at(0), baseOffset: offset - 1, nextOffset: offset, leaderEpoch: 0, maxTimestamp: 0, ...place };
      });
      const bytesMax = 3_000_000;
      let next = 0;
      let position = 0;
      for (const { reads, pieces } of windowsOf(inputs, bytesMax)) {
        const read = reads.reduce((sum, { start, end }) => sum + end - start, 0);
        const wanted = pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
        expect(wanted).toBeLessThanOrEqual(bytesMax);
        expect(read - wanted).toBeLessThanOrEqual(2 * 1024 * 1024);
        for (const piece of pieces) {
          const { key, start, end } = reads[piece.read]!;
          expect([piece.input, key]).toEqual([next, inputs[next]!.key]);
          expect(piece.start).toBe(inputs[next]!.byteStart + position);
          expect(start <= piece.start && piece.start + piece.byteLength <= end).toBe(true);
          position += piece.byteLength;
          if (position < inputs[next]!.byteLength) continue;
          next += 1;
          position = 0;
        }
      }
      expect(next).toBe(inputs.length);
    }),
  );
});

test("[I8] [D11] a batch that is cut by windows is copied whole", async () => {
  const subject = await new MergeSubject().create();
  for (let count = 0; count < 3; count++) await subject.produce([at(0), at(1)], "object", 9_000_000);
  await subject.produce([at(0)], "object", 26_000_000);
  const before = await subject.read();
  expect(await subject.mergeAll()).toBeGreaterThan(0);
  expect(await subject.read()).toEqual(before);
  expect(subject.extents(at(0)).every(({ key }) => key.startsWith("merged/"))).toBe(true);
});

test("a merge of what is not there is refused", async () => {
  const subject = await new MergeSubject().create();
  await subject.produce([at(0)]);
  const claim = subject.claim()!;
  const { row } = subject.coordinator.cell.decideMerge(claim.number, 0);
  const other = new MemoryCoordinator({ cell: 3 });
  expect(() => other.cell.applyRow({ ...row!, sequence: 1 }, false)).toThrow("merges extents that are not there");
});

interface StrayCase {
  readonly title: string;
  readonly befalls: (subject: MergeSubject, claim: MergeClaim) => Promise<void>;
}

const strayCases: readonly StrayCase[] = [
  {
    title: "whose topics were deleted meanwhile",
    befalls: async (subject, claim) => {
      for (const topicId of topics) await subject.coordinator.deletePartitions(topicId);
      expect(subject.coordinator.commitMergeNow(claim.number)).toEqual({ kind: "committed", extents: 0 });
    },
  },
  {
    title: "that was released",
    befalls: async (subject, { number }) => {
      for (const topicId of topics) await subject.coordinator.deletePartitions(topicId);
      await subject.coordinator.releaseMerge({ number, damaged: [] });
    },
  },
  {
    title: "whose merger died",
    befalls: async (subject) => {
      for (const topicId of topics) await subject.coordinator.deletePartitions(topicId);
    },
  },
  {
    title: "that its leader has forgotten",
    befalls: async (subject, claim) => {
      for (const topicId of topics) await subject.coordinator.deletePartitions(topicId);
      subject.restart();
      expect(subject.coordinator.commitMergeNow(claim.number)).toEqual({ kind: "lost" });
    },
  },
];

for (const { title, befalls } of strayCases) {
  test(`[D12] what was written under a claim ${title} is deleted, although no other claim follows`, async () => {
    const subject = await new MergeSubject().create();
    await subject.produce([at(0)]);
    const claim = subject.claim()!;
    await subject.write(claim);
    await befalls(subject, claim);
    const due = subject.coordinator.cell.strayClaim.strayDueMs(subject.nowMs)!;
    expect(subject.coordinator.cell.strayClaim.abandon(due - 1)).toBeUndefined();
    subject.nowMs = due;
    subject.coordinator.abandonClaimNow();
    expect(subject.coordinator.cell.strayClaim.strayDueMs(subject.nowMs)).toBeUndefined();
    const { collection } = subject.coordinator.cell;
    expect(collection.due(collection.dueMs!).keys).toEqual([claim.key]);
    expect(subject.reopened().cell.snapshot()).toEqual(subject.coordinator.cell.snapshot());
    // Its holder comes too late.
    expect(subject.coordinator.commitMergeNow(claim.number)).toEqual({ kind: "lost" });
  });
}

test("[I5] [I6] a merge that is committed in time is no garbage, however long it took", async () => {
  const subject = await new MergeSubject().create();
  await subject.produce([at(0)]);
  const claim = subject.claim()!;
  await subject.write(claim);
  subject.nowMs = subject.coordinator.cell.strayClaim.strayDueMs(subject.nowMs)! - 1;
  subject.coordinator.abandonClaimNow();
  expect(subject.coordinator.commitMergeNow(claim.number)).toMatchObject({ kind: "committed", extents: 1 });
  expect(subject.coordinator.cell.strayClaim.strayDueMs(subject.nowMs)).toBeUndefined();
  expect(subject.coordinator.cell.collection.count).toBe(0);
});
