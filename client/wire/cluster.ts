/**
 * The cluster as producers, consumers and admin see it: which connection a request belongs on, what is known of topics, who coordinates
 * what, and trying again. Errors that mean "somewhere else" make it look again before the next attempt; when the time for an operation
 * is up, the last error is what the caller gets.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { metadata as metadataApi } from "../../protocol/messages/03-metadata.ts";
import { findCoordinator } from "../../protocol/messages/10-find-coordinator.ts";
import type { ApiSchema, RequestInput, ResponseOf } from "../../protocol/schema.ts";
import { type Clock, late, sleep, unlessAborted, unlessLate } from "../clock.ts";
import { ArgumentError, BrokerError, KafkaError, NetworkError, StateError, TimeoutError, isRetriable } from "../errors.ts";
import { type BackoffOptions, backoffMs } from "./backoff.ts";
import type { Answer, CallOptions, Connection } from "./connection.ts";
import { Metadata, type TopicInfo } from "./metadata.ts";
import { Pool } from "./pool.ts";
import type { Endpoint, Transport } from "./transport.ts";

export interface ClusterOptions {
  readonly transport: Transport;
  readonly clientId: string;
  readonly clock: Clock;
  readonly requestTimeoutMs: number;
  /** For an operation with all its attempts, where nothing else is said. */
  readonly operationTimeoutMs: number;
  readonly reconnectBackoff: BackoffOptions;
  readonly retryBackoff: BackoffOptions;
  readonly metadataMaxAgeMs: number;
}

export const groupKey = 0;
export const transactionKey = 1;

/** Whom a request is for. */
export type Target =
  | "any"
  | "controller"
  | { readonly node: number }
  | { readonly coordinator: string; readonly type: typeof groupKey | typeof transactionKey };

export interface RetryOptions {
  /** For all attempts. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface AttemptOptions extends RetryOptions {
  /** Codes that are answers here, though waiting helps elsewhere. */
  readonly finalCodes?: ReadonlySet<number>;
  /** Codes that waiting helps against here, though it does not elsewhere. */
  readonly passingCodes?: ReadonlySet<number>;
}

export interface AskOptions extends CallOptions, AttemptOptions {
  readonly lane?: string;
}

const mainLane = "main";
/** Answers after which a coordinator is looked for again. */
const coordinatorMoved: ReadonlySet<number> = new Set([
  errorCodes.COORDINATOR_NOT_AVAILABLE,
  errorCodes.NOT_COORDINATOR,
  errorCodes.NETWORK_EXCEPTION,
  errorCodes.REQUEST_TIMED_OUT,
]);

export class Cluster {
  readonly clock: Clock;
  readonly metadata = new Metadata();
  readonly options: ClusterOptions;
  readonly #pool: Pool;
  readonly #coordinators = new Map<string, number>();
  readonly #wanted = new Set<string>();
  #refreshing: Promise<ReadonlyMap<string, number>> | undefined;
  #refreshingNames: ReadonlySet<string> = new Set();
  #refreshedMs = -Infinity;
  #anyIndex = 0;
  #hasClosed = false;

  constructor(options: ClusterOptions) {
    this.options = options;
    this.clock = options.clock;
    this.#pool = new Pool(options);
  }

  get isClosed(): boolean {
    return this.#hasClosed;
  }

  close(): void {
    this.#hasClosed = true;
    this.#pool.close();
  }

  closeLane(lane: string): void {
    this.#pool.closeLane(lane);
  }

  async connection(target: Target, lane = mainLane): Promise<Connection> {
    if (this.#hasClosed) throw new StateError("the client was closed");
    return await this.#pool.get(await this.#endpointOf(target), lane);
  }

  /** One attempt. */
  async callOnce<Api extends ApiSchema>(
    target: Target,
    api: Api,
    body: RequestInput<Api>,
    { lane, ...options }: CallOptions & { readonly lane?: string } = {},
  ): Promise<Answer<Api>> {
    try {
      const connection = await this.connection(target, lane);
      return await connection.call(api, body, options);
    } catch (error) {
      if (target === "any" && isSilence(error)) this.#anyIndex += 1;
      throw error;
    }
  }

  /** Asks until there is an answer that `check` lets pass; what it throws decides whether the question is asked again. */
  async ask<Api extends ApiSchema>(
    target: Target,
    api: Api,
    body: RequestInput<Api> | (() => RequestInput<Api>),
    check: (body: ResponseOf<Api>) => void,
    { timeoutMs, signal, finalCodes, passingCodes, ...options }: AskOptions = {},
  ): Promise<ResponseOf<Api>> {
    return await this.retry(
      api.name,
      async () => {
        try {
          const asked = typeof body === "function" ? body() : body;
          const answer = await this.callOnce(target, api, asked, options);
          check(answer.body);
          return answer.body;
        } catch (error) {
          this.#lookAgain(target, error);
          throw error;
        }
      },
      { timeoutMs, signal, finalCodes, passingCodes },
    );
  }

  async retry<Value>(
    what: string,
    attempt: () => Promise<Value>,
    { timeoutMs, signal, finalCodes, passingCodes }: AttemptOptions = {},
  ): Promise<Value> {
    const totalMs = timeoutMs ?? this.options.operationTimeoutMs;
    const untilMs = this.clock.now() + totalMs;
    let last: unknown = new Error("there was no answer");
    for (let failures = 1; ; failures++) {
      signal?.throwIfAborted();
      try {
        // Without time for anything there is one attempt.
        const outcome = unlessAborted(attempt(), signal);
        return await (totalMs === 0 ? outcome : unlessLate(outcome, this.clock, untilMs));
      } catch (error) {
        if (error !== late) {
          const mayPass = (isRetriable(error) || isOneOf(passingCodes, error)) && !isOneOf(finalCodes, error);
          if (!mayPass || this.#hasClosed) throw error;
          last = error;
        }
        const waitMs = backoffMs(failures, this.options.retryBackoff, this.clock.random());
        if (error === late || this.clock.now() + waitMs >= untilMs) {
          if (last instanceof BrokerError) throw last;
          throw new TimeoutError(`${what} did not succeed in time: ${(last as Error).message}`, { cause: last });
        }
        await sleep(this.clock, waitMs, signal);
      }
    }
  }

  /** After a failure: what was believed about the target may be wrong. */
  #lookAgain(target: Target, error: unknown): void {
    if (!(error instanceof KafkaError) || typeof target === "string") {
      if (target === "controller") this.invalidate();
      return;
    }
    if ("coordinator" in target && coordinatorMoved.has(error.code)) this.forgetCoordinator(target.coordinator, target.type);
    if (isSilence(error)) this.invalidate();
  }

  forgetCoordinator(key: string, type: number): void {
    this.#coordinators.delete(`${type} ${key}`);
  }

  async #endpointOf(target: Target): Promise<Endpoint> {
    if (target === "any") return this.#anyEndpoint();
    let node;
    if (target === "controller") {
      if (this.#isStale) await this.refresh();
      node = this.metadata.controllerId;
    } else node = "node" in target ? target.node : await this.#coordinatorOf(target.coordinator, target.type);
    const known = this.metadata.brokers.get(node);
    if (known !== undefined) return known;
    await this.refresh();
    const found = this.metadata.brokers.get(node);
    if (found === undefined) throw new BrokerError(errorCodes.LEADER_NOT_AVAILABLE, `broker ${node}`);
    return found;
  }

  /** The first one as long as it works, then another. */
  #anyEndpoint(): Endpoint {
    const all = [this.options.transport.bootstrap, ...this.metadata.brokers.values()];
    return all[this.#anyIndex % all.length] ?? this.options.transport.bootstrap;
  }

  async #coordinatorOf(key: string, keyType: number): Promise<number> {
    const id = `${keyType} ${key}`;
    const known = this.#coordinators.get(id);
    if (known !== undefined && this.metadata.brokers.has(known)) return known;
    const { body } = await this.callOnce("any", findCoordinator, { key, keyType, coordinatorKeys: [key] });
    const found = body.coordinators[0] ?? body;
    if (found.errorCode !== 0) throw new BrokerError(found.errorCode, `the coordinator of ${key}`, found.errorMessage);
    const { nodeId, host, port } = found;
    if (!this.metadata.brokers.has(nodeId)) this.metadata.brokers.set(nodeId, { nodeId, host, port, rack: null });
    this.#coordinators.set(id, nodeId);
    return nodeId;
  }

  get #isStale(): boolean {
    return this.clock.now() - this.#refreshedMs >= this.options.metadataMaxAgeMs;
  }

  /** What is known is not to be believed: whoever needs it asks first. */
  invalidate(): void {
    this.#refreshedMs = -Infinity;
  }

  /** A topic nobody uses any more is not asked about. */
  unwant(topic: string): void {
    this.#wanted.delete(topic);
  }

  /** What is known of a topic if that is fresh. */
  known(topic: string): TopicInfo | undefined {
    return this.#isStale ? undefined : this.metadata.topics.get(topic);
  }

  /** What is known of a topic, however old; asks anew in the background when it is. */
  peek(topic: string): TopicInfo | undefined {
    const info = this.metadata.topics.get(topic);
    if (info !== undefined && this.#isStale && this.#refreshing === undefined) this.refresh().catch(() => {});
    return info;
  }

  /** Waits until the topic is there, or fails as the broker says. Asking creates it where the broker is set so, unless `create` is false. */
  async topic(name: string, options: AttemptOptions & { readonly create?: boolean } = {}): Promise<TopicInfo> {
    const known = this.known(name);
    if (known !== undefined) return known;
    if (name === "") throw new ArgumentError("a topic has a name");
    this.#wanted.add(name);
    return await this.retry(
      `metadata of ${name}`,
      async () => {
        const errors = await this.refresh([name], options.create ?? true);
        const topic = this.metadata.topics.get(name);
        if (topic !== undefined) return topic;
        throw new BrokerError(errors.get(name) ?? errorCodes.UNKNOWN_TOPIC_OR_PARTITION, `topic ${name}`);
      },
      options,
    );
  }

  /**
   * Asks about all topics in use and those named; several who ask at once share an answer that covers them. Looking again does not
   * create what somebody has deleted meanwhile.
   */
  async refresh(names: readonly string[] = [], create = false): Promise<ReadonlyMap<string, number>> {
    if (this.#refreshing !== undefined && names.every((name) => this.#refreshingNames.has(name))) return await this.#refreshing;
    const asked = new Set([...this.#wanted, ...names]);
    this.#refreshingNames = asked;
    const refreshing = this.#refresh(asked, create);
    this.#refreshing = refreshing;
    try {
      return await refreshing;
    } finally {
      if (this.#refreshing === refreshing) this.#refreshing = undefined;
    }
  }

  async #refresh(names: ReadonlySet<string>, allowAutoTopicCreation: boolean): Promise<ReadonlyMap<string, number>> {
    const topics = [...names].map((name) => ({ name }));
    const { body } = await this.callOnce("any", metadataApi, { topics, allowAutoTopicCreation }, { versionMin: 4, versionMax: 12 });
    this.#refreshedMs = this.clock.now();
    return this.metadata.update(body);
  }

  /** What the cluster says of some topics, or of all; what is known here stays as it is. */
  async describeTopics(
    names: readonly string[] | undefined,
    check: (body: ResponseOf<typeof metadataApi>) => void,
    options: AttemptOptions = {},
  ): Promise<ResponseOf<typeof metadataApi>> {
    const body = { topics: names?.map((name) => ({ name })) ?? null, allowAutoTopicCreation: false };
    return await this.ask("any", metadataApi, body, check, { ...options, versionMin: 4, versionMax: 12 });
  }
}

function isOneOf(codes: ReadonlySet<number> | undefined, error: unknown): boolean {
  return error instanceof BrokerError && codes?.has(error.code) === true;
}

/** The broker cannot be reached, or does not answer: whoever asks again asks another. */
function isSilence(error: unknown): boolean {
  return error instanceof NetworkError || error instanceof TimeoutError;
}
