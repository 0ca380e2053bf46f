/** Members of a group inside the runtime, for tests and benches: they speak through the client that brokers use. */
import type { GroupClient } from "../../core/group/group-client.ts";
import type { ConsumerHeartbeatAnswer } from "../../core/group/consumer/requests.ts";
import type { JoinGroupAnswer, SyncGroupAnswer } from "../../core/group/requests.ts";
import { subscription, text, untext } from "../core/group/harness.ts";

/** How long a member that has nothing to say waits before it beats again. */
const pauseMs = 5;
const facts = (clientId: string, apiVersion: number) => ({ apiVersion, clientId, clientHost: "/127.0.0.1" });

export class ClassicMember {
  memberId = "";
  generationId = -1;
  owned: readonly number[] | undefined;
  joined: JoinGroupAnswer | undefined;
  /** Every error code that was answered. */
  readonly codes = new Set<number>();
  readonly #group: GroupClient;
  readonly #name: string;
  readonly #partitions: readonly number[];

  /** `partitions` are shared out by whoever leads. */
  constructor(group: GroupClient, name: string, partitions: readonly number[]) {
    this.#group = group;
    this.#name = name;
    this.#partitions = partitions;
  }

  async join(): Promise<number> {
    this.owned = undefined;
    const protocols = [{ name: "range", metadata: subscription("topic") }];
    const timeouts = { sessionTimeoutMs: 30_000, rebalanceTimeoutMs: 15_000 };
    const request = { ...timeouts, memberId: this.memberId, groupInstanceId: null, protocolType: "consumer", protocols };
    const answer = await this.#group.joinGroup(request, facts(this.#name, 9));
    if (answer.errorCode === 79) {
      this.memberId = answer.memberId;
      return await this.join();
    }
    this.joined = answer.errorCode === 0 ? answer : undefined;
    if (this.joined !== undefined) this.generationId = answer.generationId;
    return this.#note(answer.errorCode);
  }

  async sync(): Promise<number> {
    const { leader, members } = this.joined!;
    const assignments = members.map(({ memberId }, index) => {
      const share = this.#partitions.filter((partition) => partition % members.length === index);
      return { memberId, assignment: text(share.join()) };
    });
    const answer: SyncGroupAnswer = await this.#group.syncGroup({
      generationId: this.generationId,
      memberId: this.memberId,
      groupInstanceId: null,
      protocolType: "consumer",
      protocolName: "range",
      assignments: leader === this.memberId ? assignments : [],
    });
    const said = untext(answer.assignment);
    if (answer.errorCode === 0) this.owned = said === "" ? [] : said.split(",").map(Number);
    return this.#note(answer.errorCode);
  }

  async heartbeat(): Promise<number> {
    const { generationId, memberId } = this;
    return this.#note((await this.#group.heartbeat({ generationId, memberId, groupInstanceId: null })).errorCode);
  }

  async leave(): Promise<void> {
    await this.#group.leaveGroup({ members: [{ memberId: this.memberId, groupInstanceId: null }] });
  }

  /** Does what clients do about each answer, until all of them have an assignment of one generation. */
  async settle(isDone: () => boolean, beatMs = pauseMs): Promise<void> {
    while (!isDone()) {
      if (this.owned === undefined) {
        if ((await this.join()) === 0) await this.sync();
      } else if (![0, 14, 15, 16].includes(await this.heartbeat())) this.owned = undefined;
      await scheduler.wait(beatMs);
    }
  }

  #note(errorCode: number): number {
    this.codes.add(errorCode);
    if (errorCode === 25) this.memberId = "";
    return errorCode;
  }
}

export class ConsumerMember {
  readonly memberId: string;
  epoch = 0;
  /** What it uses: it gives up what it is no longer assigned when it beats next. */
  owned: readonly number[] = [];
  readonly codes = new Set<number>();
  readonly #group: GroupClient;
  readonly #topicId: string;
  #assigned: readonly number[] = [];
  #saysAll = true;
  #said = "";

  constructor(group: GroupClient, memberId: string, topicId: string) {
    this.#group = group;
    this.memberId = memberId;
    this.#topicId = topicId;
  }

  async beat(memberEpoch = this.epoch): Promise<number> {
    this.owned = this.owned.filter((partition) => this.#assigned.includes(partition));
    const saysAll = this.#saysAll || memberEpoch === 0;
    const isSaid = !saysAll && this.#said === this.owned.join();
    this.#said = this.owned.join();
    const topicPartitions = this.owned.length === 0 ? [] : [{ topicId: this.#topicId, partitions: this.owned }];
    const answer: ConsumerHeartbeatAnswer = await this.#group.consumerHeartbeat(
      {
        memberId: this.memberId,
        memberEpoch,
        instanceId: null,
        rackId: null,
        rebalanceTimeoutMs: saysAll ? 15_000 : -1,
        subscribedTopicNames: saysAll ? ["topic"] : null,
        subscribedTopicRegex: null,
        serverAssignor: null,
        topicPartitions: isSaid ? null : topicPartitions,
      },
      facts(this.memberId, 1),
    );
    this.#hear(answer);
    return answer.errorCode;
  }

  /** Beats until all members are where they are meant to be; what it has given up it says at once. */
  async settle(isDone: () => boolean, beatMs = pauseMs): Promise<void> {
    while (!isDone()) {
      await this.beat();
      if (this.owned.length === this.#assigned.length) await scheduler.wait(beatMs);
    }
  }

  #hear({ errorCode, memberEpoch, assignment }: ConsumerHeartbeatAnswer): void {
    this.codes.add(errorCode);
    this.#saysAll = errorCode !== 0;
    if (errorCode === 25 || errorCode === 110) {
      this.epoch = 0;
      this.owned = [];
      this.#assigned = [];
    }
    if (errorCode !== 0) return;
    this.epoch = memberEpoch;
    if (assignment === null) return;
    this.#assigned = assignment.flatMap((topic) => topic.partitions);
    // Until it beats again it uses both what it had and what it got.
    this.owned = [...new Set([...this.owned, ...this.#assigned])];
  }
}
