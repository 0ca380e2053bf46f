/**
 * The handlers behind their real codecs, in front of a broker that keeps record sets in arrays. Requests are encoded and answers
 * decoded in the version asked for, so what a test sees is what a client of that version sees.
 */
import { ProducerIds } from "../../core/cluster/producer-ids.ts";
import { VerifiedPartitions } from "../../core/broker/verified-partitions.ts";
import type { AppendItem, AppendOutcome, ReadOutcome, ReadRequest } from "../../core/broker/interface.ts";
import type {
  BatchCoordinator,
  EpochEndQuery,
  Extent,
  OffsetAnswer,
  OffsetQuery,
  PartitionBounds,
  PartitionRef,
} from "../../core/coordinator.ts";
import type { GroupClient } from "../../core/group/group-client.ts";
import { OperatingError } from "../../core/operating-error.ts";
import { ClientQuotas } from "../../core/quota/client-quotas.ts";
import { settingDefaults } from "../../core/settings.ts";
import type { Settings } from "../../core/settings.ts";
import { type BrokerServices, type ConnectionFacts, type RequestContext, standIn } from "../../durable-objects/handler.ts";
import { ControllerTopicCatalog } from "../../durable-objects/topic-catalog.ts";
import { kernel } from "../../kernel/kernel.ts";
import { concatenate, decodeRequest, decodeResponse, encodeRequest, encodeResponse } from "../../protocol/codec.ts";
import type { ApiSchema, RequestInput, ResponseInput, ResponseOf } from "../../protocol/schema.ts";
import { handlers } from "../../worker/handlers.ts";
import { LocalController } from "./local-controller.ts";
import { LocalTransactions } from "./local-transactions.ts";

interface Log {
  logStartOffset: number;
  nextOffset: number;
  readonly extents: { readonly extent: Extent; readonly records: Uint8Array }[];
}

const gone = async () => Promise.reject(new OperatingError("retry", "the leader is gone"));
const goneLeader = { listOffsets: gone, epochEnds: gone, deleteRecords: gone, describePartitions: gone };

const noGroups = new Proxy({} as GroupClient, {
  get: (_, call) => {
    throw new Error(`no groups here: ${String(call)}`);
  },
});

const unknownTopicOrPartition = 3;
const offsetOutOfRange = 1;
const invalidTxnState = 48;

export interface FakeBrokerOptions {
  readonly settings?: Partial<Settings>;
  readonly zone?: string;
}

export class FakeBroker {
  readonly controller: LocalController;
  readonly catalog: ControllerTopicCatalog;
  readonly settings: Settings;
  readonly reads: ReadRequest[] = [];
  readonly appends: (readonly AppendItem[])[] = [];
  /** What to say of the next appends instead of appending. */
  appendError = 0;
  /** Leaders and store that cannot be reached. */
  areLeadersGone = false;
  /** Leaders have seen the end of the transaction with this number. */
  endedGeneration = 0;
  isStoreGone = false;
  /** What an extent that is read has to wait for. */
  reading: () => Promise<void> = async () => {};
  nodeId = 0;
  nowMs = 1_700_000_000_000;
  throttleMs = 0;
  readonly transactions: LocalTransactions;
  /** The groups that may be asked; any other breaks the request. */
  readonly groups = new Map<string, GroupClient>();
  readonly verified = new VerifiedPartitions();
  fetchBytesMax = Infinity;
  readonly #quotas: ClientQuotas;
  readonly #logs = new Map<string, Log>();
  readonly #producerIds: ProducerIds;
  readonly #connection: ConnectionFacts;

  constructor({ settings = {}, zone = "local" }: FakeBrokerOptions = {}) {
    this.settings = { ...settingDefaults, ...settings };
    this.controller = new LocalController(this.settings);
    this.catalog = new ControllerTopicCatalog(this.controller, this.nodeId);
    this.#producerIds = new ProducerIds(this.controller);
    this.transactions = new LocalTransactions({
      now: () => this.nowMs,
      nextProducerId: () => this.#producerIds.next(),
      register: (transactionalId) => this.controller.registerTransaction(transactionalId),
    });
    this.#quotas = new ClientQuotas(() => this.catalog.quotas, this.settings);
    this.#connection = {
      id: "1",
      cluster: "default",
      zone,
      advertisedHost: "broker.test",
      advertisedBasePort: 9000,
      clientAddress: "client.test",
      transport: "in-process",
    };
  }

  async createTopic(name: string, partitions = 1, configs: Readonly<Record<string, string>> = {}): Promise<string> {
    const [outcome] = await this.controller.createTopics(
      [{ name, partitions, replicationFactor: -1, assignments: [], configs }],
      false,
    );
    if (outcome === undefined || !("topic" in outcome)) throw new Error(`no topic: ${JSON.stringify(outcome)}`);
    return outcome.topic.id;
  }

  /** Undefined when the handler gave no answer. */
  async ask<Api extends ApiSchema>(
    api: Api,
    apiVersion: number,
    request: RequestInput<Api>,
    { clientId = "test" }: { readonly clientId?: string } = {},
  ): Promise<ResponseOf<Api> | undefined> {
    const frame = concatenate(encodeRequest(api, apiVersion, 7, clientId, request)).slice(4);
    const { body } = decodeRequest(frame);
    const handler = handlers.get(api.key);
    if (handler === undefined) throw new Error(`${api.name} is not served`);
    const context = this.#context(api.key, apiVersion, clientId);
    const asked = Promise.resolve(handler.handle(body, context));
    const response = await asked.catch((error: unknown) => {
      const instead = standIn(handler, body, context, error);
      if (instead === undefined) throw error;
      return instead;
    });
    if (response === undefined) return undefined;
    const chunks = encodeResponse(api, apiVersion, 7, response as ResponseInput<Api>);
    return decodeResponse(api, apiVersion, concatenate(chunks).slice(4)).body;
  }

  #context(apiKey: number, apiVersion: number, clientId: string): RequestContext {
    const zone = /diskless_az=(?<zone>[^,]+)/.exec(clientId)?.groups?.["zone"] ?? this.#connection.zone;
    const services = this.#services();
    return {
      connection: this.#connection,
      apiKey,
      apiVersion,
      correlationId: 7,
      clientId,
      fetchBytesMax: this.fetchBytesMax,
      mutate: (partitions, isStrict) => this.#quotas.mutate({ user: "ANONYMOUS", clientId }, partitions, isStrict, this.nowMs),
      zone,
      nowMs: this.nowMs,
      services,
    };
  }

  #services(): BrokerServices {
    return {
      nodeId: this.nodeId,
      settings: this.settings,
      throttleMs: this.throttleMs,
      catalog: this.catalog,
      controller: this.controller,
      coordinator: () => (this.areLeadersGone ? goneLeader : this.#coordinator()) as BatchCoordinator,
      group: (groupId) => this.groups.get(groupId) ?? noGroups,
      transaction: (transactionalId) => this.transactions.client(transactionalId),
      verified: this.verified,
      nextProducerId: () => this.#producerIds.next(),
      append: (items) => this.#append(items),
      read: (request) => this.#read(request),
      readExtent: async (extent) => {
        if (this.isStoreGone) throw new OperatingError("retry", "the store is gone");
        await this.reading();
        return this.#allExtents()
          .find((held) => held.extent === extent)!
          .records.slice();
      },
    };
  }

  #allExtents() {
    return [...this.#logs.values()].flatMap(({ extents }) => extents);
  }

  log({ topicId, partition }: PartitionRef): Log {
    const key = `${topicId} ${partition}`;
    let log = this.#logs.get(key);
    if (log === undefined) this.#logs.set(key, (log = { logStartOffset: 0, nextOffset: 0, extents: [] }));
    return log;
  }

  bounds(ref: PartitionRef): PartitionBounds {
    const { logStartOffset, nextOffset } = this.log(ref);
    return { logStartOffset, highWatermark: nextOffset, lastStableOffset: nextOffset, leaderEpoch: 0 };
  }

  async #append(items: readonly AppendItem[]): Promise<readonly AppendOutcome[]> {
    this.appends.push(items);
    return items.map((item) => {
      const log = this.log(item);
      const isOver = (item.batches[0]!.transactionGeneration ?? Infinity) <= this.endedGeneration;
      const errorCode = isOver ? invalidTxnState : this.appendError;
      const failed = errorCode !== 0;
      const baseOffset = failed ? -1 : log.nextOffset;
      if (!failed) {
        const records = item.records.slice();
        log.nextOffset = kernel.assignOffsets(records, baseOffset, 0);
        const maxTimestamp = Math.max(...item.batches.map((batch) => batch.maxTimestamp));
        const source = { kind: "inline" as const, records };
        const extent = { baseOffset, nextOffset: log.nextOffset, byteLength: records.length, maxTimestamp, leaderEpoch: 0, source };
        log.extents.push({ extent, records });
      }
      return {
        errorCode,
        baseOffset,
        duplicate: false,
        logStartOffset: log.logStartOffset,
        logAppendTimeMs: -1,
        leaderEpoch: 0,
      };
    });
  }

  async #read(request: ReadRequest): Promise<readonly ReadOutcome[]> {
    this.reads.push(request);
    return request.items.map(({ topicId, partition, offset }) => {
      const log = this.log({ topicId, partition });
      const inRange = offset >= log.logStartOffset && offset <= log.nextOffset;
      const held = log.extents.filter(({ extent }) => extent.nextOffset > offset);
      return {
        topicId,
        partition,
        errorCode: inRange ? 0 : offsetOutOfRange,
        bounds: this.bounds({ topicId, partition }),
        records: inRange ? held.map(({ records }) => records) : [],
        abortedTransactions: [],
      };
    });
  }

  #coordinator(): Partial<BatchCoordinator> {
    return {
      listOffsets: async (queries) => queries.map((query) => (this.#isLed(query) ? this.#offsets(query) : this.#denied(query))),
      describePartitions: async (partitions) =>
        partitions.map((ref) => {
          const byteLength = this.log(ref).extents.reduce((sum, { extent }) => sum + extent.byteLength, 0);
          const sequences = { producerId: 7, producerEpoch: 1, lastSequence: 41, lastTimestamp: 99 };
          const producers = [{ ...sequences, coordinatorEpoch: 3, transactionStartOffset: 12, transactionGeneration: 0 }];
          return { ...ref, errorCode: 0, byteLength, producers };
        }),
      epochEnds: async (queries) => queries.map((query) => this.#epochEnd(query)),
      deleteRecords: async (requests) =>
        requests.map((request) => {
          const log = this.log(request);
          const before = request.beforeOffset === -1 ? log.nextOffset : request.beforeOffset;
          if (before > log.nextOffset) return { errorCode: offsetOutOfRange, logStartOffset: -1 };
          log.logStartOffset = Math.max(log.logStartOffset, before);
          return { errorCode: 0, logStartOffset: log.logStartOffset };
        }),
    };
  }

  /** A leader knows the partitions of topics that there are, whatever a broker's catalog still says. */
  #isLed({ topicId }: PartitionRef): boolean {
    return this.controller.cluster.machine.snapshot(0)!.topics.some(({ id }) => id === topicId);
  }

  #denied({ topicId, partition }: PartitionRef): OffsetAnswer {
    const bounds = { logStartOffset: -1, highWatermark: -1, lastStableOffset: -1, leaderEpoch: -1 };
    return { topicId, partition, errorCode: unknownTopicOrPartition, leaderEpoch: -1, offset: -1, extents: [], bounds };
  }

  #offsets({ topicId, partition, spec }: OffsetQuery): OffsetAnswer {
    const log = this.log({ topicId, partition });
    const extents = log.extents.map(({ extent }) => extent).filter(({ nextOffset }) => nextOffset > log.logStartOffset);
    const late = spec.kind === "timestamp" ? extents.filter(({ maxTimestamp }) => maxTimestamp >= spec.timestamp) : extents;
    const isEnd = spec.kind === "earliest" || spec.kind === "latest";
    const offset = spec.kind === "earliest" ? log.logStartOffset : log.nextOffset;
    const bounds = this.bounds({ topicId, partition });
    return { topicId, partition, errorCode: 0, leaderEpoch: 0, offset: isEnd ? offset : -1, extents: isEnd ? [] : late, bounds };
  }

  #epochEnd({ topicId, partition, leaderEpoch }: EpochEndQuery) {
    const isKnown = this.#logs.has(`${topicId} ${partition}`);
    const errorCode = isKnown ? 0 : unknownTopicOrPartition;
    return { topicId, partition, errorCode, leaderEpoch, endOffset: isKnown ? this.log({ topicId, partition }).nextOffset : -1 };
  }
}

/** Every version that an API is served in. */
export function servedVersions(api: ApiSchema): number[] {
  const [min, max] = handlers.get(api.key)!.versions;
  return Array.from({ length: max - min + 1 }, (_, index) => min + index);
}
