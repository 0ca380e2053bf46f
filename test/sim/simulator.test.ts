/** The simulator's own proof: many seeds hold every rule, a seed is a whole run's name, and each checker fires when its bug is planted. */
import { describe, expect, test } from "vitest";
import type { Plant } from "./plants.ts";
import { type CompactionVerdict, runCompactionScenario } from "./compaction/scenario.ts";
import { type GroupVerdict, protocols, runGroupScenario } from "./group/scenario.ts";
import { checkers } from "./judge.ts";
import { runScenario } from "./scenario.ts";
import { runTransactionScenario } from "./transaction/scenario.ts";

/** Seeds that once failed, with what they found; they stay. */
const keptSeeds: readonly (readonly [seed: number, found: string])[] = [
  [1, "a cell came twice into one object"],
  [27, "a later batch of a producer was taken before its first"],
  [202_132, "what waited behind an upload that was given up overtook it"],
  [102_425, "inline bytes were pinned after they had gone"],
  [102_259, "a read was answered after a gap had taken what was known"],
  [95, "answers of one connection left out of order"],
];

describe("random clusters, clients and faults", () => {
  test("[I1] [I2] [I3] [I4] [I5] [I6] [I7] [D4] [D10] [D11] [D12] every rule holds for 80 seeds", () => {
    const first = 1_000;
    for (let seed = first; seed < first + 80; seed++) {
      const { violations } = runScenario({ seed });
      expect(violations, `npm run sim -- --seed ${seed} --verbose`).toEqual([]);
    }
  });

  test.each(keptSeeds)("[I7] seed %i holds, which once found that %s", (seed) => {
    // As it was when it was found, and as it is.
    expect(runScenario({ seed, settings: { "merge.enabled": false }, deletes: false }).violations).toEqual([]);
    expect(runScenario({ seed }).violations).toEqual([]);
  });

  test("the same seed twice is the same run, event by event", () => {
    for (const seed of [3, 14, 159]) expect(runScenario({ seed })).toEqual(runScenario({ seed }));
  });

  test("runs crash nodes, acknowledge, read, drain, merge and delete", () => {
    const verdicts = Array.from({ length: 10 }, (_, index) => runScenario({ seed: 500 + index }));
    const sum = (pick: (verdict: ReturnType<typeof runScenario>) => number): number =>
      verdicts.reduce((total, verdict) => total + pick(verdict), 0);
    expect(sum((verdict) => verdict.crashes)).toBeGreaterThan(5);
    expect(sum((verdict) => verdict.acknowledged)).toBeGreaterThan(100);
    expect(sum((verdict) => verdict.read)).toBeGreaterThan(500);
    expect(sum((verdict) => verdict.drains)).toBeGreaterThan(20);
    expect(sum((verdict) => verdict.merges)).toBeGreaterThan(20);
    expect(sum((verdict) => verdict.segments)).toBeGreaterThan(0);
    expect(sum((verdict) => verdict.deletions)).toBeGreaterThan(100);
    expect(sum((verdict) => verdict.starts)).toBeGreaterThan(20);
  });
});

/** The same of groups. */
const keptGroupSeeds: readonly (readonly [seed: number, protocol: (typeof protocols)[number], found: string])[] = [
  [0, "cooperative-sticky to consumer", "an upgrade gave away what a member had not heard that it lost"],
  [112, "cooperative-sticky to consumer", "a removed member came back with what it had owned, and was not told"],
  [140, "range to consumer", "a downgrade forgot what its members had yet to give up, and an upgrade gave it away"],
];

describe("consumer groups under random members, brokers and faults", () => {
  test.each(keptGroupSeeds)("[I7] seed %i of %s holds, which once found that %s", (seed, protocol) => {
    expect(runGroupScenario({ seed, protocol }).violations).toEqual([]);
  });

  test.each(protocols)("[I7] [D6] every rule holds for 25 seeds of %s", (protocol) => {
    const first = 2_000;
    for (let seed = first; seed < first + 25; seed++)
      expect(runGroupScenario({ seed, protocol }).violations, `seed ${seed} of ${protocol}`).toEqual([]);
  });

  test.each(protocols)("a hundred members of %s that come at once come to rest", (protocol) => {
    expect(runGroupScenario({ seed: 100, protocol, members: 100, stormMs: 40_000 }).violations).toEqual([]);
  });

  test("the same seed twice is the same run, event by event", () => {
    for (const seed of [3, 14, 159]) expect(runGroupScenario({ seed })).toEqual(runGroupScenario({ seed }));
  });

  test("runs kill the group, commit and rebalance", () => {
    const verdicts = Array.from({ length: 10 }, (_, index) => runGroupScenario({ seed: 500 + index }));
    const sum = (pick: (verdict: GroupVerdict) => number): number => verdicts.reduce((total, verdict) => total + pick(verdict), 0);
    expect(sum(({ kills }) => kills)).toBeGreaterThan(20);
    expect(sum(({ commits }) => commits)).toBeGreaterThan(1000);
    expect(sum(({ assignments }) => assignments)).toBeGreaterThan(100);
  });
});

describe("transactions under random producers, zombies, coordinators and faults", () => {
  test("[I3] [I4] [I7] every rule holds for 60 seeds", () => {
    const first = 3_000;
    for (let seed = first; seed < first + 60; seed++) {
      const { violations } = runTransactionScenario({ seed });
      expect(violations, `npm run sim -- --seed ${seed} --only transactions --verbose`).toEqual([]);
    }
  });

  test("the same seed twice is the same run, event by event", () => {
    for (const seed of [3, 14, 159]) expect(runTransactionScenario({ seed })).toEqual(runTransactionScenario({ seed }));
  });

  test("runs crash nodes, commit, abort, fence and drain", () => {
    const verdicts = Array.from({ length: 10 }, (_, index) => runTransactionScenario({ seed: 500 + index }));
    const sum = (name: "crashes" | "committed" | "aborted" | "instances" | "drains"): number =>
      verdicts.reduce((total, verdict) => total + verdict[name], 0);
    expect(sum("crashes")).toBeGreaterThan(20);
    expect(sum("committed")).toBeGreaterThan(50);
    expect(sum("aborted")).toBeGreaterThan(20);
    expect(sum("instances")).toBeGreaterThan(40);
    expect(sum("drains")).toBeGreaterThan(10);
  });
});

/** The same of compaction. */
const keptCompactionSeeds: readonly (readonly [seed: number, found: string])[] = [
  [100_011, "a reader that had come to the tail kept the memory for lagging ones, and all of them waited for ever"],
  [100_051, "a range was got beside a larger one that was on its way"],
  [100_164, "a range was got beside a larger one that was on its way"],
  [100_326, "a range was got beside a larger one that was on its way"],
];

describe("compacted partitions under random producers, readers, mergers and faults", () => {
  test.each(keptCompactionSeeds)("[I8] seed %i holds, which once found that %s", (seed) => {
    expect(runCompactionScenario({ seed }).violations).toEqual([]);
  });

  test("[I5] [I7] [I11] [I12] every rule holds for 25 seeds", () => {
    const first = 4_000;
    for (let seed = first; seed < first + 25; seed++) {
      const { violations } = runCompactionScenario({ seed });
      expect(violations, `npm run sim -- --seed ${seed} --only compaction --verbose`).toEqual([]);
    }
  });

  test("the same seed twice is the same run, event by event", () => {
    for (const seed of [3, 14]) expect(runCompactionScenario({ seed })).toEqual(runCompactionScenario({ seed }));
  });

  test("runs crash nodes, compact, let records go and go through the logs", () => {
    const verdicts = Array.from({ length: 10 }, (_, index) => runCompactionScenario({ seed: 500 + index }));
    const sum = (name: Exclude<keyof CompactionVerdict, "violations">): number =>
      verdicts.reduce((total, verdict) => total + verdict[name], 0);
    expect(sum("crashes")).toBeGreaterThan(5);
    expect(sum("compactions")).toBeGreaterThan(20);
    expect(sum("gone")).toBeGreaterThan(100);
    expect(sum("sweeps")).toBeGreaterThan(100);
  });
});

describe("a planted bug is found by its checker", () => {
  type Found = readonly (readonly [plant: Plant, checker: keyof typeof checkers])[];
  /** Bugs that few runs meet: where to begin. */
  const begins: Partial<Readonly<Record<Plant, number>>> = { "drain-before-durable": 7080, "collect-without-fence": 222 };
  const found: Found = [
    ["acknowledge-before-put", "acked-survives"],
    ["acknowledge-before-put", "referenced-exists"],
    ["lose-rows-on-crash", "acked-survives"],
    ["skip-an-offset", "offsets-gapless"],
    ["share-an-offset", "no-offset-shared"],
    ["forget-sequences", "no-second-copy"],
    ["show-before-durable", "nothing-uncommitted-visible"],
    ["drain-before-durable", "keys-never-reused"],
    ["swap-batches", "producer-order"],
    ["watermark-goes-back", "high-watermark-monotonic"],
    ["never-answer", "comes-to-rest"],
    ["merge-without-put", "referenced-exists"],
    ["merge-out-of-order", "view-never-changes"],
    ["merge-in-one-window", "memory-kept"],
    ["leave-hollow-objects", "merges-end"],
    ["get-twice", "gets-few"],
    ["reuse-merge-keys", "keys-never-reused"],
    ["never-merge", "merges-end"],
    ["collect-without-fence", "referenced-exists"],
    ["collect-one-cell", "no-referenced-deleted"],
    ["forget-to-delete", "nothing-left-behind"],
  ];
  const foundInGroups: Found = [
    ["assign-twice", "one-owner-per-generation"],
    ["release-too-early", "one-owner-at-a-time"],
    ["lose-rows-on-crash", "committed-survives"],
    ["show-before-durable", "committed-survives"],
    ["accept-zombies", "zombies-are-fenced"],
    ["never-answer", "rebalances-end"],
    ["write-on-heartbeats", "heartbeats-write-nothing"],
  ];

  const foundInTransactions: Found = [
    ["take-late-batches", "comes-to-rest"],
    ["leave-alarms", "comes-to-rest"],
    ["mark-twice", "marked-once"],
    ["forget-aborted", "transactions-all-or-nothing"],
    ["forget-aborted", "undecided-invisible"],
    ["everything-is-stable", "undecided-invisible"],
    ["commit-in-one-cell", "transactions-all-or-nothing"],
    ["lose-rows-on-crash", "transactions-all-or-nothing"],
    ["stable-goes-back", "stable-offset-monotonic"],
  ];

  const foundInCompaction: Found = [
    ["compact-newest-away", "newest-survives"],
    ["compact-what-was-aborted", "newest-survives"],
    ["compact-what-was-aborted", "transactions-all-or-nothing"],
    ["lose-rows-on-crash", "newest-survives"],
    ["hold-whole-batches", "memory-kept"],
  ];

  test.each(foundInCompaction)("in compaction: %s by %s", (plant, checker) => {
    const fired = (seed: number): boolean =>
      runCompactionScenario({ seed, plant }).violations.some((line) => line.startsWith(`${checker}:`));
    expect(Array.from({ length: 40 }, (_, index) => 9000 + index).some(fired)).toBe(true);
  });

  test.each(foundInTransactions)("in transactions: %s by %s", (plant, checker) => {
    const fired = (seed: number): boolean =>
      runTransactionScenario({ seed, plant }).violations.some((line) => line.startsWith(`${checker}:`));
    expect(Array.from({ length: 40 }, (_, index) => 8000 + index).some(fired)).toBe(true);
  });

  test.each(foundInGroups)("in a group: %s by %s", (plant, checker) => {
    const fired = (seed: number): boolean =>
      runGroupScenario({ seed, plant }).violations.some((line) => line.startsWith(`${checker}:`));
    expect(Array.from({ length: 40 }, (_, index) => 7000 + index).some(fired)).toBe(true);
  });

  test.each(found)("%s by %s", (plant, checker) => {
    // Where the bug is none of merging, mergers would only make the runs longer.
    const settings = { "merge.enabled": /merge|collect|hollow/.test(plant) };
    const fired = (seed: number): boolean =>
      runScenario({ seed, plant, settings, deletes: /collect|delete|hollow/.test(plant) }).violations.some((line) =>
        line.startsWith(`${checker}:`),
      );
    expect(Array.from({ length: 40 }, (_, index) => (begins[plant] ?? 7000) + index).some(fired)).toBe(true);
  });

  test("every checker has a bug that it finds", () => {
    expect(
      new Set([...found, ...foundInGroups, ...foundInTransactions, ...foundInCompaction].map(([, checker]) => checker)),
    ).toEqual(new Set(Object.keys(checkers)));
  });
});
