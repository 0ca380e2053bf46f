/**
 * Object bytes in memory: ranges of objects, least recently used first to go, inside the broker's budget. Bytes that a response
 * points into are pinned: dropping them would free nothing. A block is checked and given its final offsets extent by extent, when
 * an extent of it is first read (D8): what nobody reads costs nothing.
 */
import type { MemoryBudget } from "./memory-budget.ts";

export interface Block {
  /** Empty for inline bytes, which the extent itself points to. */
  readonly key: string;
  readonly start: number;
  /** Empty once it has been dropped. */
  bytes: Uint8Array;
  /** Written by this broker: as it left here, no CRC needs to be computed again. */
  readonly trusted: boolean;
  /** Extents that were checked and patched: where they begin and how long they are. */
  readonly ready: Map<number, number>;
  pins: number;
  resident: boolean;
  newer: Block | undefined;
  older: Block | undefined;
}

export class BlockCache {
  readonly #budget: MemoryBudget;
  readonly #byKey = new Map<string, Block[]>();
  #newest: Block | undefined;
  #oldest: Block | undefined;
  /** Unpinned bytes; the pinned ones count in the budget. */
  byteLength = 0;
  hits = 0;
  misses = 0;

  constructor(budget: MemoryBudget) {
    this.#budget = budget;
  }

  insert(key: string, start: number, bytes: Uint8Array, trusted: boolean): Block {
    const known = key === "" ? undefined : this.#covering(key, start, bytes.length);
    if (known !== undefined) return known;
    const block: Block = {
      key,
      start,
      bytes,
      trusted,
      ready: new Map(),
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
    this.#link(block);
    return block;
  }

  find(key: string, start: number, length: number): Block | undefined {
    const block = this.#covering(key, start, length);
    if (block === undefined) this.misses += 1;
    else {
      this.hits += 1;
      this.touch(block);
    }
    return block;
  }

  /** As find, but no use of the block. */
  has(key: string, start: number, length: number): boolean {
    return this.#covering(key, start, length) !== undefined;
  }

  touch(block: Block): void {
    if (block.pins > 0 || !block.resident || block === this.#newest) return;
    this.#unlink(block);
    this.#link(block);
  }

  pin(block: Block): void {
    if (block.pins === 0) {
      if (!block.resident) throw new Error("a block that was dropped has no bytes to pin");
      this.#unlink(block);
      this.#budget.pinnedBytes += block.bytes.length;
    }
    block.pins += 1;
  }

  unpin(block: Block): void {
    block.pins -= 1;
    if (block.pins > 0) return;
    this.#budget.pinnedBytes -= block.bytes.length;
    if (block.resident) this.#link(block);
    else block.bytes = none;
  }

  /** Drops the oldest until what is left fits. */
  shrinkTo(byteLength: number): void {
    while (this.byteLength > byteLength && this.#oldest !== undefined) this.drop(this.#oldest);
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
    this.#unlink(block);
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

  #link(block: Block): void {
    this.byteLength += block.bytes.length;
    block.older = this.#newest;
    block.newer = undefined;
    if (this.#newest === undefined) this.#oldest = block;
    else this.#newest.newer = block;
    this.#newest = block;
  }

  #unlink(block: Block): void {
    this.byteLength -= block.bytes.length;
    if (block.older === undefined) this.#oldest = block.newer;
    else block.older.newer = block.newer;
    if (block.newer === undefined) this.#newest = block.older;
    else block.newer.older = block.older;
    block.older = undefined;
    block.newer = undefined;
  }
}

const none = new Uint8Array(0);
