/**
 * Reads ahead: asks the leaders of all partitions that have room, one or two requests a broker, and keeps what comes until it is taken.
 * How much may lie here is bounded over all partitions and for each, so that one busy partition neither starves the others nor fills
 * the memory of a slow reader. Answers for a partition that was moved or lost meanwhile are dropped by their token.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { fetch as fetchApi } from "../../protocol/messages/01-fetch.ts";
import type { ResponseOf } from "../../protocol/schema.ts";
import { BrokerError, KafkaError, RecordError, StateError, asError, isRetriable } from "../errors.ts";
import { visibleBatches } from "../records/batch-reader.ts";
import { backoffMs } from "../wire/backoff.ts";
import type { Cluster } from "../wire/cluster.ts";
import { zeroId } from "../wire/metadata.ts";
import type { Isolation } from "./offsets.ts";
import type { Chunk, PartitionState } from "./partition-state.ts";
import { groupBy } from "../group-by.ts";

export interface FetcherOptions {
  readonly cluster: Cluster;
  /** Connections of its own: a fetch waits at the broker. */
  readonly lane: string;
  readonly isolation: Isolation;
  readonly maxWaitMs: number;
  readonly minBytes: number;
  readonly prefetchBytes: number;
  readonly partitionBytes: number;
  readonly checkCrcs: boolean;
  readonly partitions: () => Iterable<PartitionState>;
  readonly onChunk: () => void;
  /** The log does not have the offset: find another. */
  readonly onOutOfRange: (state: PartitionState) => void;
  readonly onError: (error: KafkaError) => void;
}

type FetchAnswer = ResponseOf<typeof fetchApi>;
type PartitionAnswer = FetchAnswer["responses"][number]["partitions"][number];

/** Two, so that a partition that is new or has room again need not wait for a request that waits for others. */
const requestsPerBroker = 2;

const leaderMoved: ReadonlySet<number> = new Set([
  errorCodes.NOT_LEADER_OR_FOLLOWER,
  errorCodes.REPLICA_NOT_AVAILABLE,
  errorCodes.FENCED_LEADER_EPOCH,
  errorCodes.UNKNOWN_LEADER_EPOCH,
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorCodes.UNKNOWN_TOPIC_ID,
  errorCodes.INCONSISTENT_TOPIC_ID,
  errorCodes.KAFKA_STORAGE_ERROR,
  errorCodes.OFFSET_NOT_AVAILABLE,
  errorCodes.LEADER_NOT_AVAILABLE,
]);

export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #chunks: Chunk[] = [];
  #bufferedBytes = 0;
  /** What requests on their way may bring. */
  #askedBytes = 0;
  /** Slots in use, by broker. */
  readonly #busy = new Map<number, Set<number>>();
  #isScheduled = false;
  #isStopped = false;
  #cancelWake: (() => void) | undefined;

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelWake?.();
    this.#chunks.length = 0;
    this.#bufferedBytes = 0;
    for (let slot = 0; slot < requestsPerBroker; slot++) this.#options.cluster.closeLane(`${this.#options.lane}.${slot}`);
  }

  /** Something changed: partitions, positions, room. */
  wake(): void {
    if (this.#isScheduled || this.#isStopped) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (!this.#isStopped) this.#look();
    });
  }

  /** The oldest chunk that may be handed out now. */
  take(): Chunk | undefined {
    for (let index = 0; index < this.#chunks.length; index++) {
      const chunk = this.#chunks[index]!;
      const { state, token } = chunk;
      const isStale = token !== state.token;
      if (!isStale && (state.isPaused || state.isLeaving)) continue;
      this.#chunks.splice(index, 1);
      if (!isStale) return chunk;
      this.#bufferedBytes -= chunk.byteLength;
      index -= 1;
    }
    return undefined;
  }

  /** The caller has come to the end of a chunk. */
  finished({ state, token, byteLength }: Chunk): void {
    this.#bufferedBytes -= byteLength;
    if (token === state.token) state.bufferedBytes -= byteLength;
    this.wake();
  }

  #look(): void {
    const { cluster, partitions, prefetchBytes, partitionBytes, onOutOfRange } = this.#options;
    // What was moved or lost takes no room.
    for (let index = this.#chunks.length - 1; index >= 0; index--) {
      const { token, state, byteLength } = this.#chunks[index]!;
      if (token === state.token) continue;
      this.#chunks.splice(index, 1);
      this.#bufferedBytes -= byteLength;
    }
    const now = cluster.clock.now();
    let wakeMs = Infinity;
    const leaderless = new Set<string>();
    const nodes = new Set<number>();
    const byNode = new Map<number, PartitionState[]>();
    for (const state of partitions()) {
      nodes.add(cluster.metadata.leaderOf(state.topic, state.partition));
      if (state.fetchOffset === undefined || state.isPaused || state.isLeaving || state.isFetching) continue;
      if (state.bufferedBytes >= partitionBytes) continue;
      if (state.notBeforeMs > now) {
        wakeMs = Math.min(wakeMs, state.notBeforeMs);
        continue;
      }
      const { id = zeroId } = cluster.metadata.topics.get(state.topic) ?? {};
      if (id !== zeroId && id !== state.topicId) {
        // A topic of the same name is another one by now: its offsets have nothing to do with those of before. What lies here is read first.
        const isOther = state.topicId !== undefined;
        if (isOther && state.bufferedBytes > 0) continue;
        state.topicId = id;
        if (isOther) {
          onOutOfRange(state);
          continue;
        }
      }
      const node = cluster.metadata.leaderOf(state.topic, state.partition);
      if (node < 0) {
        leaderless.add(state.topic);
        this.#setBack(state);
        wakeMs = Math.min(wakeMs, state.notBeforeMs);
        continue;
      }
      const known = byNode.get(node);
      if (known === undefined) byNode.set(node, [state]);
      else known.push(state);
    }
    // By name: what was deleted is not asked about with the others any more, and may be there again.
    if (leaderless.size > 0) cluster.refresh([...leaderless]).then(noop, noop);
    // Each broker has its share of the budget, so that one that waits for news takes nothing from one that is busy.
    const shareBytes = Math.ceil(prefetchBytes / (nodes.size * requestsPerBroker));
    for (const [node, states] of byNode) this.#ask(node, states, shareBytes);
    this.#wakeAt(wakeMs, now);
  }

  #ask(node: number, states: readonly PartitionState[], shareBytes: number): void {
    const { prefetchBytes, partitionBytes } = this.#options;
    const wantedBytes = Math.min(shareBytes, states.length * partitionBytes);
    const roomBytes = (): number => Math.min(wantedBytes, prefetchBytes - this.#bufferedBytes - this.#askedBytes);
    // Room for a few records is not worth a request: there will be more when the caller has read on.
    if (roomBytes() < wantedBytes / 4) this.#dropPaused();
    const maxBytes = roomBytes();
    if (maxBytes < wantedBytes / 4) return;
    let slots = this.#busy.get(node);
    if (slots === undefined) {
      slots = new Set();
      this.#busy.set(node, slots);
    }
    const slot = slots.has(0) ? 1 : 0;
    if (slots.has(slot)) return;
    slots.add(slot);
    this.#askedBytes += maxBytes;
    void this.#fetch(node, slot, states, maxBytes).finally(() => {
      this.#askedBytes -= maxBytes;
      slots.delete(slot);
      this.wake();
    });
  }

  /** What nobody may read now makes room for others, who might wait for ever: it is fetched again when the pause is over. */
  #dropPaused(): void {
    for (let index = this.#chunks.length - 1; index >= 0; index--) {
      const { state, offset, byteLength } = this.#chunks[index]!;
      if (!state.isPaused || state.isFetching) continue;
      this.#chunks.splice(index, 1);
      state.fetchOffset = offset;
      state.bufferedBytes -= byteLength;
      this.#bufferedBytes -= byteLength;
    }
  }

  async #fetch(node: number, slot: number, states: readonly PartitionState[], maxBytes: number): Promise<void> {
    const { cluster, lane, isolation, maxWaitMs, minBytes, partitionBytes } = this.#options;
    const asked = states.map((state) => ({ state, token: state.token, offset: state.fetchOffset! }));
    for (const { state } of asked) state.isFetching = true;
    const topics = [...groupBy(asked, ({ state }) => state.topic)].map(([topic, each]) => ({
      topic,
      topicId: cluster.metadata.topics.get(topic)?.id ?? zeroId,
      partitions: each.map(({ state, offset }) => ({
        partition: state.partition,
        fetchOffset: BigInt(offset),
        partitionMaxBytes: partitionBytes,
      })),
    }));
    const body = {
      maxWaitMs,
      minBytes,
      maxBytes,
      isolationLevel: isolation === "read_committed" ? 1 : 0,
      topics,
    };
    const versionMax = topics.every(({ topicId }) => topicId !== zeroId) ? 17 : 12;
    const timeoutMs = cluster.options.requestTimeoutMs + maxWaitMs;
    let failure: unknown;
    let answer: FetchAnswer | undefined;
    try {
      ({ body: answer } = await cluster.callOnce({ node }, fetchApi, body, { versionMax, timeoutMs, lane: `${lane}.${slot}` }));
      if (answer.errorCode !== 0) throw new BrokerError(answer.errorCode, "fetch");
    } catch (error) {
      failure = error;
    }
    const current = asked.filter(({ state, token }) => state.token === token);
    for (const { state } of current) state.isFetching = false;
    if (this.#isStopped || answer === undefined || failure !== undefined) {
      if (failure !== undefined && !this.#isStopped)
        this.#failed(
          current.map(({ state }) => state),
          failure,
        );
      return;
    }
    const byKey = new Map(current.map((each) => [each.state.key, each]));
    for (const { topic: name, topicId, partitions } of answer.responses) {
      const topic = name === "" ? cluster.metadata.nameOf(topicId) : name;
      for (const partition of partitions) {
        const each = byKey.get(`${partition.partitionIndex} ${topic ?? ""}`);
        if (each === undefined) continue;
        byKey.delete(each.state.key);
        this.#received(each.state, partition, answer);
      }
    }
    // An answer that leaves partitions out is no answer about them.
    for (const { state } of byKey.values()) this.#setBack(state);
    this.#options.onChunk();
  }

  #failed(states: readonly PartitionState[], error: unknown): void {
    for (const state of states) this.#setBack(state);
    if (error instanceof StateError) return;
    if (isRetriable(error)) this.#options.cluster.refresh().then(noop, noop);
    else this.#options.onError(error instanceof KafkaError ? error : new KafkaError(-1, asError(error).message, { cause: error }));
  }

  #received(state: PartitionState, answer: PartitionAnswer, { nodeEndpoints }: FetchAnswer): void {
    const { cluster, isolation, onOutOfRange, onError } = this.#options;
    const { errorCode, currentLeader } = answer;
    if (errorCode === 0) {
      state.failures = 0;
      state.highWatermark = Number(isolation === "read_committed" ? answer.lastStableOffset : answer.highWatermark);
      const { records } = answer;
      if (records === null || records.byteLength === 0) return;
      try {
        this.#keep(state, records, answer);
      } catch (error) {
        onError(error as KafkaError);
        this.#setBack(state);
      }
      return;
    }
    if (errorCode === errorCodes.OFFSET_OUT_OF_RANGE) {
      onOutOfRange(state);
      return;
    }
    const leader = { leader: currentLeader.leaderId, leaderEpoch: currentLeader.leaderEpoch };
    if (cluster.metadata.moveLeader(state.topic, state.partition, leader, nodeEndpoints)) return;
    const error = new BrokerError(errorCode, `fetching ${state.topic}-${state.partition}`);
    this.#setBack(state);
    if (leaderMoved.has(errorCode)) cluster.refresh().then(noop, noop);
    else if (!error.retriable) onError(error);
  }

  #keep(state: PartitionState, records: Uint8Array, { abortedTransactions }: PartitionAnswer): void {
    const aborted = abortedTransactions?.map(({ producerId, firstOffset }) => ({
      producerId: Number(producerId),
      firstOffset: Number(firstOffset),
    }));
    const { visible, nextOffset } = visibleBatches(records, aborted ?? null, this.#options.checkCrcs);
    if (nextOffset === undefined || nextOffset <= state.fetchOffset!)
      throw new RecordError(`${state.topic}-${state.partition} answers nothing at offset ${state.fetchOffset}`);
    const { byteLength } = records;
    this.#chunks.push({ state, token: state.token, batches: visible, offset: state.fetchOffset!, nextOffset, byteLength });
    state.fetchOffset = nextOffset;
    state.bufferedBytes += byteLength;
    this.#bufferedBytes += byteLength;
  }

  #setBack(state: PartitionState): void {
    const { clock, options } = this.#options.cluster;
    state.failures += 1;
    state.notBeforeMs = clock.now() + backoffMs(state.failures, options.retryBackoff, clock.random());
  }

  #wakeAt(atMs: number, now: number): void {
    this.#cancelWake?.();
    this.#cancelWake = atMs === Infinity ? undefined : this.#options.cluster.clock.after(atMs - now, () => this.wake());
  }
}

const noop = (): void => {};
