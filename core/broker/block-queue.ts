/** Blocks in the order of their last use, linked through the blocks themselves: any of them leaves in one step. */
import type { Block } from "./block.ts";

export class BlockQueue {
  #newest: Block | undefined;
  #oldest: Block | undefined;
  byteLength = 0;

  get newest(): Block | undefined {
    return this.#newest;
  }

  get oldest(): Block | undefined {
    return this.#oldest;
  }

  add(block: Block): void {
    this.byteLength += block.bytes.length;
    block.older = this.#newest;
    block.newer = undefined;
    if (this.#newest === undefined) this.#oldest = block;
    else this.#newest.newer = block;
    this.#newest = block;
  }

  remove(block: Block): void {
    this.byteLength -= block.bytes.length;
    if (block.older === undefined) this.#oldest = block.newer;
    else block.older.newer = block.newer;
    if (block.newer === undefined) this.#newest = block.older;
    else block.newer.older = block.older;
    block.older = undefined;
    block.newer = undefined;
  }
}
