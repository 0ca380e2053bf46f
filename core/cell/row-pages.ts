/**
 * Memory for rows of many small tables, in pages that they share: a typed array of each table's own would cost more than a row, and a
 * commit that touches a thousand of them would wait for a thousand places of memory. Sizes are counted in 64-bit cells.
 */

/** Of both kinds over the same memory: a cell is one 64-bit number or two 32-bit ones. */
export interface Page {
  readonly cells: Float64Array;
  readonly halves: Uint32Array;
}

export interface Block {
  readonly page: Page;
  /** The first cell. */
  readonly start: number;
  readonly cells: number;
}

const pageCells = 8192;

function newPage(cellCount: number): Page {
  const cells = new Float64Array(cellCount);
  return { cells, halves: new Uint32Array(cells.buffer) };
}

export class RowPages {
  #page: Page | undefined;
  #used = 0;
  /** Given back, by size. Tables grow by doubling, so there are few sizes. */
  readonly #free = new Map<number, Block[]>();

  /** Of zeroes. What takes much of a page gets memory of its own. */
  take(cells: number): Block {
    if (cells * 4 > pageCells) return { page: newPage(cells), start: 0, cells };
    const free = this.#free.get(cells)?.pop();
    if (free !== undefined) {
      free.page.cells.fill(0, free.start, free.start + cells);
      return free;
    }
    if (this.#page === undefined || this.#used + cells > pageCells) {
      this.#page = newPage(pageCells);
      this.#used = 0;
    }
    this.#used += cells;
    return { page: this.#page, start: this.#used - cells, cells };
  }

  /** Nobody uses it any more. */
  giveBack(block: Block): void {
    if (block.cells * 4 > pageCells) return;
    const free = this.#free.get(block.cells);
    if (free === undefined) this.#free.set(block.cells, [block]);
    else free.push(block);
  }
}
