/**
 * How objects are called, relative to the cluster's prefix (D12). Leaders name a WAL object by broker, epoch and sequence, one of
 * their own cell by the cursor it was planned at or by the claim of its merge, and everybody derives the key here.
 */
import type { PartitionRef } from "../coordinator.ts";
import type { MergedIdentity, WalIdentity } from "./format.ts";

/** A partition's own object: it begins at the offset, and was written under a claim of the cell. */
export interface SegmentIdentity extends PartitionRef {
  readonly cell: number;
  readonly cursor: number;
  readonly baseOffset: number;
}

export function walKey({ brokerId, brokerEpoch, sequence }: WalIdentity): string {
  return `wal/${brokerId}/${brokerEpoch}/${sequence}`;
}

export function mergedKey({ cell, cursor, part }: MergedIdentity): string {
  return part === 0 ? `merged/${cell}/${cursor}` : `merged/${cell}/${cursor}-${part}`;
}

/** Twenty digits, as Kafka names its files. */
export function segmentKey({ topicId, partition, baseOffset, cell, cursor }: SegmentIdentity): string {
  return `segment/${topicId}/${partition}/${String(baseOffset).padStart(20, "0")}-${cell}-${cursor}.log`;
}

export function isSegmentKey(key: string): boolean {
  return key.startsWith("segment/");
}

/** What lies beside a segment. */
export function indexKeys(segment: string): { readonly index: string; readonly timeIndex: string } {
  const stem = segment.slice(0, -".log".length);
  return { index: `${stem}.index`, timeIndex: `${stem}.timeindex` };
}

/** Undefined: it is not the key of a merged object. */
export function mergedIdentityOf(key: string): MergedIdentity | undefined {
  const match = /^merged\/(\d+)\/(\d+)(?:-(\d+))?$/.exec(key);
  return match === null ? undefined : { cell: Number(match[1]), cursor: Number(match[2]), part: Number(match[3] ?? 0) };
}

/** Undefined: it is not the key of a segment's log. */
export function segmentIdentityOf(key: string): SegmentIdentity | undefined {
  const match = /^segment\/([0-9a-f-]{36})\/(\d+)\/(\d{20})-(\d+)-(\d+)\.log$/.exec(key);
  if (match === null) return undefined;
  const [, topicId, partition, baseOffset, cell, cursor] = match;
  return {
    topicId: topicId!,
    partition: Number(partition),
    baseOffset: Number(baseOffset),
    cell: Number(cell),
    cursor: Number(cursor),
  };
}

/** Undefined: it is not the key of a write-ahead object. */
export function walIdentityOf(key: string): WalIdentity | undefined {
  const match = /^wal\/(\d+)\/(\d+)\/(\d+)$/.exec(key);
  return match === null ? undefined : { brokerId: Number(match[1]), brokerEpoch: Number(match[2]), sequence: Number(match[3]) };
}
