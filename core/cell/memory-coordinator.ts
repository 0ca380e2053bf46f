/**
 * A coordinator in memory over the leader's own core: for tests, the simulator and clusters that live in one browser tab. Its rows
 * are its disk: give them to a new one and it is the old one restarted.
 */
import type {
  BatchCoordinator,
  BrokerIdentity,
  ClaimReply,
  CommitReply,
  CommitRequest,
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
} from "../coordinator.ts";
import { settingDefaults } from "../settings.ts";
import { Cell, type CellOptions, type JournalRow } from "./cell.ts";
import type { DrainPlan } from "./drain.ts";
import type { PackedWriter } from "./packed-bytes.ts";
import type { SnapshotLimits } from "./snapshot.ts";
import { cursorOf, firstPieces, pieceOf, roomThatCounts, roomToWrite, type Room } from "./snapshot-work.ts";

/** What survives: the journal and the last snapshot, as the leader's tables hold them. */
export class MemoryRows {
  readonly journal = new Map<number, JournalRow>();
  readonly pieces: Map<number, Uint8Array>;

  constructor(pieces: ReadonlyMap<number, Uint8Array> = new Map()) {
    this.pieces = new Map(pieces);
  }

  get room(): Room | undefined {
    const firsts = firstPieces.flatMap((chunk) => {
      const data = this.pieces.get(chunk);
      return data === undefined ? [] : [{ chunk, data }];
    });
    return roomThatCounts(firsts);
  }

  /** The one that counts. */
  get snapshot(): { readonly sequence: Cursor; readonly chunks: readonly Uint8Array[] } | undefined {
    const { room } = this;
    if (room === undefined) return undefined;
    const chunks: Uint8Array[] = [];
    for (let data = this.pieces.get(pieceOf(room, 0)); data !== undefined; data = this.pieces.get(pieceOf(room, chunks.length)))
      chunks.push(data);
    return { sequence: cursorOf(chunks[0]!), chunks };
  }

  read(sequence: number): Uint8Array {
    const row = this.journal.get(sequence);
    if (row?.inline === undefined) throw new Error(`journal row ${sequence} holds no inline bytes`);
    return row.inline;
  }

  upTo(cursor: Cursor): number[] {
    return [...this.journal.keys()].filter((sequence) => sequence <= cursor);
  }
}

export interface MemoryCoordinatorOptions {
  readonly cell?: number;
  readonly rows?: MemoryRows;
  readonly settings?: CellOptions["settings"];
  readonly snapshotLimits?: SnapshotLimits;
  readonly now?: () => number;
  /** How a follow waits for its time to be over; without it a follow waits for news alone. */
  readonly sleep?: (ms: number) => Promise<void>;
}

export class MemoryCoordinator implements BatchCoordinator {
  readonly rows: MemoryRows;
  readonly cell: Cell;
  readonly #now: () => number;
  readonly #sleep: ((ms: number) => Promise<void>) | undefined;
  #waiting: (() => void)[] = [];

  constructor(options: MemoryCoordinatorOptions = {}) {
    this.rows = options.rows ?? new MemoryRows();
    this.#now = options.now ?? (() => 0);
    this.#sleep = options.sleep;
    this.cell = new Cell({
      cell: options.cell ?? 0,
      settings: options.settings ?? settingDefaults,
      inlineRows: this.rows,
      ...(options.snapshotLimits && { snapshotLimits: options.snapshotLimits }),
    });
    const { snapshot } = this.rows;
    if (snapshot !== undefined) this.cell.restore(snapshot.chunks, (cursor) => this.rows.upTo(cursor));
    for (const row of this.rows.journal.values()) if (row.sequence > this.cell.cursor) this.cell.applyRow(row, false);
  }

  /** Synchronous, for those who keep their own time. */
  commitNow(request: CommitRequest): CommitReply {
    const decision = this.cell.decideCommit(request, this.#now());
    if (decision.kind === "answer") return decision.reply;
    this.#append(decision.row);
    return this.cell.commitReply();
  }

  async commit(request: CommitRequest): Promise<CommitReply> {
    return this.commitNow(request);
  }

  writeMarkersNow(requests: readonly MarkerRequest[]): readonly MarkerAnswer[] {
    const { row, answers } = this.cell.decideMarkers(requests, this.#now());
    if (row !== undefined) this.#append(row);
    return answers;
  }

  async writeMarkers(requests: readonly MarkerRequest[]): Promise<readonly MarkerAnswer[]> {
    return this.writeMarkersNow(requests);
  }

  async findBatches(requests: readonly FindRequest[]): Promise<FindReply> {
    return this.cell.findBatches(requests);
  }

  async follow(cursor: Cursor, maxWaitMs: number): Promise<FollowReply> {
    const reply = this.cell.updatesSince(cursor);
    if (reply !== undefined || maxWaitMs <= 0) return structuredClone(reply ?? { cursor, gap: false, updates: [] });
    const news = new Promise<void>((resolve) => this.#waiting.push(resolve));
    await (this.#sleep === undefined ? news : Promise.race([news, this.#sleep(maxWaitMs)]));
    // Copies, as an RPC makes: a follower writes offsets into inline bytes.
    return structuredClone(this.cell.updatesSince(cursor) ?? { cursor, gap: false, updates: [] });
  }

  async listOffsets(queries: readonly OffsetQuery[]): Promise<readonly OffsetAnswer[]> {
    return this.cell.listOffsets(queries);
  }

  async describePartitions(partitions: readonly PartitionRef[]): Promise<readonly PartitionDescription[]> {
    return this.cell.describePartitions(partitions);
  }

  async epochEnds(queries: readonly EpochEndQuery[]): Promise<readonly EpochEndAnswer[]> {
    return this.cell.epochEnds(queries);
  }

  async createPartitions(
    partitions: readonly PartitionRef[],
    settings: PartitionSettings,
    fences: readonly BrokerIdentity[] = [],
    ledBefore = 0,
    hasLed = false,
  ): Promise<void> {
    this.cell.checkLed(ledBefore, hasLed);
    this.#appendEntry(this.cell.collection.fence(fences));
    const row = this.cell.decideCreatePartitions(partitions, settings);
    if (row !== undefined) this.#append(row);
  }

  collectNow(fences: readonly BrokerIdentity[], ledBefore = 0): readonly ReferencedEpoch[] {
    this.cell.checkLed(ledBefore);
    this.#appendEntry(this.cell.collection.fence(fences));
    return this.cell.collection.referenced();
  }

  async collect(fences: readonly BrokerIdentity[], ledBefore = 0): Promise<readonly ReferencedEpoch[]> {
    return this.collectNow(fences, ledBefore);
  }

  async holds(keys: readonly string[]): Promise<readonly string[]> {
    return this.cell.collection.holds(keys);
  }

  /** The oldest objects of the cell that were garbage have been deleted. */
  collected(count: number): void {
    this.#appendEntry(this.cell.collection.collected(count));
  }

  /** The controller has heard of so many releases. */
  releaseTold(releases: number): void {
    this.#appendEntry(this.cell.collection.released(releases));
  }

  #appendEntry(entry: PackedWriter | undefined): void {
    const row = this.cell.rowOf(entry);
    if (row !== undefined) this.#append(row);
  }

  async deletePartitions(topicId: TopicId): Promise<boolean> {
    const row = this.cell.decideDeleteTopic(topicId, this.#now());
    if (row !== undefined) this.#append(row);
    return this.cell.hasLed;
  }

  async deleteRecords(
    requests: readonly (PartitionRef & { readonly beforeOffset: number })[],
  ): Promise<readonly { readonly errorCode: number; readonly logStartOffset: number }[]> {
    const { row, answers } = this.cell.decideDeleteRecords(requests, this.#now());
    if (row !== undefined) this.#append(row);
    return answers;
  }

  /** The plan's object rests in a store: whoever has one drains. False when all of it was deleted meanwhile. */
  commitDrain(plan: DrainPlan): boolean {
    const row = this.cell.decideDrain(plan, this.#now());
    if (row !== undefined) this.#append(row);
    return row !== undefined;
  }

  claimMergeNow(): ClaimReply {
    const decision = this.cell.decideClaim(this.#now());
    if (decision.kind === "answer") return decision.reply;
    this.#append(decision.row);
    return this.cell.claimReply(this.#now());
  }

  async claimMerge(): Promise<ClaimReply> {
    return this.claimMergeNow();
  }

  commitMergeNow(number: number, compacted?: Compacted): MergeReply {
    const { row, reply } = this.cell.decideMerge(number, this.#now(), compacted);
    if (row !== undefined) this.#append(row);
    return reply;
  }

  async commitMerge(number: number, compacted?: Compacted): Promise<MergeReply> {
    return this.commitMergeNow(number, compacted);
  }

  async releaseMerge(release: MergeRelease): Promise<void> {
    this.cell.releaseMerge(release);
  }

  /** A claim that nobody will commit is given up, when it is time. */
  abandonClaimNow(): void {
    this.#appendEntry(this.cell.strayClaim.abandon(this.#now()));
  }

  /** One step of retention. */
  retainNow(): void {
    const row = this.cell.decideRetention(this.#now());
    if (row !== undefined) this.#append(row);
  }

  /** Writes a snapshot and lets go of the rows that it covers, but for live inline bytes. */
  takeSnapshot(): void {
    this.cell.beginSnapshot();
    while (this.stepSnapshot());
  }

  /** Of one that was begun: whether there is more to do. */
  stepSnapshot(): boolean {
    const { pieces, journal, room: counts } = this.rows;
    const room = roomToWrite(counts);
    const step = this.cell.stepSnapshot();
    if (step?.kind === "piece") pieces.set(pieceOf(room, step.index), step.data);
    if (step?.kind !== "last") return step !== undefined;
    for (let index = step.pieces; pieces.delete(pieceOf(room, index)); index++);
    pieces.set(pieceOf(room, 0), step.first);
    for (const { sequence, inline } of journal.values()) {
      if (inline === undefined && sequence <= step.cursor) journal.delete(sequence);
    }
    this.#deleteDeadRows();
    return false;
  }

  #deleteDeadRows(): void {
    for (const row of this.cell.takeDeadRows(Infinity)) this.rows.journal.delete(row);
  }

  #append(row: JournalRow): void {
    // What is durable is a copy: the sender's memory goes on living.
    const kept = { ...row, inline: row.inline?.slice() };
    this.cell.applyRow(kept, true);
    this.rows.journal.set(row.sequence, kept);
    if (this.cell.snapshotDue) this.takeSnapshot();
    this.#deleteDeadRows();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
