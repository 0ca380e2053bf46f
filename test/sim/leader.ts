/**
 * A leader's shell in the simulated world: the real cell over rows that become durable a little after they were written. Like a
 * Durable Object's output gate it holds every answer until all rows written before are durable; when it dies, rows that were not are
 * gone, and with them the answers that nobody has heard.
 */
import { DrainPace, mergedObject, type DrainPlan } from "../../core/cell/drain.ts";
import { MemoryCoordinator, MemoryRows } from "../../core/cell/memory-coordinator.ts";
import type { JournalRow } from "../../core/cell/cell.ts";
import type {
  BrokerIdentity,
  ClaimReply,
  Compacted,
  CommitReply,
  CommitRequest,
  Extent,
  FindReply,
  FindRequest,
  FollowReply,
  MarkerAnswer,
  MarkerRequest,
  MergeRelease,
  MergeReply,
  PartitionBounds,
  ReferencedEpoch,
} from "../../core/coordinator.ts";
import type { Settings } from "../../core/settings.ts";
import { kernel } from "../../kernel/kernel.ts";
import type { Happening } from "./history.ts";
import { Life } from "./network.ts";
import type { Planted } from "./plants.ts";
import type { PartitionPlace } from "./scenario.ts";
import type { SimulatedStore } from "./store.ts";
import type { World } from "./world.ts";

/** So small that a snapshot takes many steps. */
const snapshotLimits = { units: 40, bytes: 400 };

export interface LeaderOptions {
  readonly settings: Settings;
  readonly store: SimulatedStore;
  readonly record: (event: Happening) => void;
  readonly plant: Planted;
  /** Of every partition, where something of it is drawn. */
  readonly segmentBytes?: number;
  readonly retentionBytes?: number;
  /** Every partition is compacted, and shows deletions for so long. */
  readonly deleteRetentionMs?: number;
  /** Tells the collector that objects were let go. */
  readonly tellReleases?: (caller: Life, told: () => void, failed: () => void) => void;
}

interface Follower {
  readonly cursor: number;
  readonly answer: (reply: FollowReply) => void;
}

export class SimulatedLeader {
  readonly life = new Life();
  readonly #world: World;
  readonly #cell: number;
  readonly #places: readonly PartitionPlace[];
  readonly #options: LeaderOptions;
  /** What a crash leaves: the journal up to the last row that became durable, and the last snapshot within it. */
  #durableRows: JournalRow[] = [];
  #durablePieces: ReadonlyMap<number, Uint8Array> = new Map();
  #coordinator!: MemoryCoordinator;
  #followers: Follower[] = [];
  #snapshotPlanned = false;
  #pace = new DrainPace();
  #draining = false;
  #upkeepFor: number | undefined;
  #deleting = false;

  constructor(world: World, cell: number, places: readonly PartitionPlace[], options: LeaderOptions) {
    this.#world = world;
    this.#cell = cell;
    this.#places = places;
    this.#options = options;
    this.#load();
    void this.#coordinator.createPartitions(
      places.map(({ ref }) => ref),
      {
        timestampType: "CreateTime",
        retentionBytes: options.retentionBytes ?? -1,
        ...(options.segmentBytes !== undefined && { segmentBytes: options.segmentBytes }),
        ...(options.deleteRetentionMs !== undefined && {
          cleanupPolicy: "compact" as const,
          deleteRetentionMs: options.deleteRetentionMs,
          segmentBytes: 1,
          minCleanableDirtyMillionths: 0,
        }),
      },
    );
    this.#durableRows = [...this.#coordinator.rows.journal.values()];
  }

  kill(): void {
    this.#world.log(`cell ${this.#cell} dies`);
    this.life.die();
    this.#followers = [];
  }

  start(): void {
    this.life.start();
    this.#load();
    this.#snapshotPlanned = false;
    this.#pace = new DrainPace();
    this.#draining = false;
    this.#upkeepFor = undefined;
    this.#deleting = false;
    this.#planUpkeep();
    this.#world.log(`cell ${this.#cell} starts at ${this.#coordinator.cell.cursor}`);
  }

  /** Every object range that an extent of the partition refers to. */
  objectRanges(place: PartitionPlace): { readonly key: string; readonly end: number; readonly byteLength: number }[] {
    const offset = this.bounds(place).logStartOffset;
    const found = this.#coordinator.cell.findBatches([{ ...place.ref, offset, maxBytes: Infinity }]);
    return found.results[0]!.extents.flatMap(({ source, byteLength }) =>
      source.kind === "object" ? [{ key: source.key, end: source.byteStart + byteLength, byteLength }] : [],
    );
  }

  /** Where the partition's log ends, for the world's own questions. */
  nextOffset(place: PartitionPlace): number {
    return this.bounds(place).highWatermark;
  }

  bounds(place: PartitionPlace): PartitionBounds {
    return this.#coordinator.cell.findBatches([{ ...place.ref, offset: 0, maxBytes: 1 }]).results[0]!.bounds;
  }

  #load(): void {
    const rows = new MemoryRows(this.#durablePieces);
    const kept = this.#options.plant.is("lose-rows-on-crash") ? this.#durableRows.slice(0, -1) : this.#durableRows;
    for (const row of kept) rows.journal.set(row.sequence, row);
    const { settings } = this.#options;
    this.#coordinator = new MemoryCoordinator({
      cell: this.#cell,
      rows,
      settings,
      snapshotLimits,
      now: () => Math.floor(this.#world.now),
    });
  }

  commit(request: CommitRequest, answer: (reply: CommitReply) => void): void {
    const before = this.#coordinator.cell.cursor;
    const reply = this.#coordinator.commitNow(this.#spoilt(request));
    if (this.#coordinator.cell.cursor !== before) this.#written();
    this.#gate(() => answer(reply));
    this.#wakeFollowers();
  }

  #spoilt(request: CommitRequest): CommitRequest {
    const { plant } = this.#options;
    if (plant.is("forget-sequences")) return withoutProducers(request);
    return plant.is("take-late-batches") ? withGeneration(request, this.#coordinator.cell.cursor + 1) : request;
  }

  writeMarkers(requests: readonly MarkerRequest[], answer: (answers: readonly MarkerAnswer[]) => void): void {
    const before = new Map(this.#places.map((place) => [place, this.nextOffset(place)]));
    const { cursor } = this.#coordinator.cell;
    const later = this.#options.plant.is("mark-twice") || this.#options.plant.is("take-late-batches") ? cursor + 1 : 0;
    const answers = this.#coordinator.writeMarkersNow(
      requests.map((request) => ({ ...request, generation: later || request.generation })),
    );
    if (this.#coordinator.cell.cursor !== cursor) {
      this.#written();
      for (const { producerId, generation, partitions } of requests) {
        for (const { topicId, partition } of partitions) {
          const place = this.#places.find(({ ref }) => ref.topicId === topicId && ref.partition === partition);
          if (place === undefined || this.nextOffset(place) === before.get(place)) continue;
          const marker = { partition: place.name, producerId, generation };
          this.#gate(() => this.#options.record({ kind: "marker", at: this.#world.now, ...marker }));
        }
      }
    }
    this.#gate(() => answer(answers));
    this.#wakeFollowers();
  }

  #written(): void {
    this.#makeDurable(this.#coordinator.rows.journal.get(this.#coordinator.cell.cursor));
    if (this.#world.random.chance(0.02)) this.#planSnapshot();
    if (!this.#draining && this.#coordinator.cell.isDrainDue && this.#pace.begins()) this.#drain();
  }

  /** The PUT is held, as every answer is, until the rows that the object is made of rest. */
  #drain(): void {
    const plan = this.#coordinator.cell.planDrain();
    this.#draining = plan !== undefined;
    if (plan === undefined) return this.#pace.succeeded();
    const object = mergedObject(plan, (row) => this.#coordinator.rows.read(row), kernel);
    const failed = (): void => {
      this.#pace.failed();
      this.#draining = false;
    };
    const put = (): void => this.#options.store.put(this.life, plan.key, object, () => this.#drained(plan), failed);
    if (this.#options.plant.is("drain-before-durable")) put();
    else this.#gate(put);
  }

  #drained(plan: DrainPlan): void {
    if (this.#coordinator.commitDrain(plan)) {
      this.#makeDurable(this.#coordinator.rows.journal.get(this.#coordinator.cell.cursor));
      this.#options.record({ kind: "drained", at: this.#world.now, key: plan.key });
      this.#wakeFollowers();
    }
    this.#drain();
  }

  claimMerge(answer: (reply: ClaimReply) => void): void {
    const { plant } = this.#options;
    const isIdle = plant.is("never-merge") || (plant.is("leave-hollow-objects") && this.unmergedBytes() === 0);
    if (isIdle) return this.#gate(() => answer({ kind: "nothing" }));
    const { cursor } = this.#coordinator.cell;
    const reply = this.#coordinator.claimMergeNow();
    if (this.#coordinator.cell.cursor !== cursor) this.#rowWritten();
    const key = `merged/${this.#cell}/reused`;
    const spoilt = reply.kind === "claimed" && this.#options.plant.is("reuse-merge-keys");
    this.#gate(() => answer(structuredClone(spoilt ? { ...reply, claim: { ...reply.claim, key } } : reply)));
  }

  commitMerge(number: number, answer: (reply: MergeReply) => void, compacted?: Compacted): void {
    const { cursor } = this.#coordinator.cell;
    const reply = this.#coordinator.commitMergeNow(number, compacted);
    if (this.#coordinator.cell.cursor !== cursor) this.#rowWritten();
    this.#gate(() => answer(reply));
  }

  releaseMerge(release: MergeRelease, answer: () => void): void {
    void this.#coordinator.releaseMerge(release);
    this.#gate(answer);
  }

  /** Bytes in write-ahead objects that extents still refer to. */
  unmergedBytes(): number {
    return this.#places
      .flatMap((place) => this.objectRanges(place))
      .reduce((sum, { key, byteLength }) => sum + (key.startsWith("wal/") ? byteLength : 0), 0);
  }

  #rowWritten(): void {
    this.#makeDurable(this.#coordinator.rows.journal.get(this.#coordinator.cell.cursor));
    this.#wakeFollowers();
  }

  /** What a leader's alarm is for, but merging: retention, its own garbage, and word of what was let go. */
  #planUpkeep(): void {
    const { now } = this.#world;
    const { cell } = this.#coordinator;
    const { collection } = cell;
    if (this.#options.tellReleases === undefined) return;
    const dues = [
      cell.retentionDueMs(Math.floor(now)),
      cell.strayClaim.strayDueMs(Math.floor(now)),
      ...(this.#deleting ? [] : [collection.dueMs, collection.releaseDueMs]),
    ];
    const due = Math.min(...dues.map((at) => at ?? Infinity));
    const at = Math.max(due, now + 1);
    if (due === Infinity || (this.#upkeepFor !== undefined && this.#upkeepFor > now && this.#upkeepFor <= at)) return;
    this.#upkeepFor = at;
    this.#world.after(
      at - now,
      `cell ${this.#cell} looks after its objects`,
      this.life.bind(() => this.#upkeep()),
    );
  }

  #upkeep(): void {
    const now = Math.floor(this.#world.now);
    const { cell } = this.#coordinator;
    this.#upkeepFor = undefined;
    if ((cell.retentionDueMs(now) ?? Infinity) <= now) this.#change(() => this.#coordinator.retainNow());
    if ((cell.strayClaim.strayDueMs(now) ?? Infinity) <= now) this.#change(() => this.#coordinator.abandonClaimNow());
    const { collection } = cell;
    if (!this.#deleting && (collection.dueMs ?? Infinity) <= now) this.#deleteGarbage(now);
    else if (!this.#deleting && (collection.releaseDueMs ?? Infinity) <= now) this.#tellReleases();
    this.#planUpkeep();
  }

  #deleteGarbage(now: number): void {
    const { count, keys } = this.#coordinator.cell.collection.due(now);
    this.#deleting = true;
    const done = (): void => {
      this.#deleting = false;
      this.#change(() => this.#coordinator.collected(count));
    };
    const failed = (): void => {
      this.#deleting = false;
      this.#planUpkeep();
    };
    this.#gate(() => this.#options.store.delete(this.life, keys, done, failed));
  }

  #tellReleases(): void {
    const { releases } = this.#coordinator.cell.collection;
    this.#deleting = true;
    const told = (): void => {
      this.#deleting = false;
      this.#change(() => this.#coordinator.releaseTold(releases));
      this.#planUpkeep();
    };
    const failed = (): void => {
      this.#deleting = false;
      this.#planUpkeep();
    };
    this.#gate(() => this.#options.tellReleases!(this.life, told, failed));
  }

  /** What changes the cell's logs or objects but is no commit. */
  #change(change: () => void): void {
    const { cursor } = this.#coordinator.cell;
    const before = new Map(this.#places.map((place) => [place, this.bounds(place).logStartOffset]));
    change();
    if (this.#coordinator.cell.cursor === cursor) return;
    for (const [place, start] of before) {
      const offset = this.bounds(place).logStartOffset;
      if (offset !== start) this.#options.record({ kind: "start-moved", at: this.#world.now, partition: place.name, offset });
    }
    this.#rowWritten();
  }

  /** As an administrator may ask at any time. */
  deleteRecords(place: PartitionPlace, share: number): void {
    const { logStartOffset, highWatermark } = this.bounds(place);
    const beforeOffset = logStartOffset + Math.floor((highWatermark - logStartOffset) * share);
    this.#change(() => void this.#coordinator.deleteRecords([{ ...place.ref, beforeOffset }]));
  }

  collect(fences: readonly BrokerIdentity[], answer: (referenced: readonly ReferencedEpoch[]) => void): void {
    let referenced: readonly ReferencedEpoch[] = [];
    this.#change(() => {
      referenced = this.#coordinator.collectNow(fences);
    });
    this.#gate(() => answer(referenced));
  }

  refersTo(key: string): boolean {
    return this.#places.some((place) => this.objectRanges(place).some((range) => range.key === key));
  }

  /** Nothing of the cell waits for being deleted or told. */
  get tidy(): boolean {
    const { cell } = this.#coordinator;
    const { collection } = cell;
    const isStray = cell.strayClaim.strayDueMs(Math.floor(this.#world.now)) !== undefined;
    return !this.#deleting && !isStray && collection.dueMs === undefined && collection.releaseDueMs === undefined;
  }

  find(requests: readonly FindRequest[], answer: (reply: FindReply) => void): void {
    const found = this.#coordinator.cell.findBatches(requests);
    const reply = this.#options.plant.is("share-an-offset") ? shifted(found, -1) : found;
    this.#gate(() => answer(reply));
  }

  follow(cursor: number, maxWaitMs: number, answer: (reply: FollowReply) => void): void {
    const known = this.#coordinator.cell.updatesSince(cursor);
    const nothing = { cursor, gap: false, updates: [] };
    if (known !== undefined || maxWaitMs <= 0) {
      this.#gate(() => answer(structuredClone(known ?? nothing)));
      return;
    }
    let answered = false;
    const once = (reply: FollowReply): void => {
      if (answered) return;
      answered = true;
      this.#gate(() => answer(structuredClone(reply)));
    };
    this.#followers.push({ cursor, answer: once });
    this.#world.after(
      maxWaitMs,
      "a follow has waited long enough",
      this.life.bind(() => once(nothing)),
    );
  }

  #wakeFollowers(): void {
    const followers = this.#followers;
    this.#followers = [];
    for (const follower of followers) {
      const reply = this.#coordinator.cell.updatesSince(follower.cursor);
      if (reply === undefined) this.#followers.push(follower);
      else follower.answer(reply);
    }
  }

  /** Writes take a moment to become durable; they do so in order. */
  #makeDurable(row: JournalRow | undefined): void {
    // The row made a snapshot due, which covers it: both rest in one transaction.
    const { pieces, journal } = this.#coordinator.rows;
    const covered = row === undefined ? { pieces: new Map(pieces), rows: [...journal.values()] } : undefined;
    const delay = this.#restsAfter();
    const ends = this.#places.map((place) => {
      const { highWatermark, lastStableOffset } = this.bounds(place);
      return { partition: place.name, nextOffset: highWatermark, lastStableOffset };
    });
    const rest = this.life.bind(() => {
      if (row !== undefined) this.#durableRows.push(row);
      if (covered !== undefined) {
        this.#durablePieces = covered.pieces;
        this.#durableRows = covered.rows;
      }
      for (const end of ends) this.#options.record({ kind: "durable", at: this.#world.now, ...end });
    });
    this.#planUpkeep();
    this.#world.after(delay, `row ${row?.sequence ?? "with snapshot"} of cell ${this.#cell} rests`, rest);
  }

  #restsAfter(): number {
    const late = this.#options.plant.is("show-before-durable") || this.#options.plant.is("drain-before-durable");
    return late ? 200 : 1;
  }

  /** Planned after the rows written so far, with their delay, so it opens once they rest. */
  #gate(work: () => void): void {
    this.#world.after(1, `the gate of cell ${this.#cell} opens`, this.life.bind(work));
  }

  #planSnapshot(): void {
    if (this.#snapshotPlanned) return;
    this.#snapshotPlanned = true;
    const take = this.life.bind(() => {
      this.#coordinator.cell.beginSnapshot();
      this.#stepSnapshot();
    });
    this.#world.after(5, `cell ${this.#cell} begins a snapshot`, take);
  }

  /** What a step writes rests behind the rows written before it; commits come between two steps, and deaths. */
  #stepSnapshot(): void {
    const { cell, rows } = this.#coordinator;
    const isMore = this.#coordinator.stepSnapshot();
    const { cursor } = cell;
    const pieces = new Map(rows.pieces);
    const kept = isMore ? undefined : new Set(rows.journal.keys());
    const rest = this.life.bind(() => {
      this.#durablePieces = pieces;
      if (kept !== undefined)
        this.#durableRows = this.#durableRows.filter(({ sequence }) => sequence > cursor || kept.has(sequence));
    });
    this.#world.after(this.#restsAfter(), `a step of the snapshot of cell ${this.#cell} rests`, rest);
    this.#snapshotPlanned = isMore;
    if (isMore)
      this.#world.after(
        this.#world.random.between(0, 20),
        `cell ${this.#cell} goes on with its snapshot`,
        this.life.bind(() => this.#stepSnapshot()),
      );
  }
}

function withGeneration(request: CommitRequest, transactionGeneration: number): CommitRequest {
  const entries = request.entries.map((entry) => ({
    ...entry,
    batches: entry.batches.map((batch) => ({ ...batch, transactionGeneration })),
  }));
  return { ...request, entries };
}

function withoutProducers(request: CommitRequest): CommitRequest {
  const entries = request.entries.map((entry) => ({
    ...entry,
    batches: entry.batches.map((batch) => ({ ...batch, producerId: -1, producerEpoch: -1, baseSequence: -1 })),
  }));
  return { ...request, entries };
}

/** Every extent but a log's first one lies elsewhere than it should. */
function shifted(reply: FindReply, by: number): FindReply {
  const move = (extent: Extent): Extent =>
    extent.baseOffset === 0 ? extent : { ...extent, baseOffset: extent.baseOffset + by, nextOffset: extent.nextOffset + by };
  return { ...reply, results: reply.results.map((result) => ({ ...result, extents: result.extents.map(move) })) };
}
