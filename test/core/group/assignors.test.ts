/** The assignors: everything assigned to somebody who wants it, once; evenly; and without needless moves. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assignors, type AssignmentInput, type Target } from "../../../core/group/consumer/assignors.ts";

const world = fc.record({
  counts: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 5 }),
  wishes: fc.array(fc.array(fc.nat(4), { maxLength: 5 }), { minLength: 1, maxLength: 8 }),
});

function inputOf({ counts, wishes }: { counts: number[]; wishes: number[][] }, current: Target = new Map()): AssignmentInput {
  const partitionCounts = new Map(counts.map((count, index) => [`t${index}`, count]));
  const members = wishes.map((topics, index) => ({
    memberId: `m${index}`,
    instanceId: null,
    topics: new Set(topics.filter((topic) => topic < counts.length).map((topic) => `t${topic}`)),
  }));
  return { members, partitionCounts, current };
}

function alike(counts: number[], members: number): AssignmentInput {
  return inputOf({ counts, wishes: Array.from({ length: members }, () => counts.map((_, topic) => topic)) });
}

const sizes = (target: Target) => [...target.values()].map(({ size }) => size);

describe.each([...assignors])("%s", (_, assign) => {
  test("gives every partition that somebody wants to exactly one who wants it", () => {
    fc.assert(
      fc.property(world, (given) => {
        const input = inputOf(given);
        const target = assign(input);
        const owners = new Map<string, string>();
        for (const [memberId, partitions] of target) {
          for (const [topicId, partition] of partitions) {
            expect(owners.has(`${topicId}-${partition}`)).toBe(false);
            expect(input.members.find((member) => member.memberId === memberId)!.topics.has(topicId)).toBe(true);
            owners.set(`${topicId}-${partition}`, memberId);
          }
        }
        const wanted = new Set(input.members.flatMap(({ topics }) => [...topics]));
        expect(owners.size).toBe([...wanted].reduce((sum, topicId) => sum + input.partitionCounts.get(topicId)!, 0));
        expect(target.size).toBe(input.members.length);
      }),
    );
  });
});

describe("uniform", () => {
  const uniform = assignors.get("uniform")!;

  test("spreads alike subscriptions so that nobody has more than one above another", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 9 }),
        (counts, n) => {
          const loads = sizes(uniform(alike(counts, n)));
          expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
        },
      ),
    );
  });

  test("moves nothing when nothing changed, and only what it must when a member leaves", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 2, max: 9 }),
        (counts, n) => {
          const before = alike(counts, n);
          const current = uniform(before);
          const again = uniform({ ...before, current });
          for (const [memberId, partitions] of again) expect(partitions.equals(current.get(memberId)!)).toBe(true);
          const left = { ...before, members: before.members.slice(1), current };
          for (const [memberId, partitions] of uniform(left)) expect(current.get(memberId)!.without(partitions).size).toBe(0);
        },
      ),
    );
  });

  test("evens out what differing subscriptions allow", () => {
    const target = uniform(inputOf({ counts: [3, 3], wishes: [[0], [0, 1], [1]] }));
    expect(sizes(target)).toEqual([2, 2, 2]);
  });

  test("of 10 000 partitions for 200 members is even", () => {
    const loads = sizes(uniform(alike([10_000], 200)));
    expect([Math.min(...loads), Math.max(...loads)]).toEqual([50, 50]);
  });
});

describe("range", () => {
  test("gives neighbours, the first members one more, the same of topics that are alike", () => {
    const target = assignors.get("range")!(alike([5, 5], 2));
    expect(target.get("m0")!.list()).toEqual([
      { topicId: "t0", partitions: [0, 1, 2] },
      { topicId: "t1", partitions: [0, 1, 2] },
    ]);
    expect(target.get("m1")!.list()[1]).toEqual({ topicId: "t1", partitions: [3, 4] });
  });

  test("puts static members in the order of their instance ids", () => {
    const { members, ...rest } = alike([2], 2);
    const named = [
      { ...members[0]!, instanceId: "z" },
      { ...members[1]!, instanceId: "y" },
    ];
    expect(
      assignors.get("range")!({ ...rest, members: named })
        .get("m1")!
        .has("t0", 0),
    ).toBe(true);
  });
});
