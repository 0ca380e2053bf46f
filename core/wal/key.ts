/**
 * How objects are called, relative to the cluster's prefix (D12). Leaders name a WAL object by broker, epoch and sequence, one of
 * their own cell by the cursor it was planned at, and everybody derives the key here.
 */
import type { MergedIdentity, WalIdentity } from "./format.ts";

export function walKey({ brokerId, brokerEpoch, sequence }: WalIdentity): string {
  return `wal/${brokerId}/${brokerEpoch}/${sequence}`;
}

export function mergedKey({ cell, cursor }: MergedIdentity): string {
  return `merged/${cell}/${cursor}`;
}
