/**
 * A consumer of KIP-848 as clients are: it beats, gives up what it is no longer assigned before it says so, takes what it is given,
 * and begins anew when it is fenced. Beside that it pauses, dies, leaves and changes its mind.
 */
import type { ConsumerHeartbeatAnswer, DescribeConsumerGroupAnswer, TopicsView } from "../../../core/group/consumer/requests.ts";
import type { OffsetCommitAnswer } from "../../../core/group/requests.ts";
import { topicA } from "./harness.ts";
import type { World } from "./sim-world.ts";

export const partitions = 12;
const view: TopicsView = { version: 1, topics: new Map([["a", { id: topicA.topicId, partitions }]]) };
const failed = { errorCode: 14 };

export class Consumer {
  readonly #world: World;
  readonly #others: readonly Consumer[];
  readonly #name: string;
  readonly #instance: string | null;
  #life = 0;
  #paused = false;
  #position = 0;
  #said: string | undefined;
  #assigned: ReadonlySet<number> = new Set();
  memberId = "";
  memberEpoch = 0;
  owned = new Set<number>();

  constructor(world: World, others: readonly Consumer[], index: number) {
    this.#world = world;
    this.#others = others;
    this.#name = `consumer${index}`;
    this.#instance = world.random() < 0.3 ? `instance${index}` : null;
  }

  start(): void {
    this.#life++;
    this.#paused = false;
    this.memberId = `${this.#name}-${this.#life}`;
    this.#reset();
    this.#beat(this.#life);
    this.#live(this.#life);
  }

  #reset(): void {
    this.memberEpoch = 0;
    this.owned = new Set();
    this.#assigned = new Set();
    this.#said = undefined;
  }

  #live(life: number): void {
    this.#world.after(this.#world.between(200, 4000), () => {
      if (life !== this.#life) return;
      if (this.#world.chance(0.02)) return this.#end("dies");
      if (this.#world.chance(0.02)) {
        this.#world.call(this.#heartbeat(this.#instance === null ? -1 : -2), failed, () => {});
        return this.#end("leaves");
      }
      if (this.#world.chance(0.03)) this.#pause(this.#world.between(1000, 70_000));
      this.#live(life);
    });
  }

  #end(how: string): void {
    this.#world.note(`${this.#name} ${how}`);
    this.#life++;
    this.#reset();
    this.#world.after(this.#world.between(100, 60_000), () => this.start());
  }

  #pause(ms: number): void {
    this.#world.note(`${this.#name} pauses for ${ms}`);
    this.#paused = true;
    this.#world.after(ms, () => (this.#paused = false));
  }

  #heartbeat(memberEpoch: number) {
    const owned = [...this.owned].sort((left, right) => left - right);
    const topicPartitions = owned.length > 0 ? [{ topicId: topicA.topicId, partitions: owned }] : [];
    const all = memberEpoch === 0 || this.#said === undefined;
    const news = all || this.#said !== owned.join();
    this.#said = owned.join();
    return {
      kind: "consumer-heartbeat" as const,
      facts: { apiVersion: 1, clientId: this.#name, clientHost: "/sim" },
      uuid: "",
      view,
      request: {
        memberId: this.memberId,
        memberEpoch,
        instanceId: this.#instance,
        rackId: null,
        rebalanceTimeoutMs: all ? 30_000 : -1,
        subscribedTopicNames: all ? ["a"] : null,
        subscribedTopicRegex: null,
        serverAssignor: null,
        topicPartitions: news ? topicPartitions : null,
      },
    };
  }

  #beat(life: number): void {
    if (life !== this.#life) return;
    if (this.#paused) return this.#world.after(500, () => this.#beat(life));
    if (this.owned.size > 0) this.#commit();
    const read = (answer: unknown): void => {
      if (life !== this.#life) return;
      if (this.#paused) return this.#world.after(500, () => read(answer));
      this.#beaten(answer as ConsumerHeartbeatAnswer, life);
    };
    this.#world.call(this.#heartbeat(this.memberEpoch), failed, read);
  }

  #beaten(answer: ConsumerHeartbeatAnswer, life: number): void {
    if (answer.errorCode === 14) {
      // What it said may be lost: it says everything again.
      this.#said = undefined;
    } else if (answer.errorCode === 82) {
      return this.#end("is fenced");
    } else if (answer.errorCode !== 0) {
      this.#world.note(`${this.#name} got ${answer.errorCode}`);
      this.#reset();
    } else {
      this.memberEpoch = answer.memberEpoch;
      if (answer.assignment !== null) this.#take(new Set(answer.assignment.flatMap(({ partitions }) => partitions)));
    }
    this.#world.after(this.#said === [...this.owned].sort((left, right) => left - right).join() ? 2000 : 50, () =>
      this.#beat(life),
    );
  }

  #take(assigned: ReadonlySet<number>): void {
    const members = new Set(
      this.#world.look<DescribeConsumerGroupAnswer>({ kind: "describe-consumer-group" }).members.map(({ memberId }) => memberId),
    );
    for (const partition of assigned) {
      const other = this.#others.find(
        (consumer) => consumer !== this && consumer.owned.has(partition) && members.has(consumer.memberId),
      );
      if (other !== undefined && members.has(this.memberId)) {
        throw new Error(`partition ${partition} is owned by ${other.memberId} and given to ${this.memberId}`);
      }
    }
    // Giving up takes a while: until then it owns both.
    const life = this.#life;
    this.#assigned = assigned;
    this.owned = new Set([...this.owned, ...assigned]);
    this.#world.after(this.#world.between(0, 3000), () => {
      if (life === this.#life) this.owned = new Set([...this.owned].filter((partition) => this.#assigned.has(partition)));
    });
  }

  #commit(): void {
    const offset = ++this.#position;
    const request = {
      generationId: this.memberEpoch,
      memberId: this.memberId,
      groupInstanceId: this.#instance,
      retentionTimeMs: -1,
      topics: [
        { ...topicA, partitions: [...this.owned].map((partition) => ({ partition, offset, leaderEpoch: -1, metadata: "" })) },
      ],
    };
    const facts = { apiVersion: 9, clientId: this.#name, clientHost: "/sim" };
    const lost: OffsetCommitAnswer = { partitionErrors: [[14]] };
    this.#world.call({ kind: "offset-commit", request, facts }, lost, () => {});
  }
}

/** What the group itself holds: no partition assigned twice. */
export function assertDisjoint(group: DescribeConsumerGroupAnswer): void {
  const owners = new Map<number, string>();
  for (const { memberId, assignment } of group.members) {
    for (const partition of assignment.flatMap(({ partitions }) => partitions)) {
      const other = owners.get(partition);
      if (other !== undefined) throw new Error(`partition ${partition} is assigned to ${other} and ${memberId}`);
      owners.set(partition, memberId);
    }
  }
}
