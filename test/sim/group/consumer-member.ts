/**
 * A consumer of KIP-848 as clients are: it beats, gives up what it is no longer assigned before it says so, takes what it is given,
 * and begins anew when it is fenced.
 */
import type { ConsumerHeartbeatAnswer } from "../../../core/group/consumer/requests.ts";
import type { GroupCluster } from "./cluster.ts";
import { Committer } from "./committer.ts";
import { instanceOf, Process, type Behaviour, type SharedProcess } from "./process.ts";

const beatMs = 2000;

export class ConsumerMember implements Behaviour {
  readonly process: Process;
  readonly #cluster: GroupCluster;
  readonly #instance: string | null;
  readonly #committer: Committer;
  #owned = new Set<number>();
  #assigned: ReadonlySet<number> = new Set();
  #lives = 0;
  #memberId = "";
  #revoking = false;
  /** What the group was told it owns; undefined when that may be lost. */
  #said: string | undefined;
  epoch = 0;

  /** `shared`: of a process that speaks another protocol in other lives. */
  constructor(cluster: GroupCluster, index: number, shared?: SharedProcess) {
    this.#cluster = cluster;
    const name = `consumer${index}`;
    this.#instance = instanceOf(cluster, index, shared);
    this.#committer = new Committer(cluster, name);
    this.process = shared?.process ?? new Process(cluster.world, name, cluster.storm, this);
  }

  get owned(): readonly number[] {
    return [...this.#owned].sort((one, other) => one - other);
  }

  begin(): void {
    this.#memberId = `${this.process.name}-${++this.#lives}`;
    this.#beat();
  }

  leave(): void {
    this.#give(this.owned);
    this.#cluster.gateway.call(this.#heartbeat(this.#instance === null ? -1 : -2), () => {});
  }

  lose(): void {
    this.#give(this.owned);
    this.#assigned = new Set();
    this.#said = undefined;
    this.#revoking = false;
    this.epoch = 0;
  }

  #give(partitions: readonly number[]): void {
    for (const partition of partitions) this.#owned.delete(partition);
    const { record, world } = this.#cluster;
    if (partitions.length > 0) record({ kind: "released", at: world.now, member: this.#memberId, partitions });
  }

  #heartbeat(memberEpoch: number) {
    const { owned } = this;
    const joins = memberEpoch === 0;
    const everything = joins || this.#said === undefined;
    const news = everything || this.#said !== owned.join();
    this.#said = owned.join();
    const topicPartitions = owned.length > 0 ? [{ topicId: this.#cluster.topic.topicId, partitions: owned }] : [];
    return {
      kind: "consumer-heartbeat" as const,
      facts: { apiVersion: 1, clientId: this.process.name, clientHost: "/sim" },
      request: {
        memberId: this.#memberId,
        memberEpoch,
        instanceId: this.#instance,
        rackId: null,
        rebalanceTimeoutMs: everything ? 30_000 : -1,
        subscribedTopicNames: everything ? [this.#cluster.topic.name] : null,
        subscribedTopicRegex: null,
        serverAssignor: null,
        topicPartitions: news ? topicPartitions : null,
      },
    };
  }

  #beat(): void {
    const facts = { apiVersion: 9, clientId: this.process.name, clientHost: "/sim" };
    if (this.#cluster.world.random.chance(0.5))
      this.#committer.commit(this.owned, { memberId: this.#memberId, epoch: this.epoch, instance: this.#instance, facts });
    const heard = this.process.bind((answer: ConsumerHeartbeatAnswer | undefined) => this.#heard(answer));
    this.#cluster.gateway.call(this.#heartbeat(this.epoch), heard);
  }

  #heard(answer: ConsumerHeartbeatAnswer | undefined): void {
    const { world, record } = this.#cluster;
    if (answer?.errorCode !== 0) world.log(`${this.process.name} got ${answer?.errorCode ?? "nothing"}`);
    switch (answer?.errorCode) {
      case 0:
        this.epoch = answer.memberEpoch;
        if (answer.assignment !== null) this.#take(new Set(answer.assignment.flatMap(({ partitions }) => partitions)));
        break;
      case undefined:
      case 14:
        // What it said may be lost: it says everything again.
        this.#said = undefined;
        break;
      case 82:
        return this.process.end("is fenced");
      case 69:
        // The group went on under the classic protocol without this member.
        return this.process.end("has lost its group");
      case 25:
      case 110:
        this.lose();
        break;
      case 111:
        // The instance is not released yet: its session has to end first.
        break;
      default:
        record({ kind: "stuck", at: world.now, what: `${this.process.name} got error ${answer?.errorCode}` });
    }
    const hasNews = this.#said !== undefined && this.#said !== this.owned.join();
    this.process.after(hasNews ? 50 : beatMs, `${this.process.name} beats`, () => this.#beat());
  }

  #take(assigned: ReadonlySet<number>): void {
    const { world, record } = this.#cluster;
    this.#assigned = assigned;
    const gained = [...assigned].filter((partition) => !this.#owned.has(partition));
    for (const partition of gained) this.#owned.add(partition);
    if (gained.length > 0) {
      record({ kind: "owns", at: world.now, member: this.#memberId, partitions: gained });
      this.#committer.fetch(gained, this.#memberId, this.epoch);
    }
    if (this.#revoking || assigned.size === this.#owned.size) return;
    // Giving up takes a while: until then it owns both.
    this.#revoking = true;
    this.process.after(world.random.between(0, 3000), `${this.process.name} revokes`, () => {
      this.#revoking = false;
      this.#give(this.owned.filter((partition) => !this.#assigned.has(partition)));
    });
  }
}
