/**
 * Object bytes in memory: ranges of objects inside the broker's budget, in two parts. What was just written or pushed belongs to the
 * tail, what lagging readers got to those who catch up; each part lets go of what was used longest ago, and when room is short the second
 * gives way first, down to its share: a backfill cannot take from readers at the tail what they need. Bytes that a response points into
 * are pinned: dropping them would free nothing. A block is checked and given its final offsets extent by extent, when an extent of it is
 * first read (D8): what nobody reads costs nothing.
 */
import type { Block, CachePart } from "./block.ts";
import { BlockQueue } from "./block-queue.ts";
import type { MemoryBudget } from "./memory-budget.ts";

/** Of the cache, what those who catch up keep when the tail wants all of it: enough to read ahead. */
const catchUpShare = 1 / 4;

export class BlockCache {
  readonly #budget: MemoryBudget;
  readonly #byKey = new Map<string, Block[]>();
  /** Unpinned bytes; the pinned ones count in the budget. */
  readonly #parts: Readonly<Record<CachePart, BlockQueue>> = { tail: new BlockQueue(), catchUp: new BlockQueue() };
  hits = 0;
  misses = 0;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  get byteLength(): number {
    return this.#parts.tail.byteLength + this.#parts.catchUp.byteLength;
  }

  insert(key: string, start: number, bytes: Uint8Array, trusted: boolean, part: CachePart): Block {
    const known = key === "" ? undefined : this.#covering(key, start, bytes.length);
    if (known !== undefined) {
      this.touch(known, part);
      return known;
    }
    const block: Block = {
      key,
      start,
      bytes,
      trusted,
      ready: new Map(),
      part,
      pins: 0,
      resident: true,
      newer: undefined,
      older: undefined,
    };
    if (key !== "") {
      const blocks = this.#byKey.get(key);
      if (blocks === undefined) this.#byKey.set(key, [block]);
      else blocks.push(block);
    }
    this.#parts[part].add(block);
    return block;
  }

  /** `part`: for whom. */
  find(key: string, start: number, length: number, part: CachePart): Block | undefined {
    const block = this.#covering(key, start, length);
    if (block === undefined) this.misses += 1;
    else {
      this.hits += 1;
      this.touch(block, part);
    }
    return block;
  }

  /** As find, but no use of the block. */
  has(key: string, start: number, length: number): boolean {
    return this.#covering(key, start, length) !== undefined;
  }

  /** Used at the tail it belongs there from now on; used by who lags it grows no younger among what the tail has. */
  touch(block: Block, part: CachePart): void {
    if (!block.resident || (part === "catchUp" && block.part === "tail")) return;
    if (block.pins > 0) {
      if (block.part !== part) this.#budget.laggingBytes -= block.bytes.length;
      block.part = part;
      return;
    }
    if (block === this.#parts[part].newest) return;
    this.#parts[block.part].remove(block);
    block.part = part;
    this.#parts[part].add(block);
  }

  pin(block: Block): void {
    if (block.pins === 0) {
      if (!block.resident) throw new Error("a block that was dropped has no bytes to pin");
      this.#parts[block.part].remove(block);
      this.#budget.pinnedBytes += block.bytes.length;
      if (block.part === "catchUp") this.#budget.laggingBytes += block.bytes.length;
    }
    block.pins += 1;
  }

  unpin(block: Block): void {
    block.pins -= 1;
    if (block.pins > 0) return;
    this.#budget.pinnedBytes -= block.bytes.length;
    if (block.part === "catchUp") this.#budget.laggingBytes -= block.bytes.length;
    if (block.resident) this.#parts[block.part].add(block);
    else block.bytes = none;
  }

  /** Drops the oldest until what is left fits, and those of who catches up into their own room. */
  shrinkTo(byteLength: number, catchUpLength: number): void {
    const { tail, catchUp } = this.#parts;
    while (catchUp.byteLength > catchUpLength) this.drop(catchUp.oldest!);
    while (this.byteLength > byteLength) {
      const isBeyondShare = catchUp.byteLength > byteLength * catchUpShare;
      const block = (isBeyondShare ? catchUp.oldest : tail.oldest) ?? catchUp.oldest;
      if (block === undefined) return;
      this.drop(block);
    }
  }

  /** Bytes that turned out to be damaged, or have to make room. */
  drop(block: Block): void {
    if (!block.resident) return;
    block.resident = false;
    const blocks = this.#byKey.get(block.key);
    if (blocks !== undefined) {
      blocks.splice(blocks.indexOf(block), 1);
      if (blocks.length === 0) this.#byKey.delete(block.key);
    }
    if (block.pins > 0) return;
    this.#parts[block.part].remove(block);
    block.bytes = none;
  }

  #covering(key: string, start: number, length: number): Block | undefined {
    const blocks = this.#byKey.get(key);
    if (blocks === undefined) return undefined;
    for (const block of blocks) {
      if (block.start <= start && start + length <= block.start + block.bytes.length) return block;
    }
    return undefined;
  }
}

const none = new Uint8Array(0);
