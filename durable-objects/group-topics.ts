/**
 * What a group must know of its cluster: the topics, for groups that assign partitions themselves, and what was set on the group.
 * The controller is asked again when a member speaks and what is known is old. A silent group asks nothing. Questions that come while
 * one is under way share it.
 */
import type { ControllerClient } from "../core/cluster/controller-client.ts";
import type { TopicId } from "../core/coordinator.ts";
import type { TopicsView } from "../core/group/consumer/requests.ts";
import type { SetConfigs } from "../core/group/group-configs.ts";

export interface GroupView {
  readonly view: TopicsView;
  readonly configs: SetConfigs;
}

export class GroupTopics {
  readonly #groupId: string;
  readonly #controller: () => Pick<ControllerClient, "snapshot">;
  #known: GroupView = { view: { version: 0, topics: new Map() }, configs: {} };
  #asOf = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(groupId: string, controller: () => Pick<ControllerClient, "snapshot">) {
    this.#groupId = groupId;
    this.#controller = controller;
  }

  async view(ageMaxMs: number): Promise<GroupView> {
    if (Date.now() - this.#asOf > ageMaxMs) {
      this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
      await this.#asking;
    }
    return this.#known;
  }

  /**
   * Which of these topics were deleted. An id is given out only once, and by the controller: one that somebody knew before the
   * controller was asked, and the controller does not, is gone for good.
   */
  async deleted(topicIds: readonly TopicId[]): Promise<readonly TopicId[]> {
    if (topicIds.length === 0) return [];
    await this.#asking;
    const { view } = await this.view(-1);
    const there = new Set(Array.from(view.topics.values(), ({ id }) => id));
    return topicIds.filter((id) => !there.has(id));
  }

  async #ask(): Promise<void> {
    const asOf = Date.now();
    const snapshot = await this.#controller().snapshot(this.#known.view.version);
    this.#asOf = asOf;
    if (snapshot === undefined) return;
    const topics = snapshot.topics.map(({ name, id, partitions }) => [name, { id, partitions: partitions.length }] as const);
    this.#known = {
      view: { version: snapshot.version, topics: new Map(topics) },
      configs: snapshot.groupConfigs[this.#groupId] ?? {},
    };
  }
}
