/** Keys go where Java's producer sends them: held against the known values of Kafka's own test and against kafkajs. */
import * as fc from "fast-check";
import { Partitioners } from "kafkajs";
import { describe, expect, test } from "vitest";
import { murmur2 } from "../../client/producer/murmur2.ts";
import { StickyPartitions, defaultPartitioner } from "../../client/producer/partitioner.ts";

const encoder = new TextEncoder();

describe("murmur2", () => {
  test.for([
    ["21", -973932308],
    ["foobar", -790332482],
    ["a-little-bit-long-string", -985981536],
    ["a-little-bit-longer-string", -1486304829],
    ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
    ["abc", 479470107],
  ] as const)("of %s is Java's", ([text, hash]) => {
    expect(murmur2(encoder.encode(text))).toBe(hash);
  });

  test("any key goes where kafkajs sends it", () => {
    const partition = Partitioners.DefaultPartitioner();
    const partitionMetadata = (count: number) =>
      Array.from({ length: count }, (_, partitionId) => ({ partitionId, leader: 0 }) as never);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 50 }), (key, partitionCount) => {
        const theirs = partition({
          topic: "t",
          partitionMetadata: partitionMetadata(partitionCount),
          message: { key: Buffer.from(key), value: null },
        });
        expect(defaultPartitioner({ topic: "t", key, partitionCount })).toBe(theirs);
      }),
    );
  });
});

test("without a key a partition is kept until its batch has left", () => {
  const chances = [0.9, 0.1, 0.5];
  const sticky = new StickyPartitions(() => chances.shift()!);
  expect([sticky.get("t", 4), sticky.get("t", 4)]).toEqual([3, 3]);
  sticky.left("t", 2);
  expect(sticky.get("t", 4)).toBe(3);
  sticky.left("t", 3);
  expect(sticky.get("t", 4)).toBe(0);
  expect(sticky.get("other", 2)).toBe(1);
});
