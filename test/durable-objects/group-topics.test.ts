/** What a group knows of its cluster: asked for when it is old, shared while it is under way, never half true. */
import { describe, expect, test } from "vitest";
import type { ClusterSnapshot } from "../../core/cluster/controller-client.ts";
import { GroupTopics } from "../../durable-objects/group-topics.ts";

function cluster() {
  const known = {
    version: 1,
    asked: 0,
    topics: [{ name: "a", id: "id-a", partitions: [{}, {}] }],
    groupConfigs: {} as Record<string, Record<string, string>>,
  };
  const controller = {
    snapshot: async (version: number) => {
      known.asked++;
      const { topics, groupConfigs } = known;
      return version === known.version
        ? undefined
        : ({ version: known.version, topics, groupConfigs } as unknown as ClusterSnapshot);
    },
  };
  return { known, topics: new GroupTopics("g", () => controller) };
}

describe("a group's view of its cluster", () => {
  test("has topics with their ids and partitions, and what is set on this group alone", async () => {
    const { known, topics } = cluster();
    known.groupConfigs = { g: { "consumer.session.timeout.ms": "50000" }, h: { "consumer.session.timeout.ms": "60000" } };
    const { view, configs } = await topics.view(0);
    expect([...view.topics]).toEqual([["a", { id: "id-a", partitions: 2 }]]);
    expect(configs).toEqual({ "consumer.session.timeout.ms": "50000" });
    known.version++;
    known.groupConfigs = {};
    expect((await topics.view(-1)).configs).toEqual({});
  });

  test("is asked for once by those who want it at the same time, and not at all while it is young", async () => {
    const { known, topics } = cluster();
    await Promise.all([topics.view(-1), topics.view(-1), topics.view(-1)]);
    await topics.view(60_000);
    expect(known.asked).toBe(1);
  });

  test("tells which topics were deleted, by a question that began after they were known", async () => {
    const { known, topics } = cluster();
    await topics.view(0);
    known.version++;
    known.topics.push({ name: "b", id: "id-b", partitions: [{}] });
    expect(await topics.deleted(["id-a", "id-b", "id-c"])).toEqual(["id-c"]);
    expect(await topics.deleted([])).toEqual([]);
    expect(known.asked).toBe(2);
  });
});
