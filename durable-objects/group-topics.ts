/**
 * The topics as a group that assigns partitions itself sees them: the controller's, asked again when a member beats and what is
 * known is old. A silent group asks nothing. Questions that come while one is under way share it.
 */
import type { ControllerClient } from "../core/cluster/controller-client.ts";
import type { TopicsView } from "../core/group/consumer/requests.ts";

export class GroupTopics {
  readonly #controller: () => Pick<ControllerClient, "snapshot">;
  #view: TopicsView = { version: 0, topics: new Map() };
  #asOf = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(controller: () => Pick<ControllerClient, "snapshot">) {
    this.#controller = controller;
  }

  async view(ageMaxMs: number): Promise<TopicsView> {
    if (Date.now() - this.#asOf > ageMaxMs) {
      this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
      await this.#asking;
    }
    return this.#view;
  }

  async #ask(): Promise<void> {
    const asOf = Date.now();
    const snapshot = await this.#controller().snapshot(this.#view.version);
    this.#asOf = asOf;
    if (snapshot === undefined) return;
    const topics = snapshot.topics.map(({ name, id, partitions }) => [name, { id, partitions: partitions.length }] as const);
    this.#view = { version: snapshot.version, topics: new Map(topics) };
  }
}
