/**
 * The one account of a broker's memory (I8). Appended bytes count from arrival until the answer, and once more for the copy that
 * flushing makes of them; so what is admitted can always be flushed. The cache gives way to everything else, except for a floor
 * that keeps the newest bytes at hand for readers at the tail, however hard producers push.
 */
const cacheFloorShare = 1 / 4;
/** For readers that lag, with what is cached for them: the rest is for who writes and who reads at the tail, whatever a backfill does. */
const laggingShare = 1 / 2;
/** They may get more as long as they hold less than this. */
const laggingHeldShare = 3 / 8;

export class MemoryBudget {
  readonly limitBytes: number;
  /** Records as they came in, until their append is answered. */
  appendBytes = 0;
  /** Their copies in objects and commits, from arrival (reserved) until committed or given up. */
  copyBytes = 0;
  /** Objects given up whose PUT has not been answered. */
  abandonedBytes = 0;
  /** Ranges asked for and not here yet. */
  getBytes = 0;
  /** Cached bytes that a response still points into. */
  pinnedBytes = 0;
  /** Of both, those for readers that lag. */
  laggingBytes = 0;

  constructor(limitBytes: number) {
    this.limitBytes = limitBytes;
  }

  get writeBytes(): number {
    return this.appendBytes + this.copyBytes + this.abandonedBytes;
  }

  /** Everything that can't be dropped at will. */
  get heldBytes(): number {
    return this.writeBytes + this.getBytes + this.pinnedBytes;
  }

  get acceptsRequests(): boolean {
    return this.writeBytes < this.limitBytes * (1 - cacheFloorShare) && this.heldBytes < this.limitBytes;
  }

  /** What unpinned cached bytes may take. */
  get cacheRoomBytes(): number {
    return Math.max(0, this.limitBytes - this.heldBytes);
  }

  /** And of these, those for readers that lag. */
  get laggingRoomBytes(): number {
    return Math.max(0, this.limitBytes * laggingShare - this.laggingBytes);
  }

  /** When readers hold nothing one GET may always go, or they would starve behind producers; and one for those that lag. */
  admitsGet(byteLength: number, isLagging: boolean): boolean {
    const isWithin = this.heldBytes + byteLength <= this.limitBytes;
    if (!isLagging) return isWithin || this.getBytes + this.pinnedBytes === 0;
    return (isWithin && this.laggingBytes + byteLength <= this.limitBytes * laggingHeldShare) || this.laggingBytes === 0;
  }

  /** Grows with the excess: 100 ms at the edge, a second when twice over. */
  get throttleMs(): number {
    if (this.acceptsRequests) return 0;
    const excess = Math.max(0, this.heldBytes / this.limitBytes - 1);
    return Math.round(Math.min(1000, 100 + 900 * excess));
  }
}
