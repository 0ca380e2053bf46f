/**
 * A broker's view of the topics: known ones cost nothing, questions share a call, and no answer is older than its question.
 */
import { expect, test } from "vitest";
import type { ClusterSnapshot } from "../../../core/cluster/controller-client.ts";
import { ProducerIds } from "../../../core/cluster/producer-ids.ts";
import { ControllerTopicCatalog } from "../../../durable-objects/topic-catalog.ts";
import { Cluster } from "./cluster.ts";

/** A controller whose answers are made when it is asked and arrive when the test says so. */
class SlowController {
  readonly cluster = new Cluster();
  readonly arrivals: (() => void)[] = [];
  asked = 0;

  snapshot(knownVersion: number): Promise<ClusterSnapshot | undefined> {
    this.asked += 1;
    const answer = this.cluster.machine.snapshot(knownVersion);
    const { promise, resolve } = Promise.withResolvers<ClusterSnapshot | undefined>();
    this.arrivals.push(() => resolve(answer));
    return promise;
  }

  async arrive(): Promise<void> {
    this.arrivals.shift()?.();
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }

  create(name: string): void {
    this.cluster.createTopics([{ name, partitions: 1, replicationFactor: -1, assignments: [], configs: {} }]);
    this.cluster.drain();
  }
}

test("questions that come together share one call; one that comes later gets a call made after it", async () => {
  const controller = new SlowController();
  const catalog = new ControllerTopicCatalog(controller);
  const first = [catalog.byName("t"), catalog.byName("u"), catalog.all()];
  expect(controller.asked).toBe(1);
  controller.create("t");
  const later = catalog.byName("t");
  await controller.arrive();
  expect(await first[0]).toBeUndefined();
  expect(controller.asked).toBe(2);
  await controller.arrive();
  expect((await later)?.name).toBe("t");
  expect(catalog.knownByName("t")?.name).toBe("t");
  await Promise.all(first);
  expect(controller.asked).toBe(2);
});

test("a topic that is known is answered without a call, until a leader denies it", async () => {
  const controller = new SlowController();
  controller.create("t");
  const catalog = new ControllerTopicCatalog(controller);
  const all = catalog.all();
  await controller.arrive();
  const [topic] = await all;
  expect((await catalog.byName("t"))?.id).toBe(topic!.id);
  expect((await catalog.byId(topic!.id))?.name).toBe("t");
  expect(controller.asked).toBe(1);
  catalog.invalidate();
  expect(catalog.knownById(topic!.id)).toBeUndefined();
  const again = catalog.byId(topic!.id);
  expect(controller.asked).toBe(2);
  await controller.arrive();
  expect((await again)?.name).toBe("t");
});

test("an answer that was on its way when a leader denied a topic answers its questions and no later ones", async () => {
  const controller = new SlowController();
  controller.create("t");
  const catalog = new ControllerTopicCatalog(controller);
  const asked = catalog.byName("t");
  catalog.invalidate();
  await controller.arrive();
  expect((await asked)?.name).toBe("t");
  expect(catalog.knownByName("t")).toBeUndefined();
  expect(catalog.lastByName("t")?.name).toBe("t");
});

test("who waited for an answer finds what is in it, though somebody else found it stale at that moment", async () => {
  const controller = new SlowController();
  controller.create("t");
  const catalog = new ControllerTopicCatalog(controller);
  const found: (string | undefined)[] = [];
  const before = catalog.all();
  const denying = catalog.byName("t").then(() => catalog.invalidate());
  const listing = catalog.all().then(() => found.push(catalog.lastByName("t")?.name));
  await controller.arrive();
  await controller.arrive();
  await Promise.all([before, denying, listing]);
  expect(found).toEqual(["t"]);
});

test("a call that fails fails those who waited for it, and the next question asks again", async () => {
  let asked = 0;
  const controller = new Cluster();
  const catalog = new ControllerTopicCatalog({
    snapshot: (version) =>
      asked++ === 0 ? Promise.reject(new Error("lost")) : Promise.resolve(controller.machine.snapshot(version)),
  });
  const both = [catalog.all(), catalog.byName("t")];
  await expect(both[0]).rejects.toThrow("lost");
  await expect(both[1]).resolves.toBeUndefined();
  await expect(catalog.all()).resolves.toEqual([]);
  expect(catalog.clusterId).toHaveLength(22);
});

test("producer ids are never given twice, and a block serves a thousand", async () => {
  let blocks = 0;
  const ids = new ProducerIds({ allocateProducerIds: () => Promise.resolve({ first: blocks++ * 1000, count: 1000 }) });
  const given = await Promise.all(Array.from({ length: 2500 }, () => ids.next()));
  expect(new Set(given).size).toBe(2500);
  expect(blocks).toBe(3);
});
