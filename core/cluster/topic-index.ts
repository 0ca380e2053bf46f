/**
 * A broker's copy of the topics, by name and by id. Stale after `invalidate`: then it knows nothing until the controller has been
 * asked, so that nobody acts twice on what a leader has denied.
 */
import type { TopicId } from "../coordinator.ts";
import type { ClientQuota } from "../quota/quota-entities.ts";
import type { TopicEntry } from "./catalog.ts";
import type { ClusterSnapshot } from "./controller-client.ts";
import { brokersOwnDefaults, type TopicConfigs, topicAtBroker } from "./topic-settings.ts";

export class TopicIndex {
  readonly #nodeId: number | undefined;
  #clusterId = "";
  #version = 0;
  #stale = true;
  #topics: readonly TopicEntry[] = [];
  #topicDefaults: TopicConfigs = {};
  #ownDefaults: TopicConfigs = {};
  #quotas: readonly ClientQuota[] = [];
  readonly #byName = new Map<string, TopicEntry>();
  readonly #byId = new Map<TopicId, TopicEntry>();

  /** Of the broker `nodeId`, for which defaults of its own may have been set. */
  constructor(nodeId?: number) {
    this.#nodeId = nodeId;
  }

  get clusterId(): string {
    return this.#clusterId;
  }

  /** 0: nothing known yet; a controller begins with 1. */
  get version(): number {
    return this.#version;
  }

  get topicDefaults(): TopicConfigs {
    return this.#topicDefaults;
  }

  get ownDefaults(): TopicConfigs {
    return this.#ownDefaults;
  }

  get quotas(): readonly ClientQuota[] {
    return this.#quotas;
  }

  get topics(): readonly TopicEntry[] {
    return this.#topics;
  }

  byName(name: string): TopicEntry | undefined {
    return this.#stale ? undefined : this.#byName.get(name);
  }

  byId(id: TopicId): TopicEntry | undefined {
    return this.#stale ? undefined : this.#byId.get(id);
  }

  /** As of the controller's last answer, also when that has been found stale since. */
  lastByName(name: string): TopicEntry | undefined {
    return this.#byName.get(name);
  }

  lastById(id: TopicId): TopicEntry | undefined {
    return this.#byId.get(id);
  }

  invalidate(): void {
    this.#stale = true;
  }

  /** Takes the controller's answer; undefined: what is known is still true. */
  refreshed(snapshot: ClusterSnapshot | undefined): void {
    this.#stale = false;
    if (snapshot === undefined) return;
    this.#clusterId = snapshot.clusterId;
    this.#version = snapshot.version;
    this.#topicDefaults = snapshot.topicDefaults;
    this.#ownDefaults = brokersOwnDefaults(snapshot.brokerDefaults[String(this.#nodeId)] ?? {});
    this.#topics = this.#asSeenHere(snapshot.topics);
    this.#quotas = snapshot.quotas;
    this.#byName.clear();
    this.#byId.clear();
    for (const topic of this.#topics) {
      this.#byName.set(topic.name, topic);
      this.#byId.set(topic.id, topic);
    }
  }

  #asSeenHere(topics: readonly TopicEntry[]): readonly TopicEntry[] {
    if (Object.keys(this.#ownDefaults).length === 0) return topics;
    return topics.map((topic) => topicAtBroker(topic, this.#ownDefaults, this.#topicDefaults));
  }
}
