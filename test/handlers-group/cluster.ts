/**
 * A cluster of nothing but groups: the handlers as brokers call them, requests and responses through the codec in the version asked
 * for, and each group's machine in memory under a hand-moved clock. Topics are what the test says they are.
 */
import type { TopicEntry } from "../../core/cluster/catalog.ts";
import type { TopicsView } from "../../core/group/consumer/requests.ts";
import type { GroupEvent, GroupRequest } from "../../core/group/events.ts";
import type { GroupClient } from "../../core/group/group-client.ts";
import { GroupMachine } from "../../core/group/machine.ts";
import { groupOptions } from "../../core/group/options.ts";
import type { Effect } from "../../core/group/outbox.ts";
import { settingDefaults } from "../../core/settings.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";
import { VerifiedPartitions } from "../../core/broker/verified-partitions.ts";
import { decodeRequest, decodeResponse, encodeRequest, encodeResponse } from "../../protocol/codec.ts";
import type { ApiSchema, RequestInput, ResponseOf } from "../../protocol/schema.ts";
import { handlers } from "../../worker/handlers.ts";
import { LocalTransactions } from "../handlers/local-transactions.ts";

const settings = { ...settingDefaults, "group.initial.rebalance.delay.ms": 0 };

class LocalGroup {
  readonly machine: GroupMachine;
  readonly #cluster: Cluster;
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #nextRequestId = 1;

  constructor(cluster: Cluster, groupId: string) {
    this.#cluster = cluster;
    this.machine = new GroupMachine(groupOptions(settings, groupId));
  }

  ask<Answer>(request: GroupRequest): Promise<Answer> {
    const event: GroupEvent = { ...request, requestId: this.#nextRequestId++ };
    return new Promise((resolve) => {
      this.#waiting.set(event.requestId, resolve as (answer: unknown) => void);
      this.perform(this.machine.handle(event, this.#cluster.now));
    });
  }

  perform(effects: readonly Effect[]): void {
    for (const effect of effects) if (effect.kind === "reply") this.#waiting.get(effect.requestId)?.(effect.answer);
  }
}

export class Cluster {
  now = 1_000_000;
  topics: TopicEntry[] = [];
  groupConfigs: Readonly<Record<string, string>> = {};
  readonly transactions = new LocalTransactions({
    now: () => this.now,
    nextProducerId: async () => 7,
    register: async () => {},
  });
  readonly #groups = new Map<string, LocalGroup>();
  #uuid = 1;

  addTopic(name: string, id: string, partitions = 4): TopicEntry {
    const placed = Array.from({ length: partitions }, () => ({ cell: 0, leaderEpoch: 0 }));
    const entry = { name, id, internal: false, partitions: placed, configs: {} };
    this.topics.push(entry as unknown as TopicEntry);
    return entry as unknown as TopicEntry;
  }

  /** Moves the clock through everything that happens meanwhile. */
  advance(ms: number): void {
    this.now += ms;
    for (const group of this.#groups.values()) group.perform(group.machine.tick(this.now));
  }

  async send<const Api extends ApiSchema>(api: Api, version: number, body: RequestInput<Api>): Promise<ResponseOf<Api>> {
    const frame = concatenated(encodeRequest(api, version, 1, "app", body)).subarray(4);
    const request = decodeRequest(frame);
    const handler = handlers.get(api.key)!;
    const response = await handler.handle(request.body, this.#context(api, version));
    const bytes = concatenated(encodeResponse(api, version, 1, response as never)).subarray(4);
    return decodeResponse(api, version, bytes).body;
  }

  #context(api: ApiSchema, apiVersion: number): RequestContext {
    const connection = { id: "1", cluster: "c", zone: "local", advertisedHost: "h", advertisedBasePort: 9092 };
    return {
      connection: { ...connection, clientAddress: "10.0.0.1", transport: "in-process" },
      apiKey: api.key,
      apiVersion,
      correlationId: 1,
      clientId: "app",
      zone: "local",
      nowMs: this.now,
      services: {
        nodeId: 0,
        settings: settingDefaults,
        catalog: {
          byName: async (name: string) => this.topics.find((topic) => topic.name === name),
          byId: async (id: string) => this.topics.find((topic) => topic.id === id),
          knownByName: () => undefined,
          knownById: () => undefined,
        },
        controller: { groups: async () => [...this.#groups.keys()].sort() },
        group: (groupId: string) => this.#client(groupId),
        transaction: (transactionalId: string) => this.transactions.client(transactionalId),
        verified: new VerifiedPartitions(),
      },
    } as unknown as RequestContext;
  }

  /** What coordinators of transactions have told groups by now. */
  async deliverEnds(): Promise<void> {
    for (const call of this.transactions.calls.splice(0)) {
      if (call.kind === "offsets") await this.#client(call.groupId).completeTransaction(call.end);
    }
  }

  #view(): TopicsView {
    const topics = this.topics.map(({ name, id, partitions }) => [name, { id, partitions: partitions.length }] as const);
    return { version: this.topics.length, topics: new Map(topics) };
  }

  #client(groupId: string): GroupClient {
    let group = this.#groups.get(groupId);
    if (group === undefined) this.#groups.set(groupId, (group = new LocalGroup(this, groupId)));
    const { ask } = { ask: <Answer>(request: GroupRequest): Promise<Answer> => group.ask(request) };
    return {
      groupId,
      joinGroup: (request, facts) =>
        ask({ kind: "join-group", request, facts, uuid: `uuid${this.#uuid++}`, view: this.#view(), configs: this.groupConfigs }),
      syncGroup: (request) => ask({ kind: "sync-group", request }),
      heartbeat: (request) => ask({ kind: "heartbeat", request }),
      consumerHeartbeat: (request, facts) =>
        ask({
          kind: "consumer-heartbeat",
          request,
          facts,
          uuid: `uuid${this.#uuid++}`,
          view: this.#view(),
          configs: this.groupConfigs,
        }),
      leaveGroup: (request) => ask({ kind: "leave-group", request }),
      commitOffsets: (request, facts) => ask({ kind: "offset-commit", request, facts }),
      commitTransactionalOffsets: (request) => ask({ kind: "transactional-offset-commit", request }),
      completeTransaction: (end) => ask({ kind: "transaction-ended", end }),
      fetchOffsets: (request) => ask({ kind: "offset-fetch", request }),
      deleteOffsets: (request) => ask({ kind: "offset-delete", request }),
      forgetTopics: (topicIds) => ask({ kind: "forget-topics", topicIds }),
      describe: () => ask({ kind: "describe-group" }),
      describeConsumer: () => ask({ kind: "describe-consumer-group" }),
      list: () => ask({ kind: "list-group" }),
      delete: () => ask({ kind: "delete-group" }),
    };
  }
}

function concatenated(chunks: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
}
