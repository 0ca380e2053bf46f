/**
 * Frames of which a part has come hold memory that no request answers for yet [I8]. Those that say to be large count from their first
 * bytes, in one account for all of a broker's connections. When it is spent only the oldest of them goes on, so that one after the other
 * becomes whole and leaves the account; who holds others up by sending nothing, or next to it, is dropped, greediest first.
 */
import type { MutingOptions } from "./muting.ts";

/** Smaller frames, which ordinary requests are, are no part of this, and never wait for large ones. */
export const largeFrameBytes = 1024 * 1024;
const checkMs = 1000;
/** While others wait, this much must come within this time. */
const patienceMs = 5000;
const progressBytes = 256 * 1024;

export interface UnfinishedFramesOptions {
  /** What all together may hold. Above this one frame goes on, so that there is always room for a whole one. */
  readonly bytesMax: number;
  readonly now: () => number;
  readonly after: MutingOptions["after"];
}

/** The connection that a frame comes through. */
export interface FrameSource {
  /** The connection is not read for another reason: that keeps nobody from going on, and is not the client's fault. */
  readonly isPaused: () => boolean;
  /** It was held back, and may ask again whether it may grow. */
  readonly onTurn: () => void;
  readonly drop: (reason: string) => void;
}

/** What a connection holds of a large frame, now and then none. */
export class UnfinishedFrame {
  readonly source: FrameSource;
  readonly #account: UnfinishedFrames;
  readonly #now: () => number;
  heldBytes = 0;
  isHeldBack = false;
  #progressAtMs = 0;
  #progressedBytes = 0;
  #ended = false;

  constructor(account: UnfinishedFrames, source: FrameSource, now: () => number) {
    this.#account = account;
    this.source = source;
    this.#now = now;
  }

  get hasEnded(): boolean {
    return this.#ended;
  }

  /** Whether more of it may be taken; if not, `onTurn` tells when to ask again. */
  mayGrow(): boolean {
    if (this.#account.admits(this)) this.#goOn();
    else this.#holdBack();
    return !this.isHeldBack;
  }

  /** Some requests became whole: what is left is the beginning of another, and younger than all that wait. */
  became(heldBytes: number, wholeFrames: number): void {
    if (wholeFrames > 0) this.hold(0);
    this.hold(heldBytes);
  }

  /** What is held, or about to be: 0 when there is no unfinished large frame. */
  hold(heldBytes: number): void {
    if (this.#ended) return;
    const before = this.heldBytes;
    this.heldBytes = heldBytes;
    if (before === 0) this.#progressed();
    if (before !== heldBytes) this.#account.changed(this, heldBytes - before);
  }

  received(byteLength: number): void {
    this.#progressedBytes += byteLength;
    if (this.#progressedBytes >= progressBytes) this.#progressed();
  }

  /** How long it has kept the others waiting without bringing much. */
  stalledMs(nowMs: number): number {
    return this.heldBytes === 0 || this.isHeldBack || this.source.isPaused() ? 0 : nowMs - this.#progressAtMs;
  }

  /** The connection is over: nothing holds it back any more. */
  end(): void {
    this.hold(0);
    this.#ended = true;
    if (this.isHeldBack) this.source.onTurn();
  }

  #goOn(): void {
    if (this.isHeldBack) this.#progressed();
    this.isHeldBack = false;
  }

  #holdBack(): void {
    this.isHeldBack = true;
    this.#account.watch();
  }

  #progressed(): void {
    this.#progressAtMs = this.#now();
    this.#progressedBytes = 0;
  }
}

export class UnfinishedFrames {
  readonly #options: UnfinishedFramesOptions;
  /** The oldest first. */
  readonly #frames = new Set<UnfinishedFrame>();
  #heldBytes = 0;
  #isWatching = false;

  constructor(options: UnfinishedFramesOptions) {
    this.#options = options;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  open(source: FrameSource): UnfinishedFrame {
    return new UnfinishedFrame(this, source, this.#options.now);
  }

  admits(frame: UnfinishedFrame): boolean {
    if (frame.heldBytes === 0 || this.#heldBytes < this.#options.bytesMax) return true;
    return frame === this.#frames.values().find(({ source }) => !source.isPaused());
  }

  changed(frame: UnfinishedFrame, addedBytes: number): void {
    this.#heldBytes += addedBytes;
    if (frame.heldBytes > 0) this.#frames.add(frame);
    else this.#frames.delete(frame);
    if (addedBytes < 0) this.#wake();
  }

  /** Somebody is held back. */
  watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#options.after(checkMs, () => this.#look());
  }

  #look(): void {
    this.#isWatching = false;
    const heldBack = [...this.#frames].filter(({ isHeldBack }) => isHeldBack);
    if (heldBack.length === 0) return;
    this.watch();
    this.#dropStalled();
    this.#wake();
  }

  #dropStalled(): void {
    const nowMs = this.#options.now();
    let greediest: UnfinishedFrame | undefined;
    for (const frame of this.#frames) {
      if (frame.stalledMs(nowMs) < patienceMs) continue;
      if (greediest === undefined || frame.heldBytes > greediest.heldBytes) greediest = frame;
    }
    greediest?.source.drop("an unfinished request kept the memory that others wait for");
    greediest?.end();
  }

  #wake(): void {
    // Each says anew whether it must wait: the first to go on may leave no room for the next.
    for (const frame of this.#frames) if (frame.isHeldBack && this.admits(frame)) frame.source.onTurn();
  }
}
