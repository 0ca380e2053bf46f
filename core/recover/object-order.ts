/**
 * In which order objects are read to rebuild a lost cell (decision 11). Write-ahead objects: each broker's as it wrote them, those of
 * different brokers by the time at which they rested. Objects with final offsets: the newest claim first.
 */
import type { PartitionRef } from "../coordinator.ts";
import type { Source } from "../cell/sources.ts";
import { mergedIdentityOf, segmentIdentityOf, walIdentityOf } from "../wal/key.ts";

interface Listed {
  readonly key: string;
  readonly writtenMs: number;
}

export interface WalObject<Object> {
  readonly object: Object;
  readonly source: Extract<Source, { readonly kind: "object" }>;
  /** When it rested, or one before it of its broker. */
  readonly orderMs: number;
}

export interface CellObject<Object> {
  readonly object: Object;
  readonly source: Extract<Source, { readonly kind: "merged" | "segment" }>;
}

/** Keys of other kinds are left out. */
export function walObjectsOf<Object extends Listed>(listed: readonly Object[]): WalObject<Object>[] {
  const objects = listed.flatMap((object) => {
    const identity = walIdentityOf(object.key);
    if (identity === undefined) return [];
    const source = { kind: "object", ...identity, atMs: object.writtenMs } as const;
    return [{ object, source, orderMs: object.writtenMs }];
  });
  objects.sort((left, right) => compareSources(left.source, right.source));
  let last: WalObject<Object> | undefined;
  const ordered = objects.map((found) => {
    // Uploads overtake each other; commits do not.
    const orderMs = last?.source.brokerId === found.source.brokerId ? Math.max(last.orderMs, found.orderMs) : found.orderMs;
    last = { ...found, orderMs };
    return last;
  });
  return ordered.sort((left, right) => left.orderMs - right.orderMs || compareSources(left.source, right.source));
}

function compareSources(left: WalObject<unknown>["source"], right: WalObject<unknown>["source"]): number {
  return left.brokerId - right.brokerId || left.brokerEpoch - right.brokerEpoch || left.sequence - right.sequence;
}

/** Merged objects of these cells and segments of these partitions. */
export function ownObjectsOf<Object extends Listed>(
  listed: readonly Object[],
  cells: readonly number[],
  partitions: readonly PartitionRef[],
): CellObject<Object>[] {
  const isLost = new Set(partitions.map(({ topicId, partition }) => `${topicId}/${partition}`));
  const objects = listed.flatMap((object): (CellObject<Object> & { readonly cell: number })[] => {
    const merged = mergedIdentityOf(object.key);
    if (merged !== undefined) {
      return cells.includes(merged.cell) ? [{ object, cell: merged.cell, source: { kind: "merged", ...merged } }] : [];
    }
    const segment = segmentIdentityOf(object.key);
    if (segment === undefined || !isLost.has(`${segment.topicId}/${segment.partition}`)) return [];
    return [{ object, cell: segment.cell, source: { kind: "segment", ...segment } }];
  });
  return objects.sort(
    (left, right) => right.cell - left.cell || right.source.cursor - left.source.cursor || partOf(right) - partOf(left),
  );
}

function partOf({ source }: CellObject<unknown>): number {
  return source.kind === "merged" ? source.part : 1;
}
