/**
 * A group under a hand-moved clock, with its rows in memory as the Durable Object keeps them: requests go in, answers are collected
 * by request, and a restart rebuilds the group from what was written and nothing else.
 */
import type { TopicsView } from "../../../core/group/consumer/requests.ts";
import type { GroupRequest } from "../../../core/group/events.ts";
import { GroupMachine } from "../../../core/group/machine.ts";
import { groupOptions, type GroupOptions } from "../../../core/group/options.ts";
import type { Effect } from "../../../core/group/outbox.ts";
import type {
  DescribeGroupAnswer,
  HeartbeatAnswer,
  JoinGroupAnswer,
  LeaveGroupAnswer,
  OffsetCommitAnswer,
  OffsetDeleteAnswer,
  OffsetFetchAnswer,
  SyncGroupAnswer,
} from "../../../core/group/requests.ts";
import type { StoredRow, StoredSnapshot } from "../../../core/group/ring.ts";
import { settingDefaults } from "../../../core/settings.ts";

export const topicA = { topicId: "00000000-0000-4000-8000-00000000000a", name: "a" };
export const topicB = { topicId: "00000000-0000-4000-8000-00000000000b", name: "b" };

const encoder = new TextEncoder();
export const text = (value: string) => encoder.encode(value);
export const untext = (value: Uint8Array) => new TextDecoder().decode(value);

/** A consumer's subscription, version 0. */
export function subscription(...topics: string[]): Uint8Array {
  const names = topics.flatMap((topic) => [0, topic.length, ...text(topic)]);
  return Uint8Array.from([0, 0, 0, 0, 0, topics.length, ...names, 255, 255, 255, 255]);
}

export class Rows {
  readonly slots = new Map<number, StoredRow>();
  snapshot: StoredSnapshot | undefined;
  written = 0;

  apply(effect: Effect): void {
    if (effect.kind === "row") {
      this.slots.set(effect.slot, { sequence: effect.sequence, entry: effect.entry.slice() });
      this.written++;
    } else if (effect.kind === "snapshot") {
      this.snapshot = { sequence: effect.sequence, chunks: effect.chunks.map((chunk) => chunk.slice()) };
      this.written += effect.chunks.length;
    } else if (effect.kind === "wipe") {
      this.slots.clear();
      this.snapshot = undefined;
    }
  }
}

export class Harness {
  readonly options: GroupOptions;
  readonly rows = new Rows();
  readonly answers = new Map<number, unknown>();
  now = 1_000_000;
  /** What groups that assign partitions are shown when somebody joins. */
  view: TopicsView | undefined;
  group: GroupMachine;
  #nextRequest = 1;
  #nextUuid = 1;

  constructor(options: Partial<GroupOptions> = {}) {
    this.options = { ...groupOptions(settingDefaults), initialRebalanceDelayMs: 3000, ...options };
    this.group = new GroupMachine(this.options);
  }

  send(request: GroupRequest): number {
    const requestId = this.#nextRequest++;
    this.#perform(this.group.handle({ ...request, requestId }, this.now));
    return requestId;
  }

  /** The answer, which must be there at once. */
  ask<Answer>(request: GroupRequest): Answer {
    const requestId = this.send(request);
    if (!this.answers.has(requestId)) throw new Error(`${request.kind} is parked`);
    return this.answers.get(requestId) as Answer;
  }

  alarm(): void {
    this.#perform(this.group.handle({ kind: "alarm" }, this.now));
  }

  advance(ms: number): void {
    const end = this.now + ms;
    for (let at = this.group.nextDeadline(); at !== undefined && at <= end; at = this.group.nextDeadline()) {
      this.now = Math.max(this.now, at);
      this.#perform(this.group.tick(this.now));
    }
    this.now = end;
  }

  /** The object is evicted or killed: what was parked is never answered. */
  restart(): void {
    this.group = GroupMachine.restore(this.options, this.rows.snapshot, [...this.rows.slots.values()], this.now);
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.kind === "reply") this.answers.set(effect.requestId, effect.answer);
      else this.rows.apply(effect);
    }
  }

  join(options: JoinOptions = {}): number {
    const { version = 9, clientId = "client", memberId = "", instance = null, type = "consumer" } = options;
    const { session = 10_000, rebalance = 60_000, protocols = ["range"], metadata = subscription("a") } = options;
    return this.send({
      kind: "join-group",
      uuid: `uuid${this.#nextUuid++}`,
      view: this.view,
      facts: { apiVersion: version, clientId, clientHost: "/127.0.0.1" },
      request: {
        sessionTimeoutMs: session,
        rebalanceTimeoutMs: rebalance,
        memberId,
        groupInstanceId: instance,
        protocolType: type,
        protocols: protocols.map((name) => ({ name, metadata })),
      },
    });
  }

  joined(requestId: number): JoinGroupAnswer {
    const answer = this.answers.get(requestId);
    if (answer === undefined) throw new Error("the join is parked");
    return answer as JoinGroupAnswer;
  }

  /** Both steps of a new dynamic member; answers its id, the join itself may be parked. */
  enter(options: JoinOptions = {}): { readonly memberId: string; readonly request: number } {
    const { memberId } = this.joined(this.join(options));
    return { memberId, request: this.join({ ...options, memberId }) };
  }

  sync(memberId: string, generationId: number, assignments: Record<string, string> = {}, options: SyncOptions = {}): number {
    return this.send({
      kind: "sync-group",
      request: {
        generationId,
        memberId,
        groupInstanceId: options.instance ?? null,
        protocolType: options.type ?? null,
        protocolName: options.protocol ?? null,
        assignments: Object.entries(assignments).map(([id, assignment]) => ({ memberId: id, assignment: text(assignment) })),
      },
    });
  }

  synced(requestId: number): SyncGroupAnswer {
    const answer = this.answers.get(requestId);
    if (answer === undefined) throw new Error("the sync is parked");
    return answer as SyncGroupAnswer;
  }

  heartbeat(memberId: string, generationId: number, instance: string | null = null): number {
    const request = { generationId, memberId, groupInstanceId: instance };
    return this.ask<HeartbeatAnswer>({ kind: "heartbeat", request }).errorCode;
  }

  leave(...members: { memberId: string; instance?: string }[]): readonly number[] {
    const answer = this.ask<LeaveGroupAnswer>({
      kind: "leave-group",
      request: { members: members.map(({ memberId, instance }) => ({ memberId, groupInstanceId: instance ?? null })) },
    });
    return answer.members.map(({ errorCode }) => errorCode);
  }

  commit(offsets: Record<number, number>, options: CommitOptions = {}): readonly number[] {
    const { topic = topicA, memberId = "", generationId = -1, instance = null, version = 9 } = options;
    const partitions = Object.entries(offsets).map(([partition, offset]) => ({
      partition: Number(partition),
      offset,
      leaderEpoch: options.leaderEpoch ?? -1,
      metadata: options.metadata ?? null,
    }));
    const answer = this.ask<OffsetCommitAnswer>({
      kind: "offset-commit",
      facts: { apiVersion: version, clientId: "client", clientHost: "/127.0.0.1" },
      request: {
        generationId,
        memberId,
        groupInstanceId: instance,
        retentionTimeMs: options.retentionTimeMs ?? -1,
        topics: [{ ...topic, partitions }],
      },
    });
    return answer.partitionErrors[0]!;
  }

  fetch(topics: readonly { topicId: string; name: string; partitions: number[] }[] | null): OffsetFetchAnswer {
    return this.ask({ kind: "offset-fetch", request: { memberId: null, memberEpoch: -1, topics, requireStable: false } });
  }

  committed(partition: number, topic = topicA): number {
    return this.fetch([{ ...topic, partitions: [partition] }]).topics[0]!.partitions[0]!.offset;
  }

  deleteOffsets(topic: typeof topicA, partitions: number[]): OffsetDeleteAnswer {
    return this.ask({ kind: "offset-delete", request: { topics: [{ ...topic, partitions }] } });
  }

  describe(): DescribeGroupAnswer {
    return this.ask({ kind: "describe-group" });
  }

  /** A stable group of `count` dynamic members, all in generation 1; the first leads. */
  stable(count: number, options: JoinOptions = {}): { readonly ids: readonly string[]; readonly generationId: number } {
    const joins = Array.from({ length: count }, () => this.join({ version: 3, ...options }));
    this.advance(this.options.initialRebalanceDelayMs * 2);
    const ids = joins.map((join) => this.joined(join).memberId);
    const { generationId } = this.joined(joins[0]!);
    const assignments = Object.fromEntries(ids.map((id, index) => [id, `part ${index}`]));
    for (const id of ids) this.sync(id, generationId, assignments);
    return { ids, generationId };
  }
}

export interface JoinOptions {
  readonly version?: number;
  readonly clientId?: string;
  readonly memberId?: string;
  readonly instance?: string | null;
  readonly type?: string;
  readonly session?: number;
  readonly rebalance?: number;
  readonly protocols?: readonly string[];
  readonly metadata?: Uint8Array;
}

export interface SyncOptions {
  readonly instance?: string;
  readonly type?: string;
  readonly protocol?: string;
}

export interface CommitOptions {
  readonly topic?: typeof topicA;
  readonly memberId?: string;
  readonly generationId?: number;
  readonly instance?: string | null;
  readonly version?: number;
  readonly metadata?: string | null;
  readonly leaderEpoch?: number;
  readonly retentionTimeMs?: number;
}
