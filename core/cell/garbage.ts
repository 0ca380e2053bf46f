/**
 * Objects of a cell that no extent refers to any more, in the order in which they were let go (D12). They follow from the rows that let
 * them go, so none has a row of its own; a row says how many of the oldest have been deleted. Until a while after they were let go a
 * fetch may still be reading them [I6].
 */
import type { Source } from "./sources.ts";

/** An object of this cell alone. Write-ahead objects belong to many cells: of them a cell only knows whether it still needs them. */
export type OwnObject = Exclude<Source, { readonly kind: "inline" | "object" }>;

export interface GarbageObject {
  readonly source: OwnObject;
  readonly sinceMs: number;
}

export class Garbage {
  #objects: GarbageObject[] = [];
  /** Before it all are deleted. */
  #first = 0;

  get count(): number {
    return this.#objects.length - this.#first;
  }

  /** As it is now, whatever becomes of this one. */
  frozen(): Garbage {
    const garbage = new Garbage();
    garbage.#objects = this.#objects.slice(this.#first);
    return garbage;
  }

  get oldest(): GarbageObject | undefined {
    return this.#objects[this.#first];
  }

  /** Times never descend. */
  add(source: OwnObject, sinceMs: number): void {
    this.#objects.push({ source, sinceMs });
  }

  /** The oldest ones that have been garbage since before `beforeMs`, at most `max`. */
  due(beforeMs: number, max: number): readonly GarbageObject[] {
    const found: GarbageObject[] = [];
    for (let index = this.#first; index < this.#objects.length && found.length < max; index++) {
      const object = this.#objects[index]!;
      if (object.sinceMs > beforeMs) break;
      found.push(object);
    }
    return found;
  }

  /** The oldest `count` are deleted. */
  drop(count: number): void {
    if (count > this.count) throw new Error(`${count} objects are deleted of ${this.count}`);
    this.#first += count;
    if (this.#first * 2 <= this.#objects.length) return;
    this.#objects = this.#objects.slice(this.#first);
    this.#first = 0;
  }

  *[Symbol.iterator](): Generator<GarbageObject> {
    for (let index = this.#first; index < this.#objects.length; index++) yield this.#objects[index]!;
  }
}
