/**
 * How WAL objects are called, relative to the cluster's prefix (D12). Leaders name an object by broker, epoch and sequence, and
 * everybody derives the key here.
 */
import type { WalIdentity } from "./format.ts";

export function walKey({ brokerId, brokerEpoch, sequence }: WalIdentity): string {
  return `wal/${brokerId}/${brokerEpoch}/${sequence}`;
}
