/**
 * Random lives of a controller: topics come, grow and go, leaders answer, fail, or answer without being heard, and the controller dies
 * in between. When the dust has settled, leaders know exactly the partitions that clients see.
 */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { ControllerMachine } from "../../../core/cluster/controller.ts";
import { Cluster } from "./cluster.ts";

type Taken = ReturnType<ControllerMachine["takeCalls"]>[number];

const step = fc.oneof(
  fc.record({
    kind: fc.constant("create" as const),
    name: fc.constantFrom("a", "b", "c"),
    partitions: fc.integer({ min: 1, max: 7 }),
  }),
  fc.record({ kind: fc.constant("delete" as const), name: fc.constantFrom("a", "b", "c") }),
  fc.record({ kind: fc.constant("grow" as const), name: fc.constantFrom("a", "b", "c"), count: fc.integer({ min: 2, max: 12 }) }),
  fc.record({ kind: fc.constantFrom("take" as const, "crash" as const) }),
  fc.record({ kind: fc.constantFrom("answer" as const, "fail" as const, "unheard" as const), pick: fc.nat(20) }),
);

test("[D5] [I7] whatever dies when, leaders and clients end up knowing the same partitions, and no cell is overfull", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const cluster = new Cluster({ "cell.partitions.max": 5 });
      let flying: Taken[] = [];
      let now = 0;
      for (const action of steps) {
        now += 100_000;
        if (action.kind === "create") {
          cluster.createTopics([
            { name: action.name, partitions: action.partitions, replicationFactor: -1, assignments: [], configs: {} },
          ]);
        } else if (action.kind === "delete") {
          const id = cluster.machine.topicIdOf(action.name);
          if (id !== undefined) cluster.deleteTopics([id]);
        } else if (action.kind === "grow") {
          cluster.createPartitions([{ name: action.name, count: action.count, assignments: null }]);
        } else if (action.kind === "take") {
          flying.push(...cluster.machine.takeCalls(now));
        } else if (action.kind === "crash") {
          // What was asked may still be done, but nobody hears of it.
          for (const [index, taken] of flying.entries()) if (index % 2 === 0) cluster.perform(taken);
          flying = [];
          cluster.crash();
        } else if ("pick" in action && flying.length > 0) {
          const [taken] = flying.splice(action.pick % flying.length, 1);
          if (action.kind === "answer") cluster.answer(taken!);
          if (action.kind === "unheard") cluster.perform(taken!);
          if (action.kind !== "answer") cluster.machine.callFailed(taken!, now);
        }
      }
      for (const taken of flying) cluster.answer(taken);
      cluster.drain(now + 100_000);
      expect(cluster.machine.outboxSize).toBe(0);
      const { topics } = cluster.machine.snapshot(0)!;
      const visible = topics.flatMap(({ id, partitions }) => partitions.map(({ cell }, partition) => `${cell} ${id} ${partition}`));
      const known: string[] = [];
      const load = new Map<number, number>();
      for (const [cell, leader] of cluster.leaders) {
        for (const [id, partitions] of leader) for (const partition of partitions.keys()) known.push(`${cell} ${id} ${partition}`);
        load.set(
          cell,
          [...leader.values()].reduce((sum, partitions) => sum + partitions.size, 0),
        );
      }
      expect(known.sort()).toEqual(visible.sort());
      for (const partitions of load.values()) expect(partitions).toBeLessThanOrEqual(5);
      const again = new Cluster({ "cell.partitions.max": 5 });
      again.write([...cluster.rows].map(([key, value]) => ({ key, value })));
      again.crash();
      expect(again.machine.snapshot(0)!.topics).toEqual(topics);
    }),
    { numRuns: 300 },
  );
});
