/**
 * A cell's merger over RPC: what leaders and the recovery ask of it, and which one it is.
 */
import { calledMeanwhile } from "./called-meanwhile.ts";
import { settingsOf, type Env } from "./env.ts";
import { mergerName } from "./names.ts";
import type { CellRecovery, RecoverRequest } from "./recovery.ts";

/** What a leader counts. */
export interface MergeSummary {
  readonly merges: number;
  readonly compactions: number;
  readonly bytes: number;
  readonly gets: number;
  readonly damaged: number;
  readonly lost: number;
}

export interface MergerRpc {
  /** Merges until the cell has nothing due, or others have waited long enough. */
  work(cell: number): Promise<MergeSummary>;
  /** Puts a lost cell's logs together from the bucket (decision 11); `put`: also the object that the new cell begins with. */
  recover(request: RecoverRequest, put: boolean): Promise<CellRecovery>;
  /** While it works: see called-meanwhile.ts. */
  ping(): Promise<void>;
}

/** Of the merger of a cell; cells share them. */
export function mergerNameOf(env: Env, cluster: string, cell: number): string {
  const count = Math.max(1, Math.floor(settingsOf(env)["mergers.max"]));
  return mergerName(cluster, cell % count);
}

export function mergerOf(env: Env, cluster: string, cell: number): Omit<MergerRpc, "ping"> {
  const merger = env.MERGER.getByName(mergerNameOf(env, cluster, cell)) as unknown as MergerRpc;
  const ping = () => merger.ping();
  return {
    work: async (ofCell) => await calledMeanwhile(merger.work(ofCell), ping),
    recover: async (request, put) => await calledMeanwhile(merger.recover(request, put), ping),
  };
}
