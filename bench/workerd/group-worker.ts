/**
 * Drives groups inside workerd from a Durable Object, as a broker does, with the client that brokers use; beside them an object that
 * does the least such an object can do. One request is one run; the caller takes the time.
 */
import { DurableObject } from "cloudflare:workers";
import type { GroupClient } from "../../core/group/group-client.ts";
import { controllerClient } from "../../durable-objects/controller-client.ts";
import type { Env } from "../../durable-objects/env.ts";
import { groupClient } from "../../durable-objects/group-client.ts";
import type { Group } from "../../durable-objects/group.ts";
import { groupName } from "../../durable-objects/names.ts";
import { ClassicMember, ConsumerMember } from "../../test/workers/group-members.ts";
import type { GroupRun } from "./group-run.ts";

export { Controller } from "../../durable-objects/controller.ts";
export { Group } from "../../durable-objects/group.ts";
export { Leader } from "../../durable-objects/leader.ts";

interface BenchEnv extends Env {
  readonly DRIVER: DurableObjectNamespace<Driver>;
  readonly BARE: DurableObjectNamespace<Bare>;
}

interface Balanced {
  readonly client: GroupClient;
  readonly members: readonly (ClassicMember | ConsumerMember)[];
}

const cluster = "bench";
/** Stock clients beat every 3 s: what is measured is the group, not their patience. */
const beatMs = 100;
const partitionCount = 400;
const partitions = Array.from({ length: partitionCount }, (_, partition) => partition);

export class Bare extends DurableObject<BenchEnv> {
  constructor(ctx: DurableObjectState, env: BenchEnv) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS entry (slot INTEGER PRIMARY KEY, data BLOB)");
  }

  nothing(request: object): object {
    return request;
  }

  /** Over the rows of others, as a group does. */
  row(slot: number, data: Uint8Array): number {
    this.ctx.storage.sql.exec("INSERT OR REPLACE INTO entry (slot, data) VALUES (?, ?)", slot % 256, data);
    return 0;
  }
}

export class Driver extends DurableObject<BenchEnv> {
  readonly #groups = new Map<string, Balanced>();
  #topicId: string | undefined;
  #commits = 0;

  async run(run: GroupRun): Promise<number> {
    switch (run.operation) {
      case "nothing": {
        const bare = this.env.BARE.getByName("bare");
        return await inLanes(run, async () => await bare.nothing({ generationId: 1, memberId: "member", groupInstanceId: null }));
      }
      case "row": {
        const bare = this.env.BARE.getByName("bare");
        const data = new Uint8Array(60).fill(7);
        return await inLanes(run, async (index) => await bare.row(index, data));
      }
      case "balance":
        return await this.#balance(run);
      case "heartbeats":
        return await inLanes(run, async (index) => expectNone(await beat(this.#memberOf(run.group, index))));
      case "commits":
        return await inLanes(run, async (index) => await this.#commit(run.group, index));
      case "rows": {
        const stub = this.env.GROUP.getByName(groupName(cluster, run.group)) as unknown as Pick<Group, "metrics">;
        return (await stub.metrics()).counters["kante_rows_written_total"] ?? 0;
      }
    }
  }

  #memberOf(group: string, index: number): ClassicMember | ConsumerMember {
    const { members } = this.#groups.get(group)!;
    return members[index % members.length]!;
  }

  async #balance({ group, protocol, members: count }: GroupRun & { readonly operation: "balance" }): Promise<number> {
    const topicId = await this.#topic();
    const client = groupClient(this.env, cluster, group);
    const names = Array.from({ length: count }, (_, index) => `member-${index}`);
    const members =
      protocol === "classic"
        ? names.map((name) => new ClassicMember(client, name, partitions))
        : names.map((name) => new ConsumerMember(client, name, topicId));
    const isDone = (): boolean => new Set(members.map(epochOf)).size === 1 && ownedBy(members) === partitionCount;
    await Promise.all(members.map(async (member) => await member.settle(isDone, beatMs)));
    this.#groups.set(group, { client, members });
    return count;
  }

  async #topic(): Promise<string> {
    if (this.#topicId !== undefined) return this.#topicId;
    const controller = controllerClient(this.env, cluster);
    const topic = { name: "topic", partitions: partitionCount, replicationFactor: 1, assignments: [], configs: {} };
    expectNone((await controller.createTopics([topic], false))[0]!.errorCode);
    return (this.#topicId = (await controller.snapshot(0))!.topics[0]!.id);
  }

  async #commit(group: string, index: number): Promise<void> {
    const member = this.#memberOf(group, index);
    const committed = { partition: member.owned![0]!, offset: this.#commits++, leaderEpoch: -1, metadata: "" };
    const request = {
      generationId: epochOf(member),
      memberId: member.memberId,
      groupInstanceId: null,
      retentionTimeMs: -1,
      topics: [{ topicId: await this.#topic(), name: "topic", partitions: [committed] }],
    };
    const facts = { apiVersion: 9, clientId: "bench", clientHost: "/127.0.0.1" };
    expectNone((await this.#groups.get(group)!.client.commitOffsets(request, facts)).partitionErrors[0]![0]!);
  }
}

function epochOf(member: ClassicMember | ConsumerMember): number {
  return member instanceof ClassicMember ? member.generationId : member.epoch;
}

function ownedBy(members: Balanced["members"]): number {
  return members.reduce((sum, { owned }) => sum + (owned?.length ?? 0), 0);
}

async function beat(member: ClassicMember | ConsumerMember): Promise<number> {
  return member instanceof ClassicMember ? await member.heartbeat() : await member.beat();
}

function expectNone(errorCode: number): void {
  if (errorCode !== 0) throw new Error(`answered with error ${errorCode}`);
}

/** So many calls under way, until the time is over: short runs, since an object whose caller is silent for long may be let go. */
async function inLanes(
  { ms, lanes }: { readonly ms: number; readonly lanes: number },
  call: (index: number) => Promise<unknown>,
): Promise<number> {
  const end = Date.now() + ms;
  let next = 0;
  const lane = async (): Promise<void> => {
    while (Date.now() < end) await call(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return next;
}

export default {
  async fetch(request: Request, env: BenchEnv): Promise<Response> {
    return Response.json(await env.DRIVER.getByName("driver").run(await request.json<GroupRun>()));
  },
};
