/**
 * Puts a cell's leader before tests that run in Node: one request is one call of the leader's client, so commits are packed and cross
 * the RPC as a broker's do. The leader can be made to die on the spot.
 */
import type { CommitRequest, Cursor } from "../../../../core/coordinator.ts";
import type { PackedFollow } from "../../../../durable-objects/follow-wire.ts";
import { packCommit, type PackedCommit } from "../../../../durable-objects/leader-wire.ts";
import { leaderClient } from "../../../../durable-objects/leader-client.ts";
import { Leader as ProductLeader } from "../../../../durable-objects/leader.ts";
import type { Env } from "../../../../durable-objects/env.ts";
import { leaderName } from "../../../../durable-objects/names.ts";
import { operatingErrorKind } from "../../../../core/operating-error.ts";
import { decodeCall, encodeAnswer } from "./wire.ts";

export class Leader extends ProductLeader {
  #followers = 0;

  override async followPacked(cursor: Cursor, maxWaitMs: number): Promise<PackedFollow> {
    this.#followers += 1;
    try {
      return await super.followPacked(cursor, maxWaitMs);
    } finally {
      this.#followers -= 1;
    }
  }

  async followers(): Promise<number> {
    return this.#followers;
  }

  /** Dies so many turns after the row was written and its followers were woken. */
  async commitAndCrash(commit: PackedCommit, turns: number): Promise<void> {
    void this.commitPacked(commit).catch(() => {});
    for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => void setTimeout(resolve, 0));
    this.ctx.abort("killed by a test");
  }

  /** Everything in memory is gone, as after an eviction. */
  async crash(): Promise<void> {
    this.ctx.abort("killed by a test");
  }

  async tables(): Promise<{ readonly journal: number; readonly inline: number; readonly snapshot: number }> {
    const [counts] = this.ctx.storage.sql
      .exec<{ journal: number; inline: number; snapshot: number }>(
        "SELECT (SELECT count(*) FROM journal) AS journal, (SELECT count(inline) FROM journal) AS inline, (SELECT count(*) FROM snapshot) AS snapshot",
      )
      .toArray();
    return counts!;
  }
}

function stub(env: Env, cell: number): Leader {
  return env.LEADER.getByName(leaderName("test", cell)) as unknown as Leader;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { cell, name, args } = decodeCall(await request.text());
    try {
      if (name === "crash") {
        await stub(env, cell)
          .crash()
          .catch(() => {});
        return new Response(encodeAnswer(null));
      }
      if (name === "commitAndCrash") {
        const [commit, turns] = args as [CommitRequest, number];
        await stub(env, cell)
          .commitAndCrash(packCommit(commit), turns)
          .catch(() => {});
        return new Response(encodeAnswer(null));
      }
      if (name === "followers") return new Response(encodeAnswer(await stub(env, cell).followers()));
      if (name === "tables") return new Response(encodeAnswer(await stub(env, cell).tables()));
      // A Worker's stubs belong to one request.
      const method = leaderClient(env, "test", cell)[name] as (...given: unknown[]) => Promise<unknown>;
      return new Response(encodeAnswer((await method(...args)) ?? null));
    } catch (error) {
      return new Response(JSON.stringify({ kind: operatingErrorKind(error), message: String(error) }), { status: 500 });
    }
  },
};
