/**
 * The Leader Durable Object of one cell: loads snapshot and journal, asks the core, writes one row per change, answers. The output
 * gate holds every answer, also those to followers that a commit has just woken, until the rows are durable: nobody hears of what a
 * crash could take back [I1, I4]. After an exception the object starts anew from its rows, so a wrong state never outlives a request.
 */
import { DurableObject } from "cloudflare:workers";
import { Cell, type JournalRow } from "../core/cell/cell.ts";
import type {
  BatchCoordinator,
  Cursor,
  EpochEndAnswer,
  EpochEndQuery,
  FindReply,
  FindRequest,
  FollowReply,
  MarkerAnswer,
  MarkerRequest,
  OffsetAnswer,
  OffsetQuery,
  PartitionDescription,
  PartitionRef,
  PartitionSettings,
  TopicId,
} from "../core/coordinator.ts";
import { operatingErrorKind } from "../core/operating-error.ts";
import type { Settings } from "../core/settings.ts";
import { Drain } from "./drain.ts";
import { settingsOf, type Env } from "./env.ts";
import { packFollow, type PackedFollow } from "./follow-wire.ts";
import { packReply, unpackCommit, type PackedCommit, type PackedReply } from "./leader-wire.ts";
import { Log } from "./log.ts";
import { Metrics, type MetricsSnapshot } from "./metrics.ts";
import { clusterOf, tailOf } from "./names.ts";
import { openStore } from "./stores.ts";

/** What brokers may call: the coordinator's questions, and commits and follows in columns. */
export interface LeaderRpc extends Omit<BatchCoordinator, "commit" | "follow"> {
  commitPacked(commit: PackedCommit): Promise<PackedReply>;
  followPacked(cursor: Cursor, maxWaitMs: number): Promise<PackedFollow>;
  metrics(): Promise<MetricsSnapshot>;
}

/** A follow is never left open for longer, so that a broker that vanished is not waited for. */
const followMsMax = 30_000;
/** With each change: a deleted topic may leave hundreds of thousands. */
const deadRowsMax = 4096;

export class Leader extends DurableObject<Env> implements LeaderRpc {
  readonly #sql: SqlStorage;
  readonly #settings: Settings;
  readonly #log: Log;
  readonly #metrics = new Metrics();
  readonly #cell: Cell;
  readonly #drain: Drain;
  #waiting: (() => void)[] = [];

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#sql = ctx.storage.sql;
    this.#settings = settingsOf(env);
    this.#log = new Log(this.#settings["log.level"], { object: ctx.id.name });
    this.#sql.exec("CREATE TABLE IF NOT EXISTS journal (seq INTEGER PRIMARY KEY, entry BLOB NOT NULL, inline BLOB)");
    this.#sql.exec("CREATE TABLE IF NOT EXISTS snapshot (chunk INTEGER PRIMARY KEY, data BLOB NOT NULL)");
    const name = ctx.id.name ?? "";
    const inlineRows = { read: (sequence: number) => this.#readInline(sequence) };
    this.#cell = new Cell({ cell: Number(tailOf(name)), settings: this.#settings, inlineRows });
    this.#load();
    this.#drain = new Drain({
      cell: this.#cell,
      log: this.#log,
      metrics: this.#metrics,
      store: () => openStore(env, clusterOf(name)),
      readRows: (rows) => this.#readRows(rows),
      append: (row) => this.#append(row),
    });
  }

  #load(): void {
    const chunks = this.#sql.exec<{ data: ArrayBuffer }>("SELECT data FROM snapshot ORDER BY chunk").toArray();
    if (chunks.length > 0) {
      const bytes = chunks.map(({ data }) => new Uint8Array(data));
      this.#cell.restore(bytes, (cursor) => this.#rowsUpTo(cursor));
    }
    const covered = this.#cell.cursor;
    const rows = this.#sql.exec<{ seq: number; entry: ArrayBuffer }>(
      "SELECT seq, entry FROM journal WHERE seq > ? ORDER BY seq",
      covered,
    );
    for (const { seq, entry } of rows) {
      this.#cell.applyRow({ sequence: seq, entry: new Uint8Array(entry), inline: undefined }, false);
    }
    const { cursor, partitionCount } = this.#cell;
    this.#log.info("cell-loaded", { cursor, partitions: partitionCount, rows: cursor - covered });
  }

  #rowsUpTo(cursor: Cursor): number[] {
    const rows = this.#sql.exec<{ seq: number }>("SELECT seq FROM journal WHERE seq <= ?", cursor).toArray();
    return rows.map(({ seq }) => seq);
  }

  #readInline(sequence: number): Uint8Array {
    const { inline } = this.#sql.exec<{ inline: ArrayBuffer | null }>("SELECT inline FROM journal WHERE seq = ?", sequence).one();
    if (inline === null) throw new Error(`journal row ${sequence} holds no inline bytes`);
    return new Uint8Array(inline);
  }

  #readRows(sequences: readonly number[]): Map<number, Uint8Array> {
    const rows = this.#sql.exec<{ seq: number; inline: ArrayBuffer }>(
      "SELECT seq, inline FROM journal WHERE seq IN (SELECT value FROM json_each(?))",
      JSON.stringify(sequences),
    );
    return new Map([...rows].map(({ seq, inline }) => [seq, new Uint8Array(inline)]));
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

  async createPartitions(partitions: readonly PartitionRef[], settings: PartitionSettings): Promise<void> {
    const row = this.#cell.decideCreatePartitions(partitions, settings);
    if (row !== undefined) this.#append(row);
  }

  async deletePartitions(topicId: TopicId): Promise<void> {
    const row = this.#cell.decideDeleteTopic(topicId);
    if (row !== undefined) this.#append(row);
  }

  async deleteRecords(
    requests: readonly (PartitionRef & { readonly beforeOffset: number })[],
  ): Promise<readonly { readonly errorCode: number; readonly logStartOffset: number }[]> {
    const { row, answers } = this.#cell.decideDeleteRecords(requests);
    if (row !== undefined) this.#append(row);
    return answers;
  }

  async metrics(): Promise<MetricsSnapshot> {
    this.#metrics.gauge("kante_partitions", this.#cell.partitionCount);
    this.#metrics.gauge("kante_extents", this.#cell.extentCount);
    this.#metrics.gauge("kante_inline_bytes", this.#cell.inlineBytes);
    this.#metrics.gauge("kante_producers", this.#cell.producerCount);
    this.#metrics.gauge("kante_open_transactions", this.#cell.openTransactionCount);
    return this.#metrics.snapshot();
  }

  /**
   * In one turn without await, so all of it is one transaction. Applied before it is written: a row that cannot be applied must never
   * be durable, or the cell would die of it at every start.
   */
  #append(row: JournalRow): void {
    try {
      this.#cell.applyRow(row, true);
      this.#write("INSERT INTO journal (seq, entry, inline) VALUES (?, ?, ?)", row.sequence, row.entry, row.inline ?? null);
      if (this.#cell.snapshotDue) this.#takeSnapshot();
      const dead = this.#cell.takeDeadRows(deadRowsMax);
      if (dead.length > 0) this.#write("DELETE FROM journal WHERE seq IN (SELECT value FROM json_each(?))", JSON.stringify(dead));
    } catch (error) {
      this.#log.error("cell-broken", { sequence: row.sequence, kind: operatingErrorKind(error), error });
      this.ctx.abort("a change of the cell failed half-way");
      throw error;
    }
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  #takeSnapshot(): void {
    const chunks = this.#cell.snapshot();
    this.#write("DELETE FROM snapshot");
    for (const [chunk, data] of chunks.entries()) this.#write("INSERT INTO snapshot (chunk, data) VALUES (?, ?)", chunk, data);
    // Rows whose records are still read stay: the snapshot refers to them.
    this.#write("DELETE FROM journal WHERE inline IS NULL");
    this.#cell.snapshotWritten(chunks);
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    this.#log.info("snapshot-written", { cursor: this.#cell.cursor, bytes, chunks: chunks.length });
  }

  #write(statement: string, ...values: (number | string | Uint8Array | null)[]): void {
    const { rowsWritten } = this.#sql.exec(statement, ...(values as SqlStorageValue[]));
    this.#metrics.count("kante_rows_written_total", rowsWritten);
  }
}
