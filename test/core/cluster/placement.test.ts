/**
 * Which cell gets a partition, and which broker a client is sent to for it.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  allNodeIds,
  coordinatorNode,
  partitionNode,
  placePartitions,
  zoneNames,
  zoneNodes,
} from "../../../core/cluster/placement.ts";

const uuid = fc.uuid();

describe("placement", () => {
  test("[D5] cells are filled to their limit before the next one opens, and no cell beyond it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(10), { maxLength: 8 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 10, max: 12 }),
        (loads, count, max) => {
          const load = new Map(loads.map((partitions, cell) => [cell, partitions]));
          const runs = placePartitions(load, count, max);
          expect(runs.reduce((sum, [, placed]) => sum + placed, 0)).toBe(count);
          const after = new Map(load);
          for (const [cell, placed] of runs) after.set(cell, (after.get(cell) ?? 0) + placed);
          for (const partitions of after.values()) expect(partitions).toBeLessThanOrEqual(max);
          const last = runs.at(-1)?.[0] ?? 0;
          for (let cell = 0; cell < last; cell++) expect(after.get(cell)).toBe(max);
        },
      ),
    );
  });

  test("[D14] a partition's broker is the same for everybody who asks in a zone, and is one of the zone's", () => {
    const settings = { zones: "a,b", "brokers.per.zone": 5 };
    fc.assert(
      fc.property(uuid, fc.nat(10_000), fc.constantFrom("a", "b"), (id, partition, zone) => {
        const nodes = zoneNodes(settings, zone);
        const node = partitionNode(nodes, id, partition);
        expect(node).toBe(partitionNode(nodes, id, partition));
        expect(nodes).toContain(node);
        expect(node.zone).toBe(zone);
      }),
    );
  });

  test("[D14] the partitions of a topic go round the brokers, topics and coordinators spread over them", () => {
    const nodes = zoneNodes({ zones: "a", "brokers.per.zone": 4 }, "a");
    const counts = (ids: readonly number[]) => nodes.map(({ nodeId }) => ids.filter((id) => id === nodeId).length);
    const thousand = Array.from({ length: 1000 }, (_, index) => index);
    const topicId = (index: number) => `1f2e3d4c-0000-4000-8000-${String(index).padStart(12, "0")}`;
    const ofOneTopic = thousand.slice(0, 8).map((partition) => partitionNode(nodes, topicId(1), partition).nodeId);
    expect(counts(ofOneTopic)).toEqual([2, 2, 2, 2]);
    const ofTopics = thousand.map((index) => partitionNode(nodes, topicId(index), 0).nodeId);
    const ofGroups = thousand.map((index) => coordinatorNode(nodes, `group-${index}`).nodeId);
    for (const count of [...counts(ofTopics), ...counts(ofGroups)]) expect(count).toBeGreaterThan(180);
  });

  test.each([
    ["a", ["a"]],
    [" a , b ", ["a", "b"]],
    ["a,,b,", ["a", "b"]],
    ["", ["local"]],
    [" , ", ["local"]],
  ])("the zones of %j are trimmed, empty names are none, and there is always one", (zones, names) => {
    expect(zoneNames({ zones })).toEqual(names);
  });

  test("node ids are told by the zone's place and the broker's index; an unknown zone is the first", () => {
    const settings = { zones: "a, b", "brokers.per.zone": 2 };
    expect(allNodeIds(settings)).toEqual([0, 1, 100, 101]);
    expect(zoneNodes(settings, "b").map(({ nodeId, index }) => [nodeId, index])).toEqual([
      [100, 0],
      [101, 1],
    ]);
    expect(zoneNodes(settings, "nowhere").map(({ nodeId }) => nodeId)).toEqual([0, 1]);
  });
});
