/** Who of a classic group gets what: everything is given once, evenly, and cooperative-sticky moves no more than it must. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Assignments, type GroupMember, cooperativeStickyAssignor, rangeAssignor } from "../../client/consumer/assignors.ts";
import { partitionKey } from "../../client/records/record.ts";

const topics = ["a", "b", "c"];
const counts = fc
  .array(fc.integer({ min: 0, max: 12 }), { minLength: 3, maxLength: 3 })
  .map((sizes) => new Map(topics.map((topic, index) => [topic, sizes[index]!])));

function memberOf(memberId: string, subscribed = topics): GroupMember {
  return { memberId, groupInstanceId: null, topics: subscribed, owned: [], generationId: 1 };
}

const subscriptions = fc.array(fc.subarray(topics, { minLength: 1 }), { minLength: 1, maxLength: 6 });
const alike = fc.integer({ min: 1, max: 6 }).map((count) => Array.from({ length: count }, () => topics));

function members(subscribed: readonly string[][]): GroupMember[] {
  return subscribed.map((each, index) => memberOf(`m${index}`, each));
}

function keysOf(assignments: Assignments): string[] {
  return [...assignments.values()]
    .flat()
    .map(({ topic, partition }) => partitionKey(topic, partition))
    .toSorted();
}

/** Rounds until nobody has to let go of anything, as a group goes through them. */
function settle(given: readonly GroupMember[], partitionCounts: ReadonlyMap<string, number>): GroupMember[] {
  let current = [...given];
  for (let round = 0; round < 4; round++) {
    const assignments = cooperativeStickyAssignor.assign(current, partitionCounts);
    expectGivenToNobodyWhoMustWait(current, assignments);
    current = current.map((member) => ({
      ...member,
      owned: assignments.get(member.memberId)!,
      generationId: member.generationId + 1,
    }));
  }
  return current;
}

function expectGivenToNobodyWhoMustWait(before: readonly GroupMember[], assignments: Assignments): void {
  for (const [memberId, partitions] of assignments) {
    for (const { topic, partition } of partitions) {
      const holder = before.find(({ owned }) => owned.some((each) => each.topic === topic && each.partition === partition));
      expect(holder === undefined || holder.memberId === memberId).toBe(true);
    }
  }
}

function allKeys(partitionCounts: ReadonlyMap<string, number>, subscribed: readonly string[][]): string[] {
  return [...partitionCounts]
    .filter(([topic]) => subscribed.some((each) => each.includes(topic)))
    .flatMap(([topic, count]) => Array.from({ length: count }, (_, partition) => partitionKey(topic, partition)))
    .toSorted();
}

describe.each([rangeAssignor, cooperativeStickyAssignor])("$name", (assignor) => {
  test("every partition that somebody subscribes to is given once, to a subscriber", () => {
    fc.assert(
      fc.property(counts, subscriptions, (partitionCounts, subscribed) => {
        const assignments = assignor.assign(members(subscribed), partitionCounts);
        expect(keysOf(assignments)).toEqual(allKeys(partitionCounts, subscribed));
        for (const [index, each] of subscribed.entries())
          expect(assignments.get(`m${index}`)!.every(({ topic }) => each.includes(topic))).toBe(true);
      }),
    );
  });
});

describe("range", () => {
  test("gives neighbours, the first members one more, as Java does", () => {
    const assignments = rangeAssignor.assign(
      [memberOf("b"), memberOf("a")],
      new Map([["t", 5]].map(([topic, count]) => [String(topic), Number(count)])),
    );
    expect(assignments.get("a")).toEqual([]);
    const both = rangeAssignor.assign([memberOf("b", ["t"]), memberOf("a", ["t"])], new Map([["t", 5]]));
    expect([both.get("a")!.map(({ partition }) => partition), both.get("b")!.map(({ partition }) => partition)]).toEqual([
      [0, 1, 2],
      [3, 4],
    ]);
  });
});

describe("cooperative-sticky", () => {
  test("whoever comes or goes: it settles, evenly, with nobody owning what another has not let go", () => {
    fc.assert(
      fc.property(
        counts,
        alike,
        fc.integer({ min: 0, max: 5 }),
        fc.integer({ min: 0, max: 3 }),
        (partitionCounts, subscribed, leaving, coming) => {
          const first = settle(members(subscribed), partitionCounts);
          const stayed = first.filter((_, index) => index !== leaving);
          const now = [...stayed, ...Array.from({ length: coming }, (_, index) => memberOf(`n${index}`))];
          if (now.length === 0) return;
          const second = settle(now, partitionCounts);
          const sizes = second.map(({ owned }) => owned.length);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
          expect(keysOf(new Map(second.map(({ memberId, owned }) => [memberId, [...owned]])))).toEqual(
            allKeys(partitionCounts, [topics]),
          );
          // Sticky: nobody who stays loses more than what makes it even.
          const total = sizes.reduce((sum, size) => sum + size, 0);
          for (const { memberId, owned } of stayed) {
            const kept = second.find((member) => member.memberId === memberId)!.owned;
            const lost = owned.filter(
              (each) => !kept.some(({ topic, partition }) => topic === each.topic && partition === each.partition),
            );
            expect(lost.length).toBeLessThanOrEqual(Math.max(0, owned.length - Math.floor(total / second.length)));
          }
        },
      ),
    );
  });

  test("different subscriptions settle too, and all is given", () => {
    fc.assert(
      fc.property(counts, subscriptions, (partitionCounts, subscribed) => {
        const settled = settle(members(subscribed), partitionCounts);
        expect(keysOf(new Map(settled.map(({ memberId, owned }) => [memberId, [...owned]])))).toEqual(
          allKeys(partitionCounts, subscribed),
        );
      }),
    );
  });

  test("of two claims the younger counts; of two of one generation neither does, and both must let go", () => {
    const owned = [{ topic: "a", partition: 0 }];
    const older = { ...memberOf("older"), owned, generationId: 3 };
    const younger = { ...memberOf("younger"), owned, generationId: 4 };
    const one = new Map([["a", 1]]);
    expect([...cooperativeStickyAssignor.assign([older, younger], one).values()].flat()).toEqual([]);
    expect(cooperativeStickyAssignor.assign([{ ...older, owned: [] }, younger], one).get("younger")).toEqual(owned);
  });
});
