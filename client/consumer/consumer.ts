/**
 * The consumer as its user sees it: an async iterator of records (or of batches), and what one does with offsets beside it. Only what
 * the caller is done with is committed by itself, and partitions are given up between two records, never under one.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { checkOffset } from "../checks.ts";
import { unlessAborted } from "../clock.ts";
import { type CloseOptions, asyncDispose, dispose } from "../dispose.ts";
import { KafkaError, StateError, asError, isRetriable } from "../errors.ts";
import type { GroupMetadata } from "../producer/transactions.ts";
import { type ConsumerRecord, type TopicPartition, type TopicPartitionOffset, partitionKey } from "../records/record.ts";
import { type Serializer, bytes } from "../serializers.ts";
import type { Cluster, RetryOptions } from "../wire/cluster.ts";
import { cooperativeStickyAssignor, rangeAssignor } from "./assignors.ts";
import { Assignment } from "./assignment.ts";
import { ClassicMember } from "./classic-member.ts";
import { Committer, progressOf } from "./committer.ts";
import { ConsumerMember } from "./consumer-member.ts";
import { Fetcher } from "./fetcher.ts";
import { Gate } from "./gate.ts";
import { CallbackFailure, type Member, type MemberHost } from "./membership.ts";
import { committedOffsets } from "./offsets.ts";
import { type ConsumerBatch, type ConsumerOptions, type PartitionStart, checkConsumerOptions } from "./options.ts";
import type { PartitionState } from "./partition-state.ts";
import { RecordReader } from "./record-reader.ts";

/** Topics that are read without a group are looked after for new partitions. */
const growthCheckMs = 30_000;
const noop = (): void => {};

export class Consumer<Key = Uint8Array, Value = Uint8Array> implements AsyncIterable<ConsumerRecord<Key, Value>> {
  readonly #cluster: Cluster;
  readonly #options: ConsumerOptions<Key, Value>;
  /** Names its connections: what waits at the broker must not hold up others. */
  readonly #lane: string;
  readonly #onEnd: () => void;
  readonly #assignment: Assignment;
  readonly #fetcher: Fetcher;
  readonly #gate: Gate;
  readonly #reader: RecordReader<Key, Value>;
  readonly #committer: Committer;
  #member: Member | undefined;
  #isStarted = false;
  #closing: Promise<void> | undefined;
  #hasStopped = false;
  #cancelPoll: (() => void) | undefined;
  #cancelGrowth: (() => void) | undefined;
  /** Nobody waits for it: a callback that fails has told itself what it has to tell. */
  readonly #onSignal = (): void => void this.close().catch(noop);

  constructor(cluster: Cluster, options: ConsumerOptions<Key, Value>, lane: string, onEnd: () => void) {
    checkConsumerOptions(options);
    this.#cluster = cluster;
    this.#options = options;
    this.#lane = lane;
    this.#onEnd = onEnd;
    const { group, isolation = "read_committed", offsetReset = "latest" } = options;
    this.#gate = new Gate(cluster.clock, options.rebalanceTimeoutMs ?? 60_000);
    this.#assignment = new Assignment({
      cluster,
      group,
      offsetReset,
      isolation,
      onChange: () => this.#fetcher.wake(),
      onError: (error) => this.#reader.fail(error),
    });
    this.#fetcher = new Fetcher({
      cluster,
      lane: `fetch:${lane}`,
      isolation,
      maxWaitMs: options.maxWaitMs ?? 5000,
      minBytes: options.minBytes ?? 1,
      prefetchBytes: options.prefetchBytes ?? 16 * 1024 * 1024,
      partitionBytes: options.partitionBytes ?? 1024 * 1024,
      checkCrcs: options.checkCrcs ?? true,
      partitions: () => this.#assignment.states,
      onChunk: () => this.#reader.wake(),
      onOutOfRange: (state) => this.#assignment.outOfRange(state),
      onError: (error) => this.#reader.fail(error),
    });
    this.#reader = new RecordReader({
      fetcher: this.#fetcher,
      gate: this.#gate,
      key: options.key ?? (bytes as unknown as Serializer<Key>),
      value: options.value ?? (bytes as unknown as Serializer<Value>),
      whenSure: () => {
        cluster.clock.now();
        return this.#member?.whenSure();
      },
      isSure: () => this.#member?.isSure ?? true,
      onAsked: () => this.#start(),
    });
    this.#committer = new Committer({
      cluster,
      assignment: this.#assignment,
      group: () => this.groupMetadata,
      intervalMs: group === undefined || options.autoCommit === false ? undefined : (options.autoCommitIntervalMs ?? 5000),
    });
    options.signal?.addEventListener("abort", this.#onSignal, { once: true });
    if (options.signal?.aborted === true) this.#onSignal();
  }

  /** What is read at the moment. */
  get assignment(): readonly TopicPartition[] {
    return [...this.#assignment.states].filter(({ isLeaving }) => !isLeaving).map(pairOf);
  }

  /** What a transactional producer needs to commit this consumer's offsets. */
  get groupMetadata(): GroupMetadata {
    const { group } = this.#options;
    if (group === undefined) throw new StateError("the consumer has no group");
    return this.#member?.metadata ?? { groupId: group, generationId: -1, memberId: "", groupInstanceId: null };
  }

  /** Records one by one, of all partitions. Leaving the loop keeps the consumer as it is: a new loop goes on. */
  [Symbol.asyncIterator](): AsyncIterator<ConsumerRecord<Key, Value>, undefined> {
    return { next: () => this.#reader.next(), return: async () => this.#reader.leaveLoop() };
  }

  /** Batch by batch, as they were produced: for those who do a thousand records at once. */
  batches(): AsyncIterable<ConsumerBatch<Key, Value>> {
    const iterator = { next: async () => await this.#reader.nextBatch(), return: async () => this.#reader.leaveLoop() };
    return { [Symbol.asyncIterator]: () => iterator };
  }

  /**
   * Commits how far records were handed out, the last one included, or the offsets given: each is where reading would go on.
   * Resolves when the coordinator has them.
   */
  async commit(offsets?: readonly TopicPartitionOffset[], options: RetryOptions = {}): Promise<void> {
    if (this.#options.group === undefined) throw new StateError("the consumer has no group to commit for");
    const all = offsets ?? progressOf(this.#assignment.states, ({ deliveredOffset }) => deliveredOffset);
    if (all.length > 0) this.#checkMembership();
    // Who commits says what is done with: nothing that is committed by itself later goes back behind it.
    for (const { topic, partition, offset } of all)
      for (const state of this.#assignment.find([{ topic, partition }])) state.doneOffset = offset;
    await this.#committer.commit(all, options);
  }

  /** Whoever is out of the group could put back what the partitions' new owners have committed: nothing would stop it in an empty group. */
  #checkMembership(): void {
    if (this.#hasStopped) throw new StateError("the consumer was closed");
    if (this.#options.topics === undefined || this.groupMetadata.generationId > 0) return;
    const text = `the consumer is no member of group ${this.groupMetadata.groupId} at the moment: what it had may be another's`;
    throw new KafkaError(errorCodes.UNKNOWN_MEMBER_ID, text);
  }

  /** How far records were handed out, the last one included: for a transaction's `commitOffsets`. */
  get positions(): readonly TopicPartitionOffset[] {
    return [...this.#assignment.states].flatMap(({ topic, partition, deliveredOffset }) =>
      deliveredOffset === undefined ? [] : [{ topic, partition, offset: deliveredOffset }],
    );
  }

  /** The next record of a partition will be the one at the offset, or the first after it. */
  seek(partition: TopicPartition, offset: number): void {
    checkOffset(offset);
    this.#assignment.stateOf(partition).moveTo(offset);
    this.#fetcher.wake();
    this.#reader.wake();
  }

  /** To the first record at or after a time, or to an end of the log; all partitions when none are named. */
  async seekTo(when: "earliest" | "latest" | Date | number, partitions = this.assignment, options?: RetryOptions): Promise<void> {
    const states = partitions.map((partition) => this.#assignment.stateOf(partition));
    const found = await this.#assignment.offsetsAt(partitions, when, options);
    for (const [index, state] of states.entries()) if (this.#assignment.has(state)) this.seek(state, found[index]!.offset);
  }

  /** Nothing more of them is handed out or fetched until they are resumed. */
  pause(partitions: readonly TopicPartition[] = this.assignment): void {
    for (const partition of partitions) this.#assignment.stateOf(partition).isPaused = true;
    this.#fetcher.wake();
  }

  resume(partitions: readonly TopicPartition[] = this.assignment): void {
    for (const partition of partitions) this.#assignment.stateOf(partition).isPaused = false;
    this.#fetcher.wake();
    this.#reader.wake();
  }

  /** Where reading goes on; undefined while that is being found out. */
  position(partition: TopicPartition): number | undefined {
    return this.#assignment.stateOf(partition).deliveredOffset;
  }

  /** How many records lie between the position and the end, as of the last fetch; undefined before it. */
  lag(partition: TopicPartition): number | undefined {
    const { deliveredOffset, highWatermark } = this.#assignment.stateOf(partition);
    return deliveredOffset === undefined || highWatermark < 0 ? undefined : Math.max(0, highWatermark - deliveredOffset);
  }

  /** What the group has committed; partitions without an offset are left out. */
  async committed(partitions = this.assignment, options: RetryOptions = {}): Promise<TopicPartitionOffset[]> {
    return await committedOffsets(this.#cluster, this.groupMetadata.groupId, partitions, options);
  }

  /** Ends iteration, commits what is done with, leaves the group. */
  async close({ signal }: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close();
    await unlessAborted(this.#closing, signal).catch((error: unknown) => {
      if (signal?.aborted !== true) throw error;
      this.#stop();
    });
  }

  async [asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Ends at once: nothing is committed, and the group notices by the session's end. */
  [dispose](): void {
    this.#closing ??= Promise.resolve();
    this.#stop();
  }

  #start(): void {
    this.#watchPoll();
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#begin().catch((error: unknown) => {
      // Whoever asks on tries again.
      this.#isStarted = false;
      this.#fail(error);
    });
  }

  async #begin(): Promise<void> {
    const { partitions, topics, group } = this.#options;
    if (partitions !== undefined) {
      await this.#checkPartitions(partitions);
      await this.#add(partitions);
    } else if (group === undefined) await this.#readAll();
    else {
      this.#member = await this.#makeMember(group, [...new Set(topics)]);
      if (this.#closing !== undefined) return;
      this.#member.start();
    }
    if (this.#closing === undefined) this.#committer.start();
  }

  /** What was just created may not be known here yet: so it is asked for once more before it is refused. */
  async #checkPartitions(partitions: readonly PartitionStart[]): Promise<void> {
    for (const { topic, partition } of partitions) {
      const isThere = (count: number): boolean => partition < count;
      if (isThere((await this.#cluster.topic(topic)).partitions.length)) continue;
      await this.#cluster.retry(`metadata of ${topic}`, async () => await this.#cluster.refresh([topic]));
      const count = this.#cluster.metadata.topics.get(topic)?.partitions.length ?? 0;
      if (isThere(count)) continue;
      const text = `${topic} has no partition ${partition}: it has ${count}`;
      throw new KafkaError(errorCodes.UNKNOWN_TOPIC_OR_PARTITION, text);
    }
  }

  async #makeMember(groupId: string, topics: readonly string[]): Promise<Member> {
    const options = this.#options;
    const host: MemberHost = {
      cluster: this.#cluster,
      groupId,
      groupInstanceId: options.groupInstanceId ?? null,
      topics,
      sessionTimeoutMs: options.sessionTimeoutMs ?? 45_000,
      heartbeatIntervalMs: options.heartbeatIntervalMs ?? 3000,
      rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? 60_000,
      lane: `group:${this.#lane}`,
      // Those that are being let go are still this member's.
      owned: () => [...this.#assignment.states].map(pairOf),
      assigned: async (partitions, areStill) => await this.#add(partitions, areStill),
      revoked: async (partitions) => await this.#letGo(partitions),
      lost: async (partitions) => await this.#lose(partitions),
      failed: (error) => {
        this.#fail(error);
        void this.#leave();
      },
    };
    let { groupProtocol } = options;
    if (groupProtocol === undefined) {
      const connection = await this.#cluster.retry("connecting", async () => await this.#cluster.connection("any"));
      groupProtocol = connection.featureLevel("group.version") >= 1 ? "consumer" : "classic";
    }
    // What is not there may come; a name that no topic can have, or that is not for this client, is told.
    const refused = (error: unknown): void => (isRetriable(error) ? undefined : this.#reader.fail(asError(error)));
    for (const topic of topics) this.#cluster.topic(topic).catch(refused);
    if (groupProtocol === "consumer") return new ConsumerMember(host, options.serverAssignor ?? null, randomId());
    const byName = { "cooperative-sticky": cooperativeStickyAssignor, range: rangeAssignor };
    return new ClassicMember(
      host,
      (options.assignors ?? ["cooperative-sticky"]).map((name) => byName[name]),
    );
  }

  /** All partitions of the topics, also those that are added later. */
  async #readAll(): Promise<void> {
    const topics = await Promise.all(this.#options.topics!.map(async (topic) => await this.#cluster.topic(topic)));
    const known = new Set([...this.#assignment.states].map(({ key }) => key));
    const all = topics.flatMap(({ name, partitions }) => partitions.map((_, partition) => ({ topic: name, partition })));
    await this.#add(all.filter(({ topic, partition }) => !known.has(partitionKey(topic, partition))));
    if (this.#closing !== undefined) return;
    this.#cancelGrowth?.();
    this.#cancelGrowth = this.#cluster.clock.after(growthCheckMs, () => {
      this.#readAll().catch((error: unknown) => {
        this.#isStarted = false;
        this.#fail(error);
      });
    });
  }

  async #add(partitions: readonly PartitionStart[], areStill = (): boolean => true): Promise<void> {
    if (this.#closing !== undefined || partitions.length === 0) return;
    for (const topic of new Set(partitions.map((each) => each.topic))) await this.#cluster.topic(topic);
    if (this.#closing !== undefined || !areStill()) return;
    const states = this.#assignment.add(partitions);
    await this.#tell(this.#options.onAssigned, states);
    // The group need not wait for it.
    void this.#assignment.locate(states).then(() => this.#fetcher.wake());
  }

  /** Another member is to have them: between two records, with their offsets committed. */
  async #letGo(partitions: readonly TopicPartition[]): Promise<void> {
    const states = this.#assignment.find(partitions);
    const mine = (): PartitionState[] => states.filter((state) => this.#assignment.has(state));
    await this.#gate.whileClosed(async () => {
      for (const state of mine()) state.isLeaving = true;
      await this.#tell(this.#options.onRevoked, mine());
      await this.#committer.commitLast(mine());
      this.#assignment.forget(mine());
    });
  }

  async #lose(partitions: readonly TopicPartition[]): Promise<void> {
    const states = this.#assignment.find(partitions);
    this.#assignment.forget(states);
    await this.#tell(this.#options.onLost ?? this.#options.onRevoked, states);
  }

  async #tell(callback: ConsumerOptions<Key, Value>["onLost"], states: readonly PartitionState[]): Promise<void> {
    try {
      if (states.length > 0) await callback?.(states.map(pairOf));
    } catch (error) {
      throw new CallbackFailure("a callback failed", { cause: error });
    }
  }

  /** The caller hears of it when it asks next. */
  #fail(error: unknown): void {
    this.#reader.fail(asError(error instanceof CallbackFailure ? error.cause : error));
  }

  /** A caller that asks for nothing for too long holds up the group: others get its partitions, until it asks again. */
  #watchPoll(): void {
    if (this.#options.group === undefined || this.#options.topics === undefined || this.#cancelPoll !== undefined) return;
    this.#reader.hasAsked = false;
    this.#cancelPoll = this.#cluster.clock.after(this.#options.maxPollIntervalMs ?? 300_000, () => {
      this.#cancelPoll = undefined;
      if (this.#closing !== undefined) return;
      if (this.#reader.hasAsked || this.#reader.isAsking) {
        this.#watchPoll();
        return;
      }
      void this.#leave();
    });
  }

  /** Whoever asks for a record after this joins anew. */
  async #leave(): Promise<void> {
    const member = this.#member;
    this.#member = undefined;
    this.#isStarted = false;
    const lost = this.#lose([...this.#assignment.states]).catch((error: unknown) => this.#fail(error));
    await Promise.all([lost, member?.leave()]);
  }

  async #close(): Promise<void> {
    this.#reader.end();
    this.#gate.leave();
    try {
      if (!this.#isStarted || this.#cluster.isClosed) return;
      try {
        if (this.#member !== undefined && this.assignment.length > 0) await this.#options.onRevoked?.(this.assignment);
      } finally {
        await this.#committer.commitLast(this.#assignment.states);
        await this.#member?.leave();
      }
    } finally {
      this.#stop();
    }
  }

  #stop(): void {
    this.#hasStopped = true;
    this.#options.signal?.removeEventListener("abort", this.#onSignal);
    this.#cancelGrowth?.();
    this.#cancelPoll?.();
    this.#committer.stop();
    this.#fetcher.stop();
    this.#assignment.forget([...this.#assignment.states]);
    this.#cluster.closeLane(`group:${this.#lane}`);
    this.#reader.end();
    this.#gate.open();
    this.#onEnd();
  }
}

function pairOf({ topic, partition }: TopicPartition): TopicPartition {
  return { topic, partition };
}

/** As Kafka's members name themselves. Not `randomUUID`, which browsers keep from pages without TLS. */
function randomId(): string {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...random))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .slice(0, 22);
}
