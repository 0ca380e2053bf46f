/**
 * The Merger Durable Object: does the byte work of merging for some cells, one claim at a time, when a leader's alarm sends for it. It
 * remembers nothing: whatever becomes of it, the leader's claim runs out and the work is done again [I7].
 */
import { DurableObject } from "cloudflare:workers";
import type { BatchCoordinator, Compacted, MergeClaim } from "../core/coordinator.ts";
import { kernel } from "../kernel/kernel.ts";
import { TooSlow, WorkingTime } from "../core/merge/working-time.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import { CostMeter, meterCalls } from "./cost-meter.ts";
import { settingsOf, type Env } from "./env.ts";
import { leaderClient } from "./leader-client.ts";
import { Log } from "./log.ts";
import type { MetricsSnapshot } from "./metrics.ts";
import { Pace } from "./pace.ts";
import { writeCompacted, type KeptMap } from "./compact-work.ts";
import { writeMerged, type MergeOutcome } from "./merge-work.ts";
import type { MergerRpc, MergeSummary } from "./merger-client.ts";
import { clusterOf } from "./names.ts";
import { recoverCell, type CellRecovery, type RecoverRequest } from "./recovery.ts";
import { openStore } from "./stores.ts";

/** In one call; the leader's alarm rings again while there is more. */
const claimsMax = 16;
const nothing: MergeSummary = { merges: 0, compactions: 0, bytes: 0, gets: 0, damaged: 0, lost: 0 };

export class Merger extends DurableObject<Env> implements MergerRpc {
  readonly #cluster: string;
  readonly #log: Log;
  readonly #cost = new CostMeter(this);
  readonly #pace: Pace;
  /** One cell after the other: the memory is for one. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Of the compaction that is under way. */
  #kept: KeptMap | undefined;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const name = ctx.id.name ?? "";
    this.#cluster = clusterOf(name);
    const settings = settingsOf(env);
    this.#log = new Log(settings["log.level"], { object: name });
    this.#pace = new Pace(settings["merge.time.ratio"]);
  }

  async work(cell: number): Promise<MergeSummary> {
    const time = new WorkingTime(Date.now());
    const work = this.#turn.then(() => this.#work(cell, time));
    this.#turn = work.catch(() => {});
    return await work;
  }

  async recover(request: RecoverRequest, put: boolean): Promise<CellRecovery> {
    const store = openStore(this.env, this.#cluster, this.#cost.count);
    const work = this.#turn.then(async () => {
      const recovery = await recoverCell(request, store, kernel, Date.now());
      if (put && recovery.object !== undefined) await store.put(recovery.object.key, recovery.object.bytes);
      return recovery;
    });
    this.#turn = work.catch(() => {});
    return await work;
  }

  async #work(cell: number, time: WorkingTime): Promise<MergeSummary> {
    const leader = leaderClient(this.env, this.#cluster, cell);
    const store = openStore(this.env, this.#cluster, this.#cost.count);
    const summary = { ...nothing };
    this.#kept = undefined;
    for (let claims = 0; claims < claimsMax && time.mayBegin(Date.now()); claims++) {
      const reply = await leader.claimMerge();
      if (reply.kind !== "claimed") break;
      const { merges, compactions, bytes, gets, damaged, lost } = await this.#carryOut(reply.claim, leader, store, time);
      summary.merges += merges;
      summary.compactions += compactions;
      summary.bytes += bytes;
      summary.gets += gets;
      summary.damaged += damaged;
      summary.lost += lost;
    }
    this.#kept = undefined;
    return summary;
  }

  async ping(): Promise<void> {}

  async metrics(): Promise<MetricsSnapshot> {
    return this.#cost.snapshot();
  }

  async #write(
    claim: MergeClaim,
    store: ObjectStore,
    time: WorkingTime,
  ): Promise<MergeOutcome & { readonly compacted?: Compacted | undefined }> {
    const pace = async (byteLength: number, gets: number): Promise<void> => {
      time.goOn(Date.now(), gets);
      await this.#pace.next(byteLength);
    };
    if (claim.kind !== "compacted") return await writeMerged(claim, store, kernel, pace);
    const [a, b, c, d] = crypto.getRandomValues(new Uint32Array(4));
    const outcome = await writeCompacted(claim, store, kernel, { secret: [a!, b!, c!, d!], known: this.#kept, pace });
    this.#kept = outcome.kept;
    return outcome;
  }

  async #carryOut(claim: MergeClaim, leader: BatchCoordinator, store: ObjectStore, time: WorkingTime): Promise<MergeSummary> {
    const { number, cell, key, inputs } = claim;
    const facts = { cell, key, inputs: inputs.length };
    try {
      const { byteLength, gets, damage, compacted } = await this.#write(claim, store, time);
      if (damage.length > 0) {
        for (const { key: input, message } of damage) this.#log.error("merge-input-damaged", { ...facts, input, message });
        await leader.releaseMerge({ number, damaged: damage.map((found) => found.key) });
        return { ...nothing, gets, damaged: damage.length };
      }
      const reply = await leader.commitMerge(number, compacted);
      if (reply.kind === "lost") {
        this.#log.warn("merge-lost", facts);
        return { ...nothing, bytes: byteLength, gets, lost: 1 };
      }
      const isCompaction = compacted !== undefined;
      this.#log.info(isCompaction ? "compacted" : "merged", { ...facts, bytes: byteLength, gets, extents: reply.extents });
      return { ...nothing, bytes: byteLength, gets, ...(isCompaction ? { compactions: 1 } : { merges: 1 }) };
    } catch (error) {
      const isSlow = error instanceof TooSlow;
      await leader.releaseMerge({ number, damaged: [], isSlow }).catch(() => {});
      if (!isSlow) throw error;
      this.#log.warn("merge-too-slow", facts);
      return { ...nothing, lost: 1 };
    } finally {
      this.#pace.end();
    }
  }
}

meterCalls(Merger);
