/**
 * What was sent, told and read in a soak, counted so that hours fit into memory: a number for every value, four bytes for every offset.
 * Says what is wrong with it: lost, changed, doubled or left out, shown although aborted, gone before its time.
 */

/** Numbers by offset; 0: none. */
class Numbers {
  #values = new Uint32Array(1024);

  get(at: number): number {
    return this.#values[at] ?? 0;
  }

  set(at: number, value: number): void {
    if (at >= this.#values.length) {
      const larger = new Uint32Array(Math.max(at + 1, this.#values.length * 2));
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[at] = value;
  }
}

interface Range {
  readonly from: number;
  readonly to: number;
}

interface Place {
  /** By offset, what a producer was told to be there. */
  readonly told: Numbers;
  /** By offset, what any reader found there. */
  readonly found: Numbers;
  /** By offset, what the reader that follows the tail was given. */
  readonly followed: Numbers;
  /** What that reader could not have, because retention was quicker. */
  readonly skipped: Range[];
  /** How far it is. */
  position: number;
  end: number;
}

/** Of a value: where it was found, as its place's number and offset in one; when it was sent. */
const offsetsOfPlace = 2 ** 40;

export const faults = ["lost", "changed", "doubled", "left out", "aborted but shown", "gone too early"] as const;
export type Fault = (typeof faults)[number];

export class Accounts {
  readonly faults: Record<Fault, number> = {
    lost: 0,
    changed: 0,
    doubled: 0,
    "left out": 0,
    "aborted but shown": 0,
    "gone too early": 0,
  };
  /** Of faults, the first few in words. */
  readonly words: string[] = [];
  sent = 0;
  acknowledged = 0;
  aborted = 0;
  read = 0;
  skipped = 0;
  readonly #places = new Map<string, Place>();
  readonly #names: string[] = [];
  readonly #foundAt: number[] = [0];
  readonly #sentMs: number[] = [0];
  readonly #abortedIds = new Set<number>();
  /** By value: 1 where a reader of committed records was given it. */
  readonly #shown = new Numbers();

  /** A value that nobody has sent before. */
  send(nowMs: number): number {
    this.sent += 1;
    this.#foundAt.push(-1);
    this.#sentMs.push(nowMs);
    return this.sent;
  }

  /** The producer heard that it rests at the offset; of a transaction: that the transaction is committed. */
  acknowledge(name: string, offset: number, id: number): void {
    this.acknowledged += 1;
    const place = this.#place(name);
    const other = place.told.get(offset);
    if (other !== 0 && other !== id) this.#fault("changed", `${name}@${offset}: told for ${other} and for ${id}`);
    place.told.set(offset, id);
    place.end = Math.max(place.end, offset + 1);
  }

  /** The producer heard that its transaction is aborted. */
  abort(ids: readonly number[]): void {
    for (const id of ids) {
      this.#abortedIds.add(id);
      if (this.#shown.get(id) === 1) this.#fault("aborted but shown", String(id));
    }
    this.aborted += ids.length;
  }

  /** A reader was given a value. */
  find(name: string, offset: number, id: number, isCommittedOnly: boolean): void {
    this.read += 1;
    const place = this.#place(name);
    const other = place.found.get(offset);
    if (other === 0) {
      place.found.set(offset, id);
      const at = this.#names.indexOf(name) * offsetsOfPlace + offset;
      const before = this.#foundAt[id];
      if (before === undefined) this.#fault("changed", `${name}@${offset}: ${id}, which nobody sent`);
      else if (before >= 0) this.#fault("doubled", `${id} at ${name}@${offset} and once more`);
      else this.#foundAt[id] = at;
    } else if (other !== id) this.#fault("changed", `${name}@${offset}: ${other}, then ${id}`);
    if (!isCommittedOnly) return;
    this.#shown.set(id, 1);
    if (this.#abortedIds.has(id)) this.#fault("aborted but shown", `${name}@${offset}: ${id}`);
  }

  follow(name: string, offset: number, id: number): void {
    this.#place(name).followed.set(offset, id);
  }

  /** Offsets that an answer left out, where none may be. */
  gap(name: string, from: number, to: number): void {
    this.#fault("left out", `${name}: ${from} is followed by ${to}`);
  }

  /** The follower asked for an offset that is gone: what was there must have been old enough. */
  skip(name: string, from: number, to: number, nowMs: number, keptMs: number): void {
    const place = this.#place(name);
    place.skipped.push({ from, to });
    for (let offset = from; offset < to; offset++) {
      const id = place.told.get(offset);
      if (id === 0) continue;
      this.skipped += 1;
      if (nowMs - this.#sentMs[id]! < keptMs) this.#fault("gone too early", `${name}@${offset}: ${id}`);
    }
  }

  followedTo(name: string, position: number): void {
    this.#place(name).position = position;
  }

  /** Whether the follower has had all that producers were told of. */
  isFollowed(): boolean {
    return [...this.#places.values()].every(({ position, end }) => position >= end);
  }

  /** All is read that will be. */
  settle(): void {
    for (const [name, { told, followed, skipped, end }] of this.#places) {
      let skips = [...skipped].sort((left, right) => left.from - right.from);
      for (let offset = 0; offset < end; offset++) {
        while (skips.length > 0 && skips[0]!.to <= offset) skips = skips.slice(1);
        const id = told.get(offset);
        if (id === 0 || (skips.length > 0 && skips[0]!.from <= offset)) continue;
        const was = followed.get(offset);
        if (was === 0) this.#fault("lost", `${name}@${offset}: ${id}`);
        else if (was !== id) this.#fault("changed", `${name}@${offset}: told ${id}, read ${was}`);
      }
    }
  }

  #fault(fault: Fault, words: string): void {
    this.faults[fault] += 1;
    if (this.faults[fault] <= 5) this.words.push(`${fault}: ${words}`);
  }

  #place(name: string): Place {
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const place = { told: new Numbers(), found: new Numbers(), followed: new Numbers(), skipped: [], position: 0, end: 0 };
    this.#places.set(name, place);
    this.#names.push(name);
    return place;
  }
}
