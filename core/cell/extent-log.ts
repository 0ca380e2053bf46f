/**
 * The extents of one partition in offset order, 20 bytes each (D6): chunks of 32-bit columns relative to the chunk's first offset and
 * time. An extent ends where the next one begins, the last one at the log's end, so offsets have no holes by construction.
 */
const fieldCount = 5;
const chunkExtentsMax = 256;
const uint32Max = 0xffffffff;
const int32Max = 0x7fffffff;

const field = { offset: 0, byteStart: 1, byteLength: 2, source: 3, time: 4 } as const;

interface Chunk {
  readonly baseOffset: number;
  readonly baseTime: number;
  rows: Uint32Array;
  count: number;
  /** The latest time of all rows, dropped ones too: a chunk below a time is not looked into. */
  latestTime: number;
  /** Rows before this one have been dropped. */
  first: number;
  /** A frozen log has the same rows: none that is there may change. */
  isShared: boolean;
}

export interface StoredExtent {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly byteStart: number;
  readonly byteLength: number;
  readonly source: number;
  readonly maxTimestamp: number;
}

export interface NewExtent {
  readonly baseOffset: number;
  readonly byteStart: number;
  readonly byteLength: number;
  readonly maxTimestamp: number;
}

export class ExtentLog {
  #chunks: Chunk[] = [];
  #count = 0;
  #byteLength = 0;

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    return this.#byteLength;
  }

  /** Memory of the columns, for the budget of 24 bytes an extent. */
  get memoryBytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.rows.byteLength, 0);
  }

  append(baseOffset: number, byteStart: number, byteLength: number, source: number, maxTimestamp: number): void {
    appendRow(this.#chunks, baseOffset, byteStart, byteLength, source, maxTimestamp);
    this.#count += 1;
    this.#byteLength += byteLength;
  }

  /** All of them, or until `visit` answers false, without an object each: a snapshot visits hundreds of thousands. */
  forEach(
    visit: (baseOffset: number, byteStart: number, byteLength: number, source: number, maxTimestamp: number) => unknown,
  ): void {
    for (let index = 0; index < this.#chunks.length; index++) if (!this.forEachOfChunk(index, visit)) return;
  }

  get chunkCount(): number {
    return this.#chunks.length;
  }

  /** The same of some hundreds of them, for those who stop in between. */
  forEachOfChunk(
    index: number,
    visit: (baseOffset: number, byteStart: number, byteLength: number, source: number, maxTimestamp: number) => unknown,
  ): boolean {
    const chunk = this.#chunks[index]!;
    const { rows, baseOffset } = chunk;
    for (let row = chunk.first; row < chunk.count; row++) {
      const at = row * fieldCount;
      const offset = baseOffset + rows[at + field.offset]!;
      const source = rows[at + field.source]!;
      if (visit(offset, rows[at + field.byteStart]!, rows[at + field.byteLength]!, source, timeOf(chunk, row)) === false)
        return false;
    }
    return true;
  }

  /** As it is now, whatever becomes of this one: they share their rows, to which only new ones are added. */
  frozen(): ExtentLog {
    const log = new ExtentLog();
    log.#count = this.#count;
    log.#byteLength = this.#byteLength;
    for (const chunk of this.#chunks) {
      chunk.isShared = true;
      const { baseOffset, baseTime, rows, count, latestTime, first } = chunk;
      log.#chunks.push({ baseOffset, baseTime, rows, count, latestTime, first, isShared: true });
    }
    return log;
  }

  first(endOffset: number): StoredExtent | undefined {
    const chunk = this.#chunks[0];
    return chunk && this.#extentAt(0, chunk.first, endOffset);
  }

  /** From the oldest on without an object each, until `visit` answers false. */
  forEachWhile(visit: (nextOffset: number, byteLength: number, maxTimestamp: number) => boolean, endOffset: number): void {
    for (const [index, chunk] of this.#chunks.entries()) {
      const { rows, baseOffset, count } = chunk;
      const chunkEnd = this.#chunks[index + 1]?.baseOffset ?? endOffset;
      for (let row = chunk.first; row < count; row++) {
        const at = row * fieldCount;
        const nextOffset = row + 1 < count ? baseOffset + rows[at + fieldCount + field.offset]! : chunkEnd;
        if (!visit(nextOffset, rows[at + field.byteLength]!, timeOf(chunk, row))) return;
      }
    }
  }

  /** From the extent that contains `offset` on without an object each, until `visit` answers false. */
  scanWhile(
    offset: number,
    endOffset: number,
    visit: (baseOffset: number, nextOffset: number, byteLength: number, source: number, maxTimestamp: number) => boolean,
  ): void {
    for (let chunkIndex = Math.max(0, this.#chunkOf(offset)); chunkIndex < this.#chunks.length; chunkIndex++) {
      const chunk = this.#chunks[chunkIndex]!;
      const { rows, baseOffset, count } = chunk;
      const chunkEnd = this.#chunks[chunkIndex + 1]?.baseOffset ?? endOffset;
      for (let row = Math.max(chunk.first, rowOf(chunk, offset)); row < count; row++) {
        const at = row * fieldCount;
        const nextOffset = row + 1 < count ? baseOffset + rows[at + fieldCount + field.offset]! : chunkEnd;
        const first = baseOffset + rows[at + field.offset]!;
        if (!visit(first, nextOffset, rows[at + field.byteLength]!, rows[at + field.source]!, timeOf(chunk, row))) return;
      }
    }
  }

  /** From the extent that contains `offset` on, until `visit` answers false. */
  scan(offset: number, endOffset: number, visit: (extent: StoredExtent) => boolean): void {
    let chunkIndex = this.#chunkOf(offset);
    if (chunkIndex < 0) chunkIndex = 0;
    for (let row = -1; chunkIndex < this.#chunks.length; chunkIndex++, row = -1) {
      const chunk = this.#chunks[chunkIndex]!;
      if (row < 0) row = Math.max(chunk.first, rowOf(chunk, offset));
      for (; row < chunk.count; row++) if (!visit(this.#extentAt(chunkIndex, row, endOffset))) return;
    }
  }

  /** The first extent whose latest time is at or after `timestamp`, from the one that contains the offset `from` on. */
  firstWithTime(timestamp: number, endOffset: number, from = 0): StoredExtent | undefined {
    for (let chunkIndex = Math.max(0, this.#chunkOf(from)); chunkIndex < this.#chunks.length; chunkIndex++) {
      const chunk = this.#chunks[chunkIndex]!;
      if (chunk.latestTime < timestamp) continue;
      for (let row = Math.max(chunk.first, rowOf(chunk, from)); row < chunk.count; row++) {
        if (timeOf(chunk, row) >= timestamp) return this.#extentAt(chunkIndex, row, endOffset);
      }
    }
    return undefined;
  }

  /** The first of the extents with the latest time of all. Looks from the end, where times are latest as a rule. */
  latestTime(endOffset: number, from = 0): StoredExtent | undefined {
    let best: { readonly chunkIndex: number; readonly row: number; readonly time: number } | undefined;
    const firstChunk = Math.max(0, this.#chunkOf(from));
    for (let chunkIndex = this.#chunks.length - 1; chunkIndex >= firstChunk; chunkIndex--) {
      const chunk = this.#chunks[chunkIndex]!;
      if (best !== undefined && chunk.latestTime < best.time) continue;
      const firstRow = Math.max(chunk.first, rowOf(chunk, from));
      for (let row = chunk.count - 1; row >= firstRow; row--) {
        const time = timeOf(chunk, row);
        if (best === undefined || time >= best.time) best = { chunkIndex, row, time };
      }
    }
    return best && this.#extentAt(best.chunkIndex, best.row, endOffset);
  }

  /** The extent that begins at the offset. */
  at(baseOffset: number, endOffset: number): StoredExtent | undefined {
    const chunkIndex = this.#chunkOf(baseOffset);
    const chunk = this.#chunks[chunkIndex];
    const row = chunk === undefined ? -1 : exactRowOf(chunk, baseOffset);
    return row < 0 ? undefined : this.#extentAt(chunkIndex, row, endOffset);
  }

  /** The extent that holds the offset, or the first one if all begin later. */
  containing(offset: number, endOffset: number): StoredExtent | undefined {
    let found: StoredExtent | undefined;
    this.scan(offset, endOffset, (extent) => {
      found = extent;
      return false;
    });
    return found;
  }

  /** The bytes of the extent that begins at the offset lie elsewhere from now on. Answers its former source; undefined: there is no such extent. */
  move(baseOffset: number, source: number, byteStart: number): number | undefined {
    const chunk = this.#chunks[this.#chunkOf(baseOffset)];
    const row = chunk === undefined ? -1 : exactRowOf(chunk, baseOffset);
    if (chunk === undefined || row < 0) return undefined;
    if (chunk.isShared) {
      chunk.rows = chunk.rows.slice();
      chunk.isShared = false;
    }
    const at = row * fieldCount;
    const former = chunk.rows[at + field.source]!;
    chunk.rows[at + field.source] = source;
    chunk.rows[at + field.byteStart] = byteStart;
    return former;
  }

  /**
   * `count` extents from the one that begins at the offset on become one, whose bytes lie elsewhere; `moved` hears of their former
   * sources. False, and nothing changed, when there are not so many.
   */
  join(baseOffset: number, count: number, source: number, byteStart: number, moved: (source: number) => void): boolean {
    return this.replace(
      baseOffset,
      count,
      (byteLength, maxTimestamp) => [{ baseOffset, byteStart, byteLength, maxTimestamp }],
      source,
      moved,
    );
  }

  /** The same, with as many in their place as `made` answers, at least one; it is told of their bytes and latest time. */
  replace(
    baseOffset: number,
    count: number,
    made: (byteLength: number, maxTimestamp: number) => readonly NewExtent[],
    source: number,
    moved: (source: number) => void,
  ): boolean {
    const first = this.#chunkOf(baseOffset);
    const chunk = this.#chunks[first];
    const firstRow = chunk === undefined ? -1 : exactRowOf(chunk, baseOffset);
    if (chunk === undefined || firstRow < 0 || count < 1) return false;
    let last = first;
    for (let left = count - (chunk.count - firstRow); left > 0; left -= this.#chunks[last]!.count) {
      last += 1;
      if (last === this.#chunks.length) return false;
    }
    // What earlier joins have left of the chunk before goes along, or a log would end as many chunks of a few extents.
    const before = this.#chunks[first - 1];
    const from = before !== undefined && before.count - before.first < chunkExtentsMax / 4 ? first - 1 : first;
    const rebuilt: Chunk[] = [];
    let left = 0;
    let byteLength = 0;
    let maxTimestamp = Number.NEGATIVE_INFINITY;
    for (const former of this.#chunks.slice(from, last + 1)) {
      const { rows } = former;
      for (let row = former.first; row < former.count; row++) {
        const at = row * fieldCount;
        const offset = former.baseOffset + rows[at + field.offset]!;
        if (offset === baseOffset) left = count;
        if (left === 0) {
          appendRow(
            rebuilt,
            offset,
            rows[at + field.byteStart]!,
            rows[at + field.byteLength]!,
            rows[at + field.source]!,
            timeOf(former, row),
          );
          continue;
        }
        byteLength += rows[at + field.byteLength]!;
        maxTimestamp = Math.max(maxTimestamp, timeOf(former, row));
        moved(rows[at + field.source]!);
        left -= 1;
        if (left > 0) continue;
        const news = made(byteLength, maxTimestamp);
        for (const extent of news) {
          appendRow(rebuilt, extent.baseOffset, extent.byteStart, extent.byteLength, source, extent.maxTimestamp);
          this.#byteLength += extent.byteLength;
        }
        this.#byteLength -= byteLength;
        this.#count += news.length - count;
      }
    }
    this.#chunks.splice(from, last + 1 - from, ...rebuilt);
    return true;
  }

  /** Forgets extents that end at or before `offset`; answers what it forgot. */
  dropBefore(offset: number, endOffset: number, dropped: (extent: StoredExtent) => void): void {
    for (;;) {
      const chunk = this.#chunks[0];
      if (chunk === undefined) return;
      const extent = this.#extentAt(0, chunk.first, endOffset);
      if (extent.nextOffset > offset) return;
      chunk.first += 1;
      this.#count -= 1;
      this.#byteLength -= extent.byteLength;
      if (chunk.first === chunk.count) this.#chunks.shift();
      dropped(extent);
    }
  }

  /** The last chunk that begins at or before the offset; -1 when all begin later. */
  #chunkOf(offset: number): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#chunks[middle]!.baseOffset <= offset) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #extentAt(chunkIndex: number, row: number, endOffset: number): StoredExtent {
    const chunk = this.#chunks[chunkIndex]!;
    const at = row * fieldCount;
    const { rows } = chunk;
    const next =
      row + 1 < chunk.count
        ? chunk.baseOffset + rows[at + fieldCount + field.offset]!
        : (this.#chunks[chunkIndex + 1]?.baseOffset ?? endOffset);
    return {
      baseOffset: chunk.baseOffset + rows[at + field.offset]!,
      nextOffset: next,
      byteStart: rows[at + field.byteStart]!,
      byteLength: rows[at + field.byteLength]!,
      source: rows[at + field.source]!,
      maxTimestamp: timeOf(chunk, row),
    };
  }
}

function appendRow(
  chunks: Chunk[],
  baseOffset: number,
  byteStart: number,
  byteLength: number,
  source: number,
  maxTimestamp: number,
): void {
  let chunk = chunks.at(-1);
  if (chunk === undefined || !fits(chunk, baseOffset, maxTimestamp)) {
    const rows = new Uint32Array(4 * fieldCount);
    chunk = { baseOffset, baseTime: maxTimestamp, rows, count: 0, latestTime: maxTimestamp, first: 0, isShared: false };
    chunks.push(chunk);
  }
  if (chunk.count * fieldCount === chunk.rows.length) grow(chunk);
  const at = chunk.count * fieldCount;
  const { rows } = chunk;
  rows[at + field.offset] = baseOffset - chunk.baseOffset;
  rows[at + field.byteStart] = byteStart;
  rows[at + field.byteLength] = byteLength;
  rows[at + field.source] = source;
  rows[at + field.time] = maxTimestamp - chunk.baseTime;
  chunk.count += 1;
  if (maxTimestamp > chunk.latestTime) chunk.latestTime = maxTimestamp;
}

function fits(chunk: Chunk, baseOffset: number, maxTimestamp: number): boolean {
  const time = maxTimestamp - chunk.baseTime;
  return chunk.count < chunkExtentsMax && baseOffset - chunk.baseOffset <= uint32Max && time <= int32Max && time >= -int32Max;
}

/** By an eighth once there are some: a cell has a thousand logs, and each has one chunk that is not full. */
function grow(chunk: Chunk): void {
  const { count } = chunk;
  const capacity = Math.min(count < 16 ? count * 2 : count + (count >>> 3), chunkExtentsMax);
  const rows = new Uint32Array(capacity * fieldCount);
  rows.set(chunk.rows);
  chunk.rows = rows;
}

/** The last row that begins at or before the offset; -1 or one that was dropped when all begin later. */
function rowOf(chunk: Chunk, offset: number): number {
  let low = chunk.first;
  let high = chunk.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (chunk.baseOffset + chunk.rows[middle * fieldCount + field.offset]! <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The row that begins at the offset, -1 when there is none or it was dropped. */
function exactRowOf(chunk: Chunk, offset: number): number {
  const row = rowOf(chunk, offset);
  if (row < chunk.first) return -1;
  const found = chunk.baseOffset + chunk.rows[row * fieldCount + field.offset]!;
  return found === offset ? row : -1;
}

/** Times are stored as 32-bit differences of either sign. */
function timeOf(chunk: Chunk, row: number): number {
  return chunk.baseTime + (chunk.rows[row * fieldCount + field.time]! | 0);
}
