/** Answers to followers survive their packing, whatever they hold. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { FollowReply, FollowUpdate } from "../../../core/coordinator.ts";
import { packFollow, unpackFollow } from "../../../durable-objects/follow-wire.ts";

const number = fc.integer({ min: -1, max: Number.MAX_SAFE_INTEGER });
const ref = { topicId: fc.constantFrom("a", "b", "c"), partition: fc.nat() };
const bounds = fc.record({ logStartOffset: number, highWatermark: number, lastStableOffset: number, leaderEpoch: number });
const inline = fc.uint8Array({ maxLength: 20 }).map((records) => ({ kind: "inline" as const, records }));
const object = fc.record({
  kind: fc.constant("object" as const),
  key: fc.constantFrom("wal/1/2/3", "wal/1/2/4", ""),
  byteStart: number,
});
const extent = fc
  .record({
    baseOffset: number,
    nextOffset: number,
    maxTimestamp: number,
    leaderEpoch: number,
    byteLength: number,
    source: fc.oneof(inline, object),
  })
  .map((drawn) => (drawn.source.kind === "inline" ? { ...drawn, byteLength: drawn.source.records.length } : drawn));
const aborted = fc.record({ producerId: fc.nat(), firstOffset: number });
const update: fc.Arbitrary<FollowUpdate> = fc.oneof(
  fc
    .record({ kind: fc.constant("appended" as const), ...ref, extent, bounds, aborted })
    .map((drawn) => ({ ...drawn, aborted: { ...drawn.aborted, lastOffset: drawn.extent.baseOffset } })),
  fc.record({ kind: fc.constant("appended" as const), ...ref, extent, bounds }),
  fc.record({ kind: fc.constantFrom("bounds" as const, "compacted" as const), ...ref, bounds }),
  fc.record({ kind: fc.constant("deleted" as const), ...ref }),
);
const reply: fc.Arbitrary<FollowReply> = fc.record({
  cursor: number,
  gap: fc.boolean(),
  updates: fc.array(update, { maxLength: 12 }),
});

test("[D10] what followers are told is what arrives, inline records each in memory of their own", () => {
  fc.assert(
    fc.property(reply, (told) => {
      const arrived = unpackFollow(structuredClone(packFollow(told)));
      expect(arrived).toEqual(told);
      for (const one of arrived.updates) {
        if (one.kind !== "appended" || one.extent.source.kind !== "inline") continue;
        expect(one.extent.source.records.buffer.byteLength).toBe(one.extent.source.records.length);
      }
    }),
    { numRuns: 500 },
  );
});
