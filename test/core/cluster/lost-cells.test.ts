/** Cells whose leaders have lost their rows, and whose topics are deleted before anybody recovers them: their numbers are never used again. */
import { describe, expect, test } from "vitest";
import { Cluster } from "./cluster.ts";

const topic = (name: string, partitions = 1) => ({ name, partitions, replicationFactor: 1, assignments: [], configs: {} });

function cellsOf(cluster: Cluster, name: string): number[] {
  return [...new Set(cluster.entry(name).partitions.map(({ cell }) => cell))];
}

function idOf(cluster: Cluster, name: string): string {
  return cluster.entry(name).id;
}

/** A topic in cell 0, whose leader has forgotten everything. */
function withLostCell(): Cluster {
  const cluster = new Cluster();
  cluster.createTopics([topic("old", 3)]);
  cluster.drain();
  cluster.leaders.delete(0);
  return cluster;
}

describe("[I2] [D5] the number of a lost cell", () => {
  test("goes to no new topic once its topics are deleted, nor to a recovery, also after a crash of the controller", () => {
    const cluster = withLostCell();
    cluster.deleteTopics([idOf(cluster, "old")]);
    cluster.drain();
    for (const [round, name] of ["new", "newer"].entries()) {
      if (round > 0) cluster.crash();
      cluster.createTopics([topic(name)]);
      cluster.drain();
      expect(cellsOf(cluster, name)).toEqual([1]);
    }
    expect(cluster.machine.lostCells.all).toEqual([0]);
    expect(cluster.machine.unusedCell).toBe(2);
  });

  test("goes to no topic that was created before the deletion was answered: what was on its way there moves", () => {
    const cluster = withLostCell();
    cluster.deleteTopics([idOf(cluster, "old")]);
    cluster.createTopics([topic("new", 2)]);
    const calls = cluster.machine.takeCalls(0);
    // The leader hears of the creation first, and must not begin again.
    for (const taken of calls.toSorted((left, right) => (left.call.kind < right.call.kind ? -1 : 1))) cluster.answer(taken);
    expect(cluster.leaders.has(0)).toBe(false);
    cluster.drain(100_000);
    expect(cellsOf(cluster, "new")).toEqual([1]);
    expect(cluster.leaders.get(1)!.get(idOf(cluster, "new"))!.size).toBe(2);
  });

  test("a cell that lost nothing is used again, whoever hears of a deletion twice", () => {
    const cluster = new Cluster();
    cluster.createTopics([topic("old")]);
    cluster.drain();
    cluster.deleteTopics([idOf(cluster, "old")]);
    const [taken] = cluster.machine.takeCalls(0);
    cluster.perform(taken!);
    cluster.machine.callFailed(taken!, 0);
    cluster.drain(100_000);
    cluster.createTopics([topic("new")]);
    cluster.drain(100_000);
    expect(cellsOf(cluster, "new")).toEqual([0]);
  });

  test("a topic that is deleted before any leader has heard of it says nothing of its cell", () => {
    const cluster = new Cluster();
    const [created] = cluster.createTopics([topic("hasty")]);
    cluster.deleteTopics([(created as { topicId: string }).topicId]);
    cluster.drain();
    expect(cluster.machine.lostCells.all).toEqual([]);
  });
});
