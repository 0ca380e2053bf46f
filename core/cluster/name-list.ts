/** Names of objects that only themselves know what they are (groups, transactional ids): one row a name, with nothing in it. */
import { putRow, type RowChange } from "./controller-rows.ts";

export class NameList {
  readonly #names = new Set<string>();
  readonly #key: (name: string) => string;

  constructor(key: (name: string) => string) {
    this.#key = key;
  }

  /** False when the row is none of these. */
  load(key: string): boolean {
    const prefix = this.#key("");
    if (!key.startsWith(prefix)) return false;
    this.#names.add(key.slice(prefix.length));
    return true;
  }

  add(name: string): readonly RowChange[] {
    if (this.#names.has(name)) return [];
    this.#names.add(name);
    return [putRow(this.#key(name), null)];
  }

  remove(name: string): readonly RowChange[] {
    return this.#names.delete(name) ? [{ key: this.#key(name), value: null }] : [];
  }

  all(): readonly string[] {
    return [...this.#names].sort();
  }
}
