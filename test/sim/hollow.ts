/** What of a cell's merged objects is for nobody, told from the extents and the objects' own footers: what rewriting them must keep small. */
import { decodeFooterOf } from "../../core/wal/format.ts";
import { kernel } from "../../kernel/kernel.ts";
import type { SimulatedLeader } from "./leader.ts";
import type { PartitionPlace } from "./scenario.ts";
import type { SimulatedStore } from "./store.ts";

/** Hollow objects are left until they are such a part of what the cell holds in objects. */
const leftShare = 1 / 16;

/** Bytes that nobody reads in objects of which at least half has gone, when those are worth an object; otherwise none. */
export function hollowBytes(leader: SimulatedLeader, places: readonly PartitionPlace[], store: SimulatedStore): number {
  const live = new Map<string, number>();
  let heldBytes = 0;
  for (const { key, byteLength } of places.flatMap((place) => leader.objectRanges(place))) {
    live.set(key, (live.get(key) ?? 0) + byteLength);
    heldBytes += byteLength;
  }
  let hollow = 0;
  for (const [key, liveBytes] of live) {
    // A leader does not know what its drain wrote behind the last extent that is left of it; such objects are small.
    const object = /^merged\/\d+\/\d+-1$/.test(key) ? store.objects.get(key) : undefined;
    const found = object && decodeFooterOf(object, (bytes) => kernel.crc32c(bytes));
    if (found?.ok !== true) continue;
    const deadBytes = found.footer.extents.reduce((sum, { byteLength }) => sum + byteLength, -liveBytes);
    if (deadBytes >= liveBytes) hollow += deadBytes;
  }
  return hollow > heldBytes * leftShare ? hollow : 0;
}
