/**
 * The Leader Durable Object of one cell: loads snapshot and journal, asks the core, writes one row per change, answers. The output
 * gate holds every answer, also those to followers that a commit has just woken, until the rows are durable: nobody hears of what a
 * crash could take back [I1, I4]. After an exception the object starts anew from its rows, so a wrong state never outlives a request.
 */
import { DurableObject } from "cloudflare:workers";
import { Cell, type JournalRow } from "../core/cell/cell.ts";
import type {
  BatchCoordinator,
  BrokerIdentity,
  ClaimReply,
  Compacted,
  Cursor,
  EpochEndAnswer,
  EpochEndQuery,
  FindReply,
  FindRequest,
  FollowReply,
  MarkerAnswer,
  MarkerRequest,
  MergeRelease,
  MergeReply,
  OffsetAnswer,
  OffsetQuery,
  PartitionDescription,
  PartitionRef,
  PartitionSettings,
  ReferencedEpoch,
  TopicId,
} from "../core/coordinator.ts";
import type { PartitionExtents } from "../core/cell/extent-runs.ts";
import type { PackedWriter } from "../core/cell/packed-bytes.ts";
import { operatingErrorKind } from "../core/operating-error.ts";
import type { Settings } from "../core/settings.ts";
import { AlarmClock } from "./alarm-clock.ts";
import { Drain } from "./drain.ts";
import { CostMeter, meterCalls } from "./cost-meter.ts";
import { CountedSql } from "./counted-sql.ts";
import { settingsOf, type Env } from "./env.ts";
import { packFollow, type PackedFollow } from "./follow-wire.ts";
import { packReply, unpackCommit, type PackedCommit, type PackedReply } from "./leader-wire.ts";
import { JournalRows } from "./journal-rows.ts";
import { Log } from "./log.ts";
import { mergerOf } from "./merger-client.ts";
import type { MetricsSnapshot } from "./metrics.ts";
import { clusterOf, controllerName, tailOf } from "./names.ts";
import { openStore } from "./stores.ts";

/** What brokers may call: the coordinator's questions, and commits and follows in columns. */
export interface LeaderRpc extends Omit<BatchCoordinator, "commit" | "follow"> {
  commitPacked(commit: PackedCommit): Promise<PackedReply>;
  followPacked(cursor: Cursor, maxWaitMs: number): Promise<PackedFollow>;
  /** The cell, which leads nothing yet, leads what was led by one whose rows are lost. */
  takeOver(snapshot: readonly Uint8Array[]): Promise<void>;
  metrics(): Promise<MetricsSnapshot>;
}

/** A follow is never left open for longer, so that a broker that vanished is not waited for. */
const followMsMax = 30_000;
/** Where they lie is told without holding up commits. */
const extentsPerTurn = 5_000;

export class Leader extends DurableObject<Env> implements LeaderRpc {
  readonly #rows: JournalRows;
  readonly #settings: Settings;
  readonly #log: Log;
  readonly #cost = new CostMeter(this);
  readonly #metrics = this.#cost.metrics;
  readonly #cell: Cell;
  readonly #drain: Drain;
  readonly #alarms: AlarmClock;
  #waiting: (() => void)[] = [];
  #writesSnapshot = false;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#settings = settingsOf(env);
    this.#log = new Log(this.#settings["log.level"], { object: ctx.id.name });
    this.#rows = new JournalRows(new CountedSql(ctx.storage.sql, this.#cost));
    const name = ctx.id.name ?? "";
    const inlineRows = { read: (sequence: number) => this.#rows.readInline(sequence) };
    this.#cell = new Cell({ cell: Number(tailOf(name)), settings: this.#settings, inlineRows });
    this.#load();
    this.#drain = new Drain({
      cell: this.#cell,
      log: this.#log,
      metrics: this.#metrics,
      store: () => openStore(env, clusterOf(name), this.#cost.count),
      readRows: (rows) => this.#rows.readRows(rows),
      append: (row) => this.#append(row),
    });
    this.#alarms = new AlarmClock({
      storage: ctx.storage,
      log: this.#log,
      now: () => Date.now(),
      onSet: () => this.#cost.rowsWritten(1),
    });
    this.#alarms.add({
      name: "retention",
      dueMs: (nowMs) => this.#cell.retentionDueMs(nowMs),
      run: (nowMs) => this.#retain(nowMs),
    });
    this.#alarms.add({
      name: "garbage",
      dueMs: () => this.#cell.collection.dueMs,
      run: (nowMs) => this.#deleteGarbage(nowMs),
    });
    this.#alarms.add({
      name: "released",
      dueMs: () => this.#cell.collection.releaseDueMs,
      run: () => this.#tellReleases(),
    });
    this.#alarms.add({
      name: "merge",
      dueMs: (nowMs) => this.#cell.mergeDueMs(nowMs),
      run: () => this.#merge(),
    });
    this.#alarms.add({
      name: "stray-claim",
      dueMs: (nowMs) => this.#cell.strayClaim.strayDueMs(nowMs),
      run: (nowMs) => this.#appendEntry(this.#cell.strayClaim.abandon(nowMs)),
    });
    this.#alarms.arm();
  }

  override async alarm(): Promise<void> {
    await this.#alarms.ring();
  }

  /** One step: the alarm rings again at once while there is more, so that commits come between. */
  #retain(nowMs: number): void {
    const row = this.#cell.decideRetention(nowMs);
    if (row === undefined) return;
    this.#append(row);
    this.#metrics.count("kante_retention_steps_total");
  }

  /** Objects of this cell alone: a batch of them, then the row that they are gone. */
  async #deleteGarbage(nowMs: number): Promise<void> {
    const { collection } = this.#cell;
    const { count, keys } = collection.due(nowMs);
    if (count === 0) return;
    await openStore(this.env, clusterOf(this.ctx.id.name ?? "")).delete(keys);
    this.#appendEntry(collection.collected(count));
    this.#metrics.count("kante_objects_deleted_total", keys.length);
  }

  /** Write-ahead objects belong to many cells: the controller finds out whether anybody needs them. */
  async #tellReleases(): Promise<void> {
    const { releases } = this.#cell.collection;
    const controller = this.env.CONTROLLER.getByName(controllerName(clusterOf(this.ctx.id.name ?? "")));
    await (controller as unknown as { objectsReleased(): Promise<void> }).objectsReleased();
    this.#appendEntry(this.#cell.collection.released(releases));
  }

  /** The merger claims the work itself; its answer is for the metrics. */
  async #merge(): Promise<void> {
    const name = this.ctx.id.name ?? "";
    const done = await mergerOf(this.env, clusterOf(name), Number(tailOf(name))).work(Number(tailOf(name)));
    this.#metrics.count("kante_merges_total", done.merges);
    this.#metrics.count("kante_compactions_total", done.compactions);
    this.#metrics.count("kante_merged_bytes_total", done.bytes);
    this.#metrics.count("kante_merge_gets_total", done.gets);
    this.#metrics.count("kante_merges_lost_total", done.lost);
    this.#metrics.count("kante_merge_inputs_damaged_total", done.damaged);
  }

  async claimMerge(): Promise<ClaimReply> {
    const decision = this.#cell.decideClaim(Date.now());
    if (decision.kind === "answer") return decision.reply;
    this.#append(decision.row);
    return this.#cell.claimReply(Date.now());
  }

  async commitMerge(number: number, compacted?: Compacted): Promise<MergeReply> {
    const { row, reply } = this.#cell.decideMerge(number, Date.now(), compacted);
    if (row !== undefined) this.#append(row);
    return reply;
  }

  async releaseMerge(release: MergeRelease): Promise<void> {
    this.#cell.releaseMerge(release);
    this.#alarms.arm();
  }

  #load(): void {
    this.#rows.load(this.#cell);
    const { cursor, partitionCount } = this.#cell;
    this.#log.info("cell-loaded", { cursor, partitions: partitionCount });
  }

  async commitPacked(packed: PackedCommit): Promise<PackedReply> {
    const request = unpackCommit(packed);
    const decision = this.#cell.decideCommit(request, Date.now());
    this.#metrics.count(`kante_leader_commits_total{way="${request.source.kind}"}`);
    if (decision.kind === "answer") return decision.reply.kind === "committed" ? packReply(decision.reply) : decision.reply;
    this.#append(decision.row);
    const reply = packReply(this.#cell.commitReply());
    this.#drainWhenDue();
    return reply;
  }

  async writeMarkers(requests: readonly MarkerRequest[]): Promise<readonly MarkerAnswer[]> {
    const { row, answers } = this.#cell.decideMarkers(requests, Date.now());
    if (row === undefined) return answers;
    this.#metrics.count(
      "kante_leader_markers_total",
      answers.reduce((sum, { length }) => sum + length, 0),
    );
    this.#append(row);
    this.#drainWhenDue();
    return answers;
  }

  #drainWhenDue(): void {
    const drained = this.#drain.afterCommit();
    if (drained !== undefined) this.ctx.waitUntil(drained);
  }

  async findBatches(requests: readonly FindRequest[]): Promise<FindReply> {
    return this.#cell.findBatches(requests);
  }

  async followPacked(cursor: Cursor, maxWaitMs: number): Promise<PackedFollow> {
    return packFollow(await this.#follow(cursor, maxWaitMs));
  }

  async #follow(cursor: Cursor, maxWaitMs: number): Promise<FollowReply> {
    const nothing = { cursor, gap: false, updates: [] };
    const known = this.#cell.updatesSince(cursor);
    if (known !== undefined || maxWaitMs <= 0) return known ?? nothing;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, Math.min(maxWaitMs, followMsMax));
    this.#waiting.push(resolve);
    await promise;
    clearTimeout(timer);
    this.#waiting = this.#waiting.filter((wake) => wake !== resolve);
    return this.#cell.updatesSince(cursor) ?? nothing;
  }

  async listOffsets(queries: readonly OffsetQuery[]): Promise<readonly OffsetAnswer[]> {
    return this.#cell.listOffsets(queries);
  }

  async describePartitions(partitions: readonly PartitionRef[]): Promise<readonly PartitionDescription[]> {
    return this.#cell.describePartitions(partitions);
  }

  async epochEnds(queries: readonly EpochEndQuery[]): Promise<readonly EpochEndAnswer[]> {
    return this.#cell.epochEnds(queries);
  }

  async createPartitions(
    partitions: readonly PartitionRef[],
    settings: PartitionSettings,
    fences: readonly BrokerIdentity[] = [],
    ledBefore = 0,
    hasLed = false,
  ): Promise<void> {
    this.#cell.checkLed(ledBefore, hasLed);
    this.#appendEntry(this.#cell.collection.fence(fences));
    const row = this.#cell.decideCreatePartitions(partitions, settings);
    if (row !== undefined) this.#append(row);
  }

  async collect(fences: readonly BrokerIdentity[], ledBefore = 0): Promise<readonly ReferencedEpoch[]> {
    this.#cell.checkLed(ledBefore);
    this.#appendEntry(this.#cell.collection.fence(fences));
    return this.#cell.collection.referenced();
  }

  async holds(keys: readonly string[]): Promise<readonly string[]> {
    return this.#cell.collection.holds(keys);
  }

  #appendEntry(entry: PackedWriter | undefined): void {
    const row = this.#cell.rowOf(entry);
    if (row !== undefined) this.#append(row);
  }

  async takeOver(snapshot: readonly Uint8Array[]): Promise<void> {
    this.#changing(this.#cell.cursor, () => {
      this.#cell.takeOver(snapshot);
      this.#rows.writeSnapshot(this.#cell);
    });
    this.#log.info("cell-taken-over", { cursor: this.#cell.cursor, partitions: this.#cell.partitionCount });
  }

  async deletePartitions(topicId: TopicId): Promise<boolean> {
    const row = this.#cell.decideDeleteTopic(topicId, Date.now());
    if (row !== undefined) this.#append(row);
    return this.#cell.hasLed;
  }

  async deleteRecords(
    requests: readonly (PartitionRef & { readonly beforeOffset: number })[],
  ): Promise<readonly { readonly errorCode: number; readonly logStartOffset: number }[]> {
    const { row, answers } = this.#cell.decideDeleteRecords(requests, Date.now());
    if (row !== undefined) this.#append(row);
    return answers;
  }

  /** Bytes that rest, by topic: what their storage costs. */
  async topicBytes(): Promise<Readonly<Record<TopicId, number>>> {
    return this.#cell.topicBytes();
  }

  /** Where the bytes of partitions lie, in at most so many runs each. Works in turns, each a fraction of a millisecond. */
  async describeExtents(partitions: readonly PartitionRef[], runs: number): Promise<readonly PartitionExtents[]> {
    const walk = this.#cell.walkExtents(partitions, runs);
    for (;;) {
      const described = walk.step(extentsPerTurn);
      if (described !== undefined) return described;
      // Commits that have come meanwhile go first.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  }

  async metrics(): Promise<MetricsSnapshot> {
    for (const [kind, bytes] of Object.entries(this.#cell.storedBytes()))
      this.#metrics.gauge(`kante_stored_bytes{kind="${kind}"}`, bytes);
    this.#metrics.gauge("kante_partitions", this.#cell.partitionCount);
    this.#metrics.gauge("kante_extents", this.#cell.extentCount);
    this.#metrics.gauge("kante_inline_bytes", this.#cell.inlineBytes);
    this.#metrics.gauge("kante_garbage_objects", this.#cell.collection.count);
    this.#metrics.gauge("kante_producers", this.#cell.producerCount);
    this.#metrics.gauge("kante_open_transactions", this.#cell.openTransactionCount);
    return this.#cost.snapshot({ objectBytes: this.#cell.byteLength - this.#cell.inlineBytes, rowBytes: this.#rows.byteLength });
  }

  /**
   * In one turn without await, so all of it is one transaction. Applied before it is written: a row that cannot be applied must never
   * be durable, or the cell would die of it at every start.
   */
  #append(row: JournalRow): void {
    this.#changing(row.sequence, () => {
      this.#cell.applyRow(row, true);
      this.#rows.write(this.#cell, row);
    });
    if (this.#cell.snapshotDue && !this.#writesSnapshot) this.ctx.waitUntil(this.#writeSnapshot());
  }

  /** In steps of a few milliseconds each, so that commits come between. Whatever ends it, the last one counts until this one is whole. */
  async #writeSnapshot(): Promise<void> {
    this.#writesSnapshot = true;
    await this.#inTurn(() => this.#cell.beginSnapshot());
    while (await this.#inTurn(() => this.#rows.stepSnapshot(this.#cell)));
    this.#writesSnapshot = false;
    this.#log.info("snapshot-written", { cursor: this.#cell.cursor });
  }

  async #inTurn<Result>(work: () => Result): Promise<Result> {
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    return this.#orAbort(this.#cell.cursor, work);
  }

  #orAbort<Result>(sequence: Cursor, change: () => Result): Result {
    try {
      return change();
    } catch (error) {
      this.#log.error("cell-broken", { sequence, kind: operatingErrorKind(error), error });
      this.ctx.abort("a change of the cell failed half-way");
      throw error;
    }
  }

  #changing(sequence: Cursor, change: () => void): void {
    this.#orAbort(sequence, change);
    this.#alarms.arm();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}

meterCalls(Leader);
