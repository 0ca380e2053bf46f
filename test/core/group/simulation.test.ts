/** Groups under storm: members come, go, pause and die, the group crashes at any effect, all from one seed. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DescribeConsumerGroupAnswer } from "../../../core/group/consumer/requests.ts";
import { assertDisjoint, Consumer } from "./sim-consumer.ts";
import { Member, Owners, partitions } from "./sim-member.ts";
import { World } from "./sim-world.ts";

function storm(
  seed: number,
  memberCount: number,
  stormMs = 300_000,
): { readonly world: World; readonly members: readonly Member[] } {
  const world = new World(seed);
  const owners = new Owners();
  const members = Array.from({ length: memberCount }, (_, index) => new Member(world, owners, index));
  for (const member of members) world.after(world.between(0, 20_000), () => member.start());
  world.run(stormMs);
  world.calm = true;
  world.run(240_000);
  return { world, members };
}

function settled({ world, members }: ReturnType<typeof storm>): void {
  const generations = new Set(members.map(({ generationId }) => generationId));
  expect([...generations], world.log.slice(-40).join("\n")).toHaveLength(1);
  const owned = members.flatMap((member) => member.owned ?? []).sort((left, right) => left - right);
  expect(owned).toEqual(Array.from({ length: partitions }, (_, partition) => partition));
  world.checkOffsets();
}

describe("whatever happens, one owner per partition and generation, no committed offset lost, every rebalance ends", () => {
  test("with one to twelve members", () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 12 }), (seed, count) => settled(storm(seed, count))),
      { numRuns: 60 },
    );
  });

  test("with a hundred members that come at once", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => settled(storm(seed, 100, 60_000))),
      { numRuns: 2 },
    );
  });

  test("the same seed tells the same story", () => {
    const [first, second] = [storm(4711, 8), storm(4711, 8)];
    expect(first.world.log.length).toBeGreaterThan(10);
    expect(second.world.log).toEqual(first.world.log);
  });
});

describe("in consumer groups nobody is given what a member still owns, and all come to rest", () => {
  function consumerStorm(seed: number, count: number): void {
    const world = new World(seed);
    const consumers: Consumer[] = [];
    for (let index = 0; index < count; index++) consumers.push(new Consumer(world, consumers, index));
    for (const consumer of consumers) world.after(world.between(0, 20_000), () => consumer.start());
    for (let slice = 0; slice < 60; slice++) {
      world.run(5000);
      assertDisjoint(world.look<DescribeConsumerGroupAnswer>({ kind: "describe-consumer-group" }));
    }
    world.calm = true;
    world.run(240_000);
    const group = world.look<DescribeConsumerGroupAnswer>({ kind: "describe-consumer-group" });
    expect([group.groupState, group.members.length], world.log.slice(-40).join("\n")).toEqual(["Stable", count]);
    const owned = consumers.flatMap((consumer) => [...consumer.owned]).sort((left, right) => left - right);
    expect(owned).toEqual(Array.from({ length: partitions }, (_, partition) => partition));
    world.checkOffsets();
  }

  test("with one to twelve members", () => {
    fc.assert(fc.property(fc.integer(), fc.integer({ min: 1, max: 12 }), consumerStorm), { numRuns: 60 });
  });
});
