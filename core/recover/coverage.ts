/** Ranges of offsets that are taken: few, because neighbours become one. */
export class Coverage {
  /** Ascending; [start, end) of each, none touching another. */
  readonly #ranges: { start: number; end: number }[] = [];

  overlaps(start: number, end: number): boolean {
    const range = this.#ranges[this.#firstBehind(start)];
    return range !== undefined && range.start < end;
  }

  add(start: number, end: number): void {
    const at = this.#firstBehind(start - 1);
    const next = this.#ranges[at];
    if (next === undefined || next.start > end) {
      this.#ranges.splice(at, 0, { start, end });
      return;
    }
    next.start = Math.min(next.start, start);
    next.end = Math.max(next.end, end);
    let count = 0;
    for (let after = this.#ranges[at + 1]; after !== undefined && after.start <= next.end; after = this.#ranges[at + 1 + count]) {
      next.end = Math.max(next.end, after.end);
      count += 1;
    }
    this.#ranges.splice(at + 1, count);
  }

  /** The first range that ends behind the offset. */
  #firstBehind(offset: number): number {
    let low = 0;
    let high = this.#ranges.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#ranges[middle]!.end > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
