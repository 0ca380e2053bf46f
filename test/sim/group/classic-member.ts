/**
 * A consumer of the classic protocol as stock clients are, eager or cooperative, static or not: it joins, assigns when it leads,
 * syncs, beats, commits, and does what Kafka's clients do about each error code.
 */
import type { ClientFacts, HeartbeatAnswer, JoinGroupAnswer, SyncGroupAnswer } from "../../../core/group/requests.ts";
import { assign, decodePartitions, encodeClaims } from "./assignor.ts";
import type { GroupCluster } from "./cluster.ts";
import { Committer } from "./committer.ts";
import type { GroupCall } from "./gateway.ts";
import { instanceOf, Process, type Behaviour, type SharedProcess } from "./process.ts";

export type ClassicProtocol = "range" | "cooperative-sticky";

/** What a client makes of a connection that broke. */
const disconnected = 13;

export class ClassicMember implements Behaviour {
  readonly process: Process;
  readonly #cluster: GroupCluster;
  readonly #protocol: ClassicProtocol;
  /** Whether others may take a partition only after it has given it up: not across an eager rebalance. */
  readonly #ownsVisibly: boolean;
  readonly #instance: string | null;
  readonly #facts: ClientFacts;
  readonly #sessionMs: number;
  readonly #committer: Committer;
  readonly #owned = new Set<number>();
  /** Answers to what was asked before the latest join mean nothing. */
  #round = 0;
  #memberId = "";
  #subscription = 0;
  #leads = false;
  /** How many partitions the topic had when this generation was assigned; outlives the process, as a deployment's memory does. */
  #seen = { generation: -1, partitions: 0 };
  epoch = -1;

  /** `shared`: of a process that speaks another protocol in other lives. */
  constructor(cluster: GroupCluster, index: number, protocol: ClassicProtocol, shared?: SharedProcess) {
    const { random } = cluster.world;
    this.#cluster = cluster;
    this.#protocol = protocol;
    this.#ownsVisibly = protocol === "cooperative-sticky" || shared !== undefined;
    const name = `member${index}`;
    this.#instance = instanceOf(cluster, index, shared);
    this.#facts = {
      apiVersion: this.#instance === null ? random.pick([3, 9]) : random.pick([7, 9]),
      clientId: name,
      clientHost: "/sim",
    };
    this.#sessionMs = random.between(6000, 20_000);
    this.#committer = new Committer(cluster, name);
    this.process = shared?.process ?? new Process(cluster.world, name, cluster.storm, this);
  }

  get owned(): readonly number[] {
    return [...this.#owned];
  }

  begin(): void {
    this.#join();
  }

  leave(): void {
    const leaving = { memberId: this.#memberId, groupInstanceId: this.#instance };
    this.#cluster.gateway.call({ kind: "leave-group", request: { members: [leaving] } }, () => {});
  }

  lose(): void {
    this.#round++;
    this.#memberId = "";
    this.#forget();
  }

  /** Its generation is no more, and whatever it owned in it. */
  #forget(): void {
    this.#give(this.owned);
    this.epoch = -1;
  }

  #give(partitions: readonly number[]): void {
    for (const partition of partitions) this.#owned.delete(partition);
    this.#note("released", partitions);
  }

  #note(kind: "owns" | "released", partitions: readonly number[]): void {
    if (this.#ownsVisibly && partitions.length > 0)
      this.#cluster.record({ kind, at: this.#cluster.world.now, member: this.#memberId, partitions });
  }

  #ask<Answer>(call: GroupCall, hear: (answer: Answer | undefined) => void): void {
    const round = this.#round;
    const heard = this.process.bind((answer: Answer | undefined) => {
      if (round === this.#round) hear(answer);
    });
    this.#cluster.gateway.call<Answer>(call, heard);
  }

  #after(ms: number, label: string, work: () => void): void {
    const round = this.#round;
    this.process.after(ms, `${this.process.name} ${label}`, () => {
      if (round === this.#round) work();
    });
  }

  #join(): void {
    this.#round++;
    if (this.#protocol === "range") this.#give(this.owned);
    const claims = { version: this.#subscription, generation: this.epoch, owned: this.owned };
    const request = {
      sessionTimeoutMs: this.#sessionMs,
      rebalanceTimeoutMs: 30_000,
      memberId: this.#memberId,
      groupInstanceId: this.#instance,
      protocolType: "consumer",
      protocols: [{ name: this.#protocol, metadata: encodeClaims(claims) }],
    };
    this.#ask<JoinGroupAnswer>({ kind: "join-group", request, facts: this.#facts }, (answer) => {
      if (answer?.errorCode === 0) return this.#joined(answer);
      if (answer?.errorCode !== 79) return this.#failed(answer?.errorCode);
      this.#memberId = answer.memberId;
      this.#join();
    });
  }

  #joined(joined: JoinGroupAnswer): void {
    const { topic } = this.#cluster;
    this.#memberId = joined.memberId;
    this.#leads = joined.leader === joined.memberId;
    if (joined.generationId !== this.#seen.generation)
      this.#seen = { generation: joined.generationId, partitions: topic.partitions };
    const request = {
      generationId: joined.generationId,
      memberId: joined.memberId,
      groupInstanceId: this.#instance,
      protocolType: joined.protocolType,
      protocolName: joined.protocolName,
      assignments: this.#leads && !joined.skipAssignment ? assign(this.#protocol, joined.members, topic.partitions) : [],
    };
    this.#ask<SyncGroupAnswer>({ kind: "sync-group", request }, (answer) => {
      if (answer?.errorCode === 0) this.#synced(joined.generationId, decodePartitions(answer.assignment));
      else this.#failed(answer?.errorCode);
    });
  }

  #synced(generation: number, assigned: readonly number[]): void {
    const { world, record } = this.#cluster;
    record({ kind: "assigned", at: world.now, owner: this.#instance ?? this.#memberId, generation, partitions: assigned });
    const gained = assigned.filter((partition) => !this.#owned.has(partition));
    const lost = this.owned.filter((partition) => !assigned.includes(partition));
    this.epoch = generation;
    for (const partition of gained) this.#owned.add(partition);
    this.#note("owns", gained);
    if (gained.length > 0) this.#committer.fetch(gained, null, -1);
    if (lost.length === 0) return this.#beat();
    this.#after(world.random.between(0, 1000), "revokes", () => {
      this.#give(lost);
      this.#join();
    });
  }

  #beat(): void {
    this.#after(Math.floor(this.#sessionMs / 3), "beats", () => {
      if (this.#wantsRebalance()) this.#join();
      else this.#goOn();
    });
  }

  /** The leader watches the topic. A static member that led may have come back without being told that it still does. */
  #wantsRebalance(): boolean {
    const { world, storm, topic } = this.#cluster;
    const grown = this.#seen.partitions !== topic.partitions && (this.#leads || this.#instance !== null);
    const changes = (grown && !this.#leads) || world.random.chance(storm.over ? 0 : 0.005);
    if (changes) this.#subscription++;
    return grown || changes;
  }

  #goOn(): void {
    const member = { memberId: this.#memberId, epoch: this.epoch, instance: this.#instance, facts: this.#facts };
    if (this.#cluster.world.random.chance(0.5)) this.#committer.commit(this.owned, member);
    const request = { generationId: this.epoch, memberId: this.#memberId, groupInstanceId: this.#instance };
    this.#ask<HeartbeatAnswer>({ kind: "heartbeat", request }, (answer) => {
      const errorCode = answer?.errorCode ?? disconnected;
      if (errorCode === 0 || errorCode === 15 || errorCode === disconnected) this.#beat();
      else this.#failed(errorCode);
    });
  }

  #failed(errorCode = disconnected): void {
    this.#cluster.world.log(`${this.process.name} got ${errorCode}`);
    switch (errorCode) {
      case 82:
        return this.process.end("is fenced");
      case 25:
        this.#forget();
        this.#memberId = "";
        break;
      case 22:
        this.#forget();
        break;
      case 27:
        return this.#join();
      case disconnected:
      case 14:
      case 15:
        break;
      default:
        this.#cluster.record({ kind: "stuck", at: this.#cluster.world.now, what: `${this.process.name} got error ${errorCode}` });
    }
    this.#after(100, "tries again", () => this.#join());
  }
}
