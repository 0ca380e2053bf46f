/**
 * Appends on their way to durability: buffered per cell, flushed inline or as an object (D4), committed in order of arrival per
 * partition, answered (I1). Knows the broker epoch: without one nothing is flushed, and when it ends everything unanswered fails,
 * so that a new epoch begins with nothing of the old one.
 */
import type { BrokerIdentity } from "../coordinator.ts";
import type { Settings } from "../settings.ts";
import type { BufferedItem, Part, PendingAppend } from "../wal/lane.ts";
import { CellBuffer } from "../wal/buffer.ts";
import { companyLeftMs, flushesObject, inlineBurstBytes, takesInline, type ObjectBacklog } from "../wal/flush-policy.ts";
import { encodeWalObject, type Crc32c } from "../wal/format.ts";
import { formPart, walParts } from "../wal/part.ts";
import { TokenBucket } from "../wal/token-bucket.ts";
import { CommitChain, type ChainHost, type Commit, type CommittedReply } from "./commit-chain.ts";
import type { BrokerEvent, EffectSink } from "./events.ts";
import { FailedFirsts } from "./failed-firsts.ts";
import type { AppendItem, AppendOutcome } from "./interface.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import type { OwnCommit } from "./own-commits.ts";
import { fateUnknown, neverSent } from "./outcomes.ts";
import { Registration } from "./registration.ts";
import { Timers } from "./timers.ts";
import { Uploads, type Upload, type UploadedPart, type UploadHost } from "./uploads.ts";

/** Learns what this broker committed: for its cache, and for readers that wait here. */
export interface CommitListener {
  stored(key: string, object: Uint8Array): void;
  committed(commit: OwnCommit, now: number): void;
}

export interface ProduceOptions {
  readonly brokerId: number;
  readonly settings: Settings;
  readonly crc32c: Crc32c;
  readonly budget: MemoryBudget;
  readonly sink: EffectSink;
  readonly listener: CommitListener;
}

interface Cell {
  readonly id: number;
  readonly buffer: CellBuffer;
  readonly inlineTokens: TokenBucket;
  chain: CommitChain;
  /** What is buffered goes into the next objects, and so does what arrives until nothing is left. */
  objectBound: boolean;
  inlineRefusedUntil: number;
  /** Stored, and first in all their lanes: to be sent as soon as the chain takes them. */
  ready: UploadedPart[];
}

/** Mergers need some time to make room in a cell that holds too many inline bytes. */
const inlineRefusalMs = 10_000;

export class ProduceMachine implements ChainHost, UploadHost {
  readonly sink: EffectSink;
  readonly timers = new Timers<(now: number) => void>();
  readonly #options: ProduceOptions;
  readonly #cells = new Map<number, Cell>();
  readonly #appends = new Set<PendingAppend>();
  readonly #objectCells = new Set<Cell>();
  /** Buffered in those cells. */
  #objectBytes = 0;
  readonly #putTokens: TokenBucket;
  readonly #uploads: Uploads;
  /** Parts of uploads under way; what is stored waits in its cell. */
  readonly #uploaded = new Map<Part, UploadedPart>();
  readonly #refusedCommits: Commit[] = [];
  readonly #commitOf = new Map<number, Commit>();
  readonly #uploadOf = new Map<number, Upload>();
  #lastEffectId = 0;
  #epoch: number | undefined;
  readonly #registration: Registration;
  readonly #failedFirsts = new FailedFirsts();
  #flushAt: number | undefined;
  #uploadBeganAt = -Infinity;
  #objectCommittedAt = -Infinity;
  /** Of the uploads answered since then. */
  #answeredBytes = 0;
  #expectedBytes = 0;
  #roundMs = 0;

  constructor(options: ProduceOptions) {
    this.#options = options;
    this.sink = options.sink;
    this.#putTokens = new TokenBucket(options.settings["wal.puts.per.second"], Math.max(1, options.settings["wal.puts.burst"]));
    this.#uploads = new Uploads(this);
    this.#registration = new Registration(this.sink, this.timers);
  }

  get brokerEpoch(): number | undefined {
    return this.#epoch;
  }

  get sequenceFloor(): number {
    return this.#uploads.sequenceFloor;
  }

  get uploadsInFlight(): number {
    return this.#uploads.inFlight;
  }

  nextDeadline(): number | undefined {
    const next = this.timers.next();
    if (next === undefined || this.#flushAt === undefined) return next ?? this.#flushAt;
    return Math.min(next, this.#flushAt);
  }

  tick(now: number): void {
    for (let act = this.timers.takeDue(now); act !== undefined; act = this.timers.takeDue(now)) act(now);
    if (this.#flushAt !== undefined && now >= this.#flushAt) this.#flushObjects(now);
  }

  handle(event: BrokerEvent, now: number): void {
    if (event.kind === "append") this.#append(event.id, event.items, now);
    else if (event.kind === "commit-reply" || event.kind === "commit-failed") {
      const commit = this.#take(this.#commitOf, event.id);
      if (commit === undefined) return;
      if (event.kind === "commit-reply") commit.chain.reply(commit, event.id, event.reply, now);
      else commit.chain.failed(commit, event.id, event.message, now);
    } else if (event.kind === "put-done" || event.kind === "put-failed") {
      const upload = this.#take(this.#uploadOf, event.id);
      if (upload === undefined) return;
      if (event.kind === "put-done") this.#uploads.done(upload, now);
      else this.#uploads.failed(upload, event.message, now);
      this.#flushObjects(now);
    } else if (event.kind === "registered") this.#registered(event.brokerEpoch, now);
    else if (event.kind === "register-failed") {
      if (this.#registration.failed(event.message, now) === "given-up") this.#failAll(now);
    }
  }

  #take<T>(map: Map<number, T>, id: number): T | undefined {
    const value = map.get(id);
    if (value !== undefined) map.delete(id);
    return value;
  }

  // Arrival and flush.

  #append(id: number, items: readonly AppendItem[], now: number): void {
    let byteLength = 0;
    for (const item of items) byteLength += item.records.length;
    const outcomes = Array.from<AppendOutcome>({ length: items.length });
    const append: PendingAppend = { id, byteLength, items, outcomes, remaining: items.length };
    if (items.length === 0) {
      this.sink.push({ kind: "append-done", id, outcomes });
      return;
    }
    this.#appends.add(append);
    this.#options.budget.appendBytes += byteLength;
    this.#options.budget.copyBytes += byteLength;
    let last: Cell | undefined;
    const touched: Cell[] = [];
    for (const [index, item] of items.entries()) {
      if (!this.#failedFirsts.admits(item, now)) {
        this.#settleItem({ append, index }, neverSent);
        continue;
      }
      const cell = last?.id === item.cell ? last : this.#cell(item.cell);
      if (cell !== last) touched.push(cell);
      cell.buffer.add(append, index, item);
      if (cell.objectBound) this.#objectBytes += item.records.length;
      last = cell;
    }
    if (this.#epoch === undefined) return this.#registration.ask();
    for (const cell of touched) this.#settle(cell, now);
    if (this.#objectCells.size > 0) this.#flushObjects(now);
  }

  #cell(id: number): Cell {
    let cell = this.#cells.get(id);
    if (cell === undefined) {
      const { settings } = this.#options;
      const inlineTokens = new TokenBucket(settings["wal.inline.bytes.per.second"], inlineBurstBytes(settings));
      const chain = new CommitChain(this, id);
      const buffer = new CellBuffer();
      cell = { id, buffer, inlineTokens, chain, objectBound: false, inlineRefusedUntil: 0, ready: [] };
      this.#cells.set(id, cell);
    }
    return cell;
  }

  /** Sends what may go inline and marks the cell when the rest must become an object. */
  #settle(cell: Cell, now: number): void {
    const { buffer } = cell;
    if (this.#epoch === undefined || cell.objectBound || buffer.byteLength === 0) return;
    if (buffer.freeBytes > 0) {
      if (!this.#takesInline(cell, buffer.freeBytes, now)) return this.#bindToObject(cell);
      if (cell.chain.acceptsInline) {
        cell.inlineTokens.take(buffer.freeBytes, now);
        cell.chain.sendInline(formPart(cell.id, buffer.takeFree()));
      }
    }
    const waiting = buffer.byteLength - buffer.freeBytes;
    if (waiting > 0 && !this.#takesInline(cell, waiting, now)) this.#bindToObject(cell);
  }

  #takesInline(cell: Cell, byteLength: number, now: number): boolean {
    const inlineTokens = cell.inlineTokens.available(now);
    return takesInline({ byteLength, inlineTokens, inlineRefused: now < cell.inlineRefusedUntil }, this.#options.settings);
  }

  #bindToObject(cell: Cell): void {
    cell.objectBound = true;
    this.#objectCells.add(cell);
    this.#objectBytes += cell.buffer.byteLength;
  }

  #flushObjects(now: number): void {
    const { settings } = this.#options;
    this.#flushAt = undefined;
    if (this.#epoch === undefined) return;
    while (this.#refusedCommits.length > 0 && this.#uploads.inFlight < settings["wal.uploads.max"]) {
      this.#uploadRefused(this.#refusedCommits.shift()!, now);
    }
    while (flushesObject(this.#objectBacklog(now), settings)) this.#flushObject(now);
    if (this.#objectBytes === 0 || this.#uploads.inFlight >= settings["wal.uploads.max"]) return;
    const togetherAt = now + companyLeftMs(this.#objectBacklog(now), settings);
    this.#flushAt = Math.max(this.#putTokens.availableAt(1, now), togetherAt);
  }

  #objectBacklog(now: number): ObjectBacklog {
    return {
      byteLength: this.#objectBytes,
      putTokens: this.#putTokens.available(now),
      uploadsInFlight: this.#uploads.inFlight,
      objectsOpen: this.#uploads.openCount,
      sinceUploadMs: now - this.#uploadBeganAt,
      sinceCommitMs: now - this.#objectCommittedAt,
      roundMs: this.#roundMs,
      expectedBytes: this.#expectedBytes,
    };
  }

  #flushObject(now: number): void {
    this.#putTokens.take(1, now);
    this.#uploadBeganAt = now;
    this.#answeredBytes = 0;
    const parts = this.#takeObjectParts();
    const identity = this.#nextIdentity();
    const object = encodeWalObject(identity, parts.flatMap(walParts), this.#options.crc32c);
    const upload = this.#uploads.start(identity, object, now);
    let byteStart = 0;
    for (const part of parts) {
      const uploadedPart = { part, byteStart, upload };
      upload.parts.push(uploadedPart);
      this.#uploaded.set(part, uploadedPart);
      this.#cell(part.cell).buffer.holdBehind(part);
      byteStart += part.byteLength;
    }
    upload.open = parts.length;
  }

  #takeObjectParts(): Part[] {
    const parts: Part[] = [];
    const unfinished: Cell[] = [];
    let room = this.#options.settings["wal.buffer.bytes"];
    for (const cell of this.#objectCells) {
      if (room <= 0) break;
      this.#objectCells.delete(cell);
      const part = formPart(cell.id, cell.buffer.takeOldest(room));
      room -= part.byteLength;
      this.#objectBytes -= part.byteLength;
      parts.push(part);
      if (cell.buffer.byteLength > 0) unfinished.push(cell);
      else cell.objectBound = false;
    }
    // To the end of the row, so that one greedy cell starves no other; not before, as a cell has one part in an object.
    for (const cell of unfinished) this.#objectCells.add(cell);
    return parts.sort((left, right) => left.cell - right.cell);
  }

  #nextIdentity(): BrokerIdentity & { sequence: number } {
    return { ...this.identity(), sequence: this.#uploads.takeSequence() };
  }

  #uploadRefused(commit: Commit, now: number): void {
    this.#putTokens.take(1, now);
    const identity = this.#nextIdentity();
    const object = encodeWalObject(identity, walParts(commit.part), this.#options.crc32c);
    this.#uploads.start(identity, object, now, commit).open = 1;
  }

  // What uploads tell.

  putId(upload: Upload): number {
    this.#lastEffectId += 1;
    this.#uploadOf.set(this.#lastEffectId, upload);
    return this.#lastEffectId;
  }

  stored(upload: Upload, now: number): void {
    if (upload.refusedCommit !== undefined) {
      const commit = upload.refusedCommit;
      this.#uploaded.set(commit.part, { part: commit.part, byteStart: 0, upload });
      commit.chain.becomeObject(commit, upload.identity.sequence, upload.object);
      return;
    }
    for (const uploadedPart of upload.parts) {
      const cell = this.#cell(uploadedPart.part.cell);
      cell.ready.push(uploadedPart);
      this.#sendReady(cell, now);
    }
  }

  /** Sends stored parts as far as order and the chain allow, then looks at what waited behind them. */
  #sendReady(cell: Cell, now: number): void {
    for (let index = 0; index < cell.ready.length && cell.chain.acceptsObject;) {
      const { part, byteStart, upload } = cell.ready[index]!;
      if (part.blockers > 0) {
        index += 1;
        continue;
      }
      cell.ready.splice(index, 1);
      // Sent first, let go after: nothing that waited for it can get a lower number.
      cell.chain.sendObject(part, upload.identity.sequence, byteStart, upload.object);
      if (cell.buffer.letGo(part).length > 0) index = 0;
    }
    this.#settle(cell, now);
  }

  freed(upload: Upload): void {
    this.#options.budget.abandonedBytes -= upload.object.length;
  }

  // What chains tell.

  identity(): BrokerIdentity {
    if (this.#epoch === undefined) throw new Error("nothing is written without a broker epoch");
    return { brokerId: this.#options.brokerId, brokerEpoch: this.#epoch };
  }

  attemptId(commit: Commit): number {
    this.#lastEffectId += 1;
    this.#commitOf.set(this.#lastEffectId, commit);
    return this.#lastEffectId;
  }

  committed({ part, source }: Commit, { results, cursor }: CommittedReply, now: number): void {
    const uploaded = this.#uploaded.get(part);
    if (uploaded !== undefined) {
      this.#uploaded.delete(part);
      this.#uploads.settle(uploaded.upload);
      this.#answered(uploaded, now);
      this.#options.listener.stored(uploaded.upload.key, uploaded.upload.object);
    }
    let at = 0;
    for (const { items } of part.entries) {
      for (const buffered of items) {
        const result = results[at];
        if (result === undefined) throw new Error(`a commit was answered with ${results.length} results, too few`);
        this.#settleItem(buffered, result);
        at += buffered.item.batches.length;
      }
    }
    this.#options.listener.committed({ part, source, key: uploaded?.upload.key ?? "", results, cursor }, now);
    const cell = this.#cell(part.cell);
    this.#sendReady(cell, now);
    if (cell.objectBound) this.#flushObjects(now);
  }

  #answered({ part, upload }: UploadedPart, now: number): void {
    this.#objectCommittedAt = now;
    this.#roundMs = now - upload.beganAt;
    this.#answeredBytes += part.byteLength;
    this.#expectedBytes = this.#objectBytes + this.#answeredBytes;
  }

  inlineFull(commit: Commit, now: number): void {
    this.#cell(commit.part.cell).inlineRefusedUntil = now + inlineRefusalMs;
    this.#refusedCommits.push(commit);
    this.#flushObjects(now);
  }

  // Outcomes.

  #settleItem({ append, index }: Pick<BufferedItem, "append" | "index">, outcome: AppendOutcome): void {
    this.#options.budget.copyBytes -= append.items[index]!.records.length;
    append.outcomes[index] = outcome;
    append.remaining -= 1;
    if (append.remaining > 0) return;
    this.#appends.delete(append);
    this.#options.budget.appendBytes -= append.byteLength;
    this.sink.push({ kind: "append-done", id: append.id, outcomes: append.outcomes });
  }

  #failPart(part: Part, outcome: AppendOutcome, now: number): void {
    for (const { items } of part.entries) {
      for (const buffered of items) {
        this.#failedFirsts.note(buffered.item, now);
        this.#settleItem(buffered, outcome);
      }
    }
  }

  // The epoch.

  #registered(brokerEpoch: number, now: number): void {
    if (!this.#registration.answered(brokerEpoch)) return;
    this.#epoch = brokerEpoch;
    for (const cell of this.#cells.values()) this.#settle(cell, now);
    this.#flushObjects(now);
  }

  /** A newer one may be at work under this broker's id: only an append asks for an epoch again, so an idle one stays quiet. */
  fenced(cell: number, reason: string, now: number): void {
    this.sink.push({
      kind: "log",
      level: "warn",
      event: "broker-fenced",
      fields: { cell, brokerEpoch: this.#epoch ?? -1, reason },
    });
    this.#epoch = undefined;
    this.#failAll(now);
  }

  #failAll(now: number): void {
    for (const upload of this.#uploads.end()) this.#options.budget.abandonedBytes += upload.object.length;
    this.#uploaded.clear();
    this.#commitOf.clear();
    this.#objectCells.clear();
    this.#objectBytes = 0;
    this.#refusedCommits.length = 0;
    this.#flushAt = undefined;
    for (const cell of this.#cells.values()) {
      const sent = cell.chain.end();
      cell.chain = new CommitChain(this, cell.id);
      cell.objectBound = false;
      cell.ready = [];
      cell.buffer.clear();
      for (const { part } of sent) this.#failPart(part, fateUnknown, now);
    }
    // Whatever no commit carried: buffered, or in uploads.
    for (const append of this.#appends) this.#failRest(append, now);
    this.#options.budget.copyBytes = 0;
  }

  #failRest(append: PendingAppend, now: number): void {
    for (const [index, item] of append.items.entries()) {
      if (append.outcomes[index] !== undefined) continue;
      this.#failedFirsts.note(item, now);
      append.outcomes[index] = neverSent;
    }
    append.remaining = 0;
    this.#appends.delete(append);
    this.#options.budget.appendBytes -= append.byteLength;
    this.sink.push({ kind: "append-done", id: append.id, outcomes: append.outcomes });
  }
}
