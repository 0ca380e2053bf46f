/**
 * The numbered commits of one broker epoch to one cell: which number goes to which part, what is sent again and when. A number
 * once given means the same batches for ever, because an attempt that was lost may still arrive; so a commit is repeated until
 * it is answered, and only the end of the epoch ends it without an answer.
 */
import type { BrokerIdentity, CommitReply, CommitRequest } from "../coordinator.ts";
import type { Part } from "../wal/lane.ts";
import { commitEntries, inlineRecords } from "../wal/part.ts";
import type { EffectSink } from "./events.ts";
import { backoffMs, type Timer, type Timers } from "./timers.ts";

export type CommitSource =
  | { readonly kind: "inline"; readonly records: Uint8Array }
  | { readonly kind: "object"; readonly sequence: number; readonly byteStart: number; readonly object: Uint8Array };

export interface Commit {
  readonly chain: CommitChain;
  readonly part: Part;
  readonly number: number;
  source: CommitSource;
  /** The newest effect that is unanswered; 0 when there is none. */
  attempt: number;
  /** That effect repeats an older one which may still be answered. */
  askedAgain: boolean;
  attempts: number;
  /** The lowest unanswered number when it was last sent: the leader has applied everything below. */
  sentAbove: number;
  /** Leaves the chain alone until its object is stored. */
  awaitsObject: boolean;
  /** Answered `ahead`: to be sent again when its predecessor is answered. */
  refused: boolean;
  retry: Timer<(now: number) => void> | undefined;
}

export type CommittedReply = Extract<CommitReply, { kind: "committed" }>;

/** What a chain asks of the machine it is part of. */
export interface ChainHost {
  readonly sink: EffectSink;
  readonly timers: Timers<(now: number) => void>;
  identity(): BrokerIdentity;
  /** A new effect id whose answer belongs to the commit. */
  attemptId(commit: Commit): number;
  committed(commit: Commit, reply: CommittedReply, now: number): void;
  /** The cell takes no inline bytes: the commit needs an object. */
  inlineFull(commit: Commit, now: number): void;
  /** The epoch is over. */
  fenced(cell: number, reason: string, now: number): void;
}

/** The leader remembers 64 answers, so many more than this may not be unanswered. */
const unansweredMax = 16;
/** Inline commits beyond this wait and grow together: each costs the leader a request and a row. */
const unansweredInlineMax = 4;
const retryFirstMs = 10;
const retryMaxMs = 1000;

export class CommitChain {
  readonly #host: ChainHost;
  readonly #cell: number;
  #nextNumber = 1;
  /** By number. */
  readonly #unanswered: Commit[] = [];
  #unansweredInline = 0;

  constructor(host: ChainHost, cell: number) {
    this.#host = host;
    this.#cell = cell;
  }

  get acceptsInline(): boolean {
    return this.acceptsObject && this.#unansweredInline < unansweredInlineMax;
  }

  get acceptsObject(): boolean {
    return this.#unanswered.length < unansweredMax;
  }

  get idle(): boolean {
    return this.#unanswered.length === 0;
  }

  sendInline(part: Part): void {
    this.#unansweredInline += 1;
    this.#begin(part, { kind: "inline", records: inlineRecords(part) });
  }

  sendObject(part: Part, sequence: number, byteStart: number, object: Uint8Array): void {
    this.#begin(part, { kind: "object", sequence, byteStart, object });
  }

  /** An inline commit that the leader refused has become an object. */
  becomeObject(commit: Commit, sequence: number, object: Uint8Array): void {
    if (commit.source.kind === "inline") this.#unansweredInline -= 1;
    commit.source = { kind: "object", sequence, byteStart: 0, object };
    commit.awaitsObject = false;
    this.#send(commit);
  }

  #begin(part: Part, source: CommitSource): void {
    const commit: Commit = {
      chain: this,
      part,
      number: this.#nextNumber,
      source,
      attempt: 0,
      askedAgain: false,
      attempts: 0,
      sentAbove: 0,
      awaitsObject: false,
      refused: false,
      retry: undefined,
    };
    this.#nextNumber += 1;
    this.#unanswered.push(commit);
    this.#send(commit);
  }

  #send(commit: Commit): void {
    if (commit.attempt !== 0 || commit.awaitsObject || commit.retry !== undefined) return;
    this.#attempt(commit);
  }

  #attempt(commit: Commit): void {
    commit.attempt = this.#host.attemptId(commit);
    commit.attempts += 1;
    commit.refused = false;
    commit.sentAbove = this.#unanswered[0]!.number;
    this.#host.sink.push({ kind: "commit", id: commit.attempt, cell: this.#cell, request: this.#request(commit) });
  }

  #request({ number, source, part }: Commit): CommitRequest {
    const { brokerId, brokerEpoch } = this.#host.identity();
    return {
      brokerId,
      brokerEpoch,
      number,
      source: source.kind === "inline" ? source : { kind: "object", sequence: source.sequence, byteLength: source.object.length },
      entries: commitEntries(part, source.kind === "inline" ? 0 : source.byteStart),
    };
  }

  reply(commit: Commit, attempt: number, reply: CommitReply, now: number): void {
    if (!this.#awaits(commit)) return;
    if (reply.kind === "committed") return this.#committed(commit, reply, now);
    if (reply.kind === "fenced") return this.#host.fenced(this.#cell, `broker epoch ${reply.brokerEpoch} has committed`, now);
    if (!this.#ends(commit, attempt)) return;
    if (reply.kind === "inline-full") this.#inlineFull(commit, now);
    else this.#ahead(commit, reply.expected, now);
  }

  /** Another attempt may have brought the answer. */
  #awaits(commit: Commit): boolean {
    return this.#unanswered.includes(commit);
  }

  /** An attempt that was repeated meanwhile decides nothing by failing. */
  #ends(commit: Commit, attempt: number): boolean {
    if (commit.attempt !== attempt || !this.#awaits(commit)) return false;
    commit.attempt = 0;
    commit.askedAgain = false;
    return true;
  }

  /** The commit may have been applied: the same number again brings the answer, or applies it now. */
  failed(commit: Commit, attempt: number, message: string, now: number): void {
    if (!this.#ends(commit, attempt)) return;
    const fields = { cell: this.#cell, number: commit.number, attempts: commit.attempts, message };
    this.#host.sink.push({ kind: "log", level: "warn", event: "commit-failed", fields });
    this.#retryLater(commit, now);
  }

  #committed(commit: Commit, reply: CommittedReply, now: number): void {
    const at = this.#unanswered.indexOf(commit);
    this.#unanswered.splice(at, 1);
    if (commit.source.kind === "inline") this.#unansweredInline -= 1;
    if (commit.retry !== undefined) this.#host.timers.cancel(commit.retry);
    if (at === 0) for (const waiting of this.#unanswered) if (waiting.refused) this.#send(waiting);
    for (const overtaken of this.#unanswered.slice(0, at)) this.#askAgain(overtaken);
    this.#host.committed(commit, reply, now);
  }

  /** A later commit has been applied, so this one has, and its answer is late or lost. */
  #askAgain(commit: Commit): void {
    if (commit.askedAgain || commit.awaitsObject) return;
    if (commit.retry !== undefined) this.#host.timers.cancel(commit.retry);
    commit.retry = undefined;
    commit.askedAgain = true;
    this.#attempt(commit);
  }

  #ahead(commit: Commit, expected: number, now: number): void {
    if (expected < commit.sentAbove) {
      this.#host.fenced(this.#cell, `the leader expects commit ${expected}, ${commit.sentAbove - 1} was answered`, now);
    } else if (commit !== this.#unanswered[0]) commit.refused = true;
    // Its predecessor was answered while the refusal was on its way.
    else if (commit.attempts === 1) this.#send(commit);
    else this.#retryLater(commit, now);
  }

  #inlineFull(commit: Commit, now: number): void {
    if (commit.source.kind === "object") return this.#retryLater(commit, now);
    commit.awaitsObject = true;
    this.#host.inlineFull(commit, now);
  }

  #retryLater(commit: Commit, now: number): void {
    const at = now + backoffMs(commit.attempts, retryFirstMs, retryMaxMs);
    commit.retry = this.#host.timers.add(at, () => {
      commit.retry = undefined;
      this.#send(commit);
    });
  }

  /** The epoch is over: gives the unanswered commits back. */
  end(): readonly Commit[] {
    for (const { retry } of this.#unanswered) if (retry !== undefined) this.#host.timers.cancel(retry);
    return this.#unanswered;
  }
}
