/**
 * The broker's view of the topics, asked of the controller over RPC. Questions that come while one is under way share the next:
 * an answer that was requested before a question came may be older than what the question is about.
 */
import type { TopicCatalog, TopicEntry } from "../core/cluster/catalog.ts";
import type { ControllerClient } from "../core/cluster/controller-client.ts";
import { TopicIndex } from "../core/cluster/topic-index.ts";
import type { TopicId } from "../core/coordinator.ts";
import type { ClientQuota } from "../core/quota/quota-entities.ts";

export class ControllerTopicCatalog implements TopicCatalog {
  readonly #controller: Pick<ControllerClient, "snapshot">;
  readonly #index: TopicIndex;
  #current: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #invalidations = 0;

  constructor(controller: Pick<ControllerClient, "snapshot">, nodeId?: number) {
    this.#controller = controller;
    this.#index = new TopicIndex(nodeId);
  }

  get clusterId(): string {
    return this.#index.clusterId;
  }

  get version(): number {
    return this.#index.version;
  }

  get topicDefaults(): Readonly<Record<string, string>> {
    return this.#index.topicDefaults;
  }

  get ownDefaults(): Readonly<Record<string, string>> {
    return this.#index.ownDefaults;
  }

  get quotas(): readonly ClientQuota[] {
    return this.#index.quotas;
  }

  knownByName(name: string): TopicEntry | undefined {
    return this.#index.byName(name);
  }

  knownById(id: TopicId): TopicEntry | undefined {
    return this.#index.byId(id);
  }

  lastByName(name: string): TopicEntry | undefined {
    return this.#index.lastByName(name);
  }

  lastById(id: TopicId): TopicEntry | undefined {
    return this.#index.lastById(id);
  }

  async byName(name: string): Promise<TopicEntry | undefined> {
    const known = this.#index.byName(name);
    if (known !== undefined) return known;
    await this.#refresh();
    return this.#index.lastByName(name);
  }

  async byId(id: TopicId): Promise<TopicEntry | undefined> {
    const known = this.#index.byId(id);
    if (known !== undefined) return known;
    await this.#refresh();
    return this.#index.lastById(id);
  }

  async all(): Promise<readonly TopicEntry[]> {
    await this.#refresh();
    return this.#index.topics;
  }

  invalidate(): void {
    this.#invalidations += 1;
    this.#index.invalidate();
  }

  /** Resolves after a question that was put to the controller no earlier than now. */
  #refresh(): Promise<void> {
    if (this.#current === undefined) {
      this.#current = this.#ask();
      return this.#current;
    }
    this.#next ??= this.#askAfter(this.#current);
    return this.#next;
  }

  async #askAfter(current: Promise<void>): Promise<void> {
    // What became of the one before is for those who waited for it.
    await current.catch(() => undefined);
    this.#current = this.#next;
    this.#next = undefined;
    await this.#ask();
  }

  async #ask(): Promise<void> {
    const invalidations = this.#invalidations;
    try {
      this.#index.refreshed(await this.#controller.snapshot(this.#index.version));
      // What was found stale meanwhile may be what this answer says: it was put together before.
      if (this.#invalidations !== invalidations) this.#index.invalidate();
    } finally {
      if (this.#next === undefined) this.#current = undefined;
    }
  }
}
