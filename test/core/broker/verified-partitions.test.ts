/** The coordinators' words that a broker keeps: whose they are, what takes their place, and how many. */
import { describe, expect, test } from "vitest";
import { VerifiedPartitions } from "../../../core/broker/verified-partitions.ts";

const at = (partition: number) => ({ topicId: "t", partition });
const producer = (producerId: number, producerEpoch = 0) => ({ producerId, producerEpoch });

describe("what coordinators have said", () => {
  test("is kept for the partitions and the epoch of which it was said", () => {
    const verified = new VerifiedPartitions();
    verified.add(producer(1), 5, [at(0)]);
    verified.add(producer(1), 5, [at(1)]);
    expect([0, 1, 2].map((partition) => verified.generation(producer(1), at(partition)))).toEqual([5, 5, undefined]);
    expect(verified.generation(producer(1, 1), at(0))).toBeUndefined();
    expect(verified.generation(producer(2), at(0))).toBeUndefined();
  });

  test("of the next transaction takes the place of the one before, whatever comes late", () => {
    const verified = new VerifiedPartitions();
    verified.add(producer(1), 5, [at(0)]);
    verified.add(producer(1), 6, [at(1)]);
    verified.add(producer(1), 5, [at(2)]);
    expect([0, 1, 2].map((partition) => verified.generation(producer(1), at(partition)))).toEqual([undefined, 6, undefined]);
    verified.forget(1);
    expect(verified.size).toBe(0);
  });

  test("[I8] is bounded: who was heard of longest ago is forgotten first", () => {
    const verified = new VerifiedPartitions(10);
    for (let id = 0; id < 100; id++) {
      verified.add(producer(id), 1, [at(0), at(1)]);
      if (id > 0) verified.add(producer(0), 1, [at(0)]);
      expect(verified.size).toBeLessThanOrEqual(10);
    }
    const known = Array.from({ length: 100 }, (_, id) => id).filter((id) => verified.generation(producer(id), at(0)) !== undefined);
    expect(known).toEqual([0, 96, 97, 98, 99]);
  });
});
