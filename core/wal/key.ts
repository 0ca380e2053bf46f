/**
 * How objects are called, relative to the cluster's prefix (D12). Leaders name a WAL object by broker, epoch and sequence, one of
 * their own cell by the cursor it was planned at or by the claim of its merge, and everybody derives the key here.
 */
import type { MergedIdentity, WalIdentity } from "./format.ts";

export function walKey({ brokerId, brokerEpoch, sequence }: WalIdentity): string {
  return `wal/${brokerId}/${brokerEpoch}/${sequence}`;
}

export function mergedKey({ cell, cursor, part }: MergedIdentity): string {
  return part === 0 ? `merged/${cell}/${cursor}` : `merged/${cell}/${cursor}-${part}`;
}
