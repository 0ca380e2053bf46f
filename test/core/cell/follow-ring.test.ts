/** What followers hear of a cell's past: everything in order, or a gap; never more than the ring may hold. */
import { expect, test } from "vitest";
import { FollowRing } from "../../../core/cell/follow-ring.ts";
import { MemoryCoordinator } from "../../../core/cell/memory-coordinator.ts";
import type { FollowUpdate } from "../../../core/coordinator.ts";
import { Chain, createTime, plain } from "../../contract/commits.ts";

const topicId = "5f0c9a52-6d7b-4a51-9d0e-0a1b2c3d4e5f";
const at = (partition: number) => ({ topicId, partition });

function update(partition: number): FollowUpdate {
  return { kind: "deleted", topicId, partition };
}

function push(ring: FollowRing, updates: readonly FollowUpdate[], inlineBytes = 0): void {
  ring.push({ updateCount: updates.length, inlineBytes, updates: () => updates });
}

test("[D10] a follower hears every row after its cursor, in order, and nothing when it has them all", () => {
  const ring = new FollowRing(10);
  expect(ring.since(10)).toBeUndefined();
  push(ring, [update(0), update(1)]);
  push(ring, []);
  push(ring, [update(2)]);
  const heard = (cursor: number) => ring.since(cursor)?.updates.map((one) => one.partition);
  expect([10, 11, 12, 13].map(heard)).toEqual([[0, 1, 2], [2], [2], undefined]);
  expect(ring.since(12)).toEqual({ cursor: 13, gap: false, updates: [update(2)] });
});

test.each([
  ["older than what is held", 9],
  ["from before the leader began", 0],
  ["from the future", 14],
  ["that is no number", Number.NaN],
])("a cursor %s is a gap", (_, cursor) => {
  const ring = new FollowRing(10);
  for (let row = 0; row < 3; row++) push(ring, [update(row)]);
  expect(ring.since(cursor)).toEqual({ cursor: 13, gap: true, updates: [] });
});

const floods: readonly (readonly [what: string, updates: number, inlineBytes: number, kept: number])[] = [
  ["updates", 1000, 0, 20],
  ["inline bytes", 1, 64 * 1024, 64],
  ["rows without updates", 0, 0, 20_000],
  ["rows too large for it, of which the newest stays", 30_000, 0, 1],
];

test.each(floods)("[I8] a ring is bounded in %s", (_, updates, inlineBytes, kept) => {
  const ring = new FollowRing(0);
  const pushes = kept * 2 + 5;
  for (let row = 0; row < pushes; row++)
    push(
      ring,
      Array.from({ length: updates }, () => update(0)),
      inlineBytes,
    );
  expect(ring.since(pushes - kept)).toMatchObject({ gap: false });
  expect(ring.since(pushes - kept - 1)).toMatchObject({ gap: true });
});

test("[I4] an update tells what was true at its row, whatever has come since", async () => {
  const coordinator = new MemoryCoordinator();
  const chain = new Chain();
  await coordinator.createPartitions([at(0)], createTime);
  const cursor = coordinator.cell.cursor;
  await coordinator.commit(chain.inline([[at(0), [plain(5)]]], 1));
  await coordinator.commit(chain.object([[at(0), [plain(5)]]]));
  const before = coordinator.cell.updatesSince(cursor)!;
  await coordinator.deleteRecords([{ ...at(0), beforeOffset: 10 }]);
  coordinator.takeSnapshot();
  await coordinator.commit(chain.inline([[at(0), [plain(5)]]], 2));
  await coordinator.deletePartitions(topicId);
  const after = coordinator.cell.updatesSince(cursor)!;
  expect(after.updates.slice(0, 2)).toEqual(before.updates);
  expect(after.updates.slice(2).map(({ kind }) => kind)).toEqual(["bounds", "appended", "deleted"]);
});

test("followers may write into the inline bytes that they got", async () => {
  const coordinator = new MemoryCoordinator();
  await coordinator.createPartitions([at(0)], createTime);
  const { cursor } = coordinator.cell;
  await coordinator.commit(new Chain().inline([[at(0), [plain(1)]]], 7));
  const inlineOf = (): Uint8Array => {
    const [told] = coordinator.cell.updatesSince(cursor)!.updates;
    if (told?.kind !== "appended" || told.extent.source.kind !== "inline") throw new Error("inline bytes were expected");
    return told.extent.source.records;
  };
  inlineOf().fill(0);
  expect(inlineOf()).toEqual(new Uint8Array(100).fill(7));
});
