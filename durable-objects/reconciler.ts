/**
 * Compares the bucket with the cells: an object that nobody refers to, that nobody will ever commit and that is older than a day is an
 * orphan. What D12's watermarks let pass is found here: what a leader drained to when it died, a merge that was written after its claim
 * was lost, a PUT that came to rest after its epoch was tidied away. Page by page: what a cell refers to is asked for, not listed.
 */
import { walIdentityOf } from "../core/wal/key.ts";
import type { BatchCoordinator } from "../core/coordinator.ts";
import type { Survey } from "../core/cluster/wal-garbage.ts";
import type { ObjectStore } from "../storage/object-store.ts";

/** Younger ones may be on their way to being committed. */
export const orphanAgeMs = 86_400_000;

export interface ReconcileHost {
  readonly cells: readonly number[];
  store(): ObjectStore;
  leader(cell: number): Pick<BatchCoordinator, "collect" | "holds">;
  /** After it everything of lower epochs is refused everywhere, and floors are told. */
  survey(): Promise<Survey>;
}

export interface Reconciliation {
  readonly objects: number;
  readonly bytes: number;
  /** Older than a day. */
  readonly orphans: number;
  readonly orphanBytes: number;
  readonly removed: number;
  /** Of orphans, the first few. */
  readonly keys: readonly string[];
  /** Keys that none of ours is called by: never touched. */
  readonly unknown: number;
}

const keysShown = 100;

export async function reconcile(host: ReconcileHost, remove: boolean, nowMs: number): Promise<Reconciliation> {
  const survey = await host.survey();
  const newest = new Map(survey.fences.map(({ brokerId, brokerEpoch }) => [brokerId, brokerEpoch]));
  const mayBeCommitted = (key: string): boolean => {
    const identity = walIdentityOf(key);
    if (identity === undefined || identity.brokerEpoch < (newest.get(identity.brokerId) ?? 0)) return false;
    const floor = survey.floors.get(identity.brokerId);
    return floor === undefined || floor.brokerEpoch !== identity.brokerEpoch || identity.sequence >= floor.floor;
  };
  let result: Reconciliation = { objects: 0, bytes: 0, orphans: 0, orphanBytes: 0, removed: 0, keys: [], unknown: 0 };
  let startAfter: string | undefined;
  do {
    const { objects, next } = await host.store().list("", startAfter === undefined ? {} : { startAfter });
    const ours = objects.filter(({ key }) => /^(wal|merged|segment)\//.test(key));
    const old = ours.filter(({ key, writtenMs }) => nowMs - writtenMs > orphanAgeMs && !mayBeCommitted(key));
    const keys = old.map(({ key }) => key);
    const held = await Promise.all(host.cells.map(async (cell) => new Set(await host.leader(cell).holds(keys))));
    const orphans = old.filter(({ key }) => !held.some((ofCell) => ofCell.has(key)));
    const gone = orphans.map(({ key }) => key);
    if (remove && gone.length > 0) await host.store().delete(gone);
    result = {
      objects: result.objects + objects.length,
      bytes: result.bytes + bytesOf(objects),
      orphans: result.orphans + orphans.length,
      orphanBytes: result.orphanBytes + bytesOf(orphans),
      removed: result.removed + (remove ? gone.length : 0),
      keys: [...result.keys, ...gone].slice(0, keysShown),
      unknown: result.unknown + objects.length - ours.length,
    };
    startAfter = next;
  } while (startAfter !== undefined);
  return result;
}

function bytesOf(objects: readonly { readonly size: number }[]): number {
  return objects.reduce((sum, { size }) => sum + size, 0);
}
