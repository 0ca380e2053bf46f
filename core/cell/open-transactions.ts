/**
 * The open transactions of a partition by first offset, so that the last stable offset is found at once however many are open. They
 * begin in the order of their offsets; one that ends is passed over when the front reaches it.
 */
type IsOpen = (producerId: number, firstOffset: number) => boolean;

export class OpenTransactions {
  readonly #isOpen: IsOpen;
  /** Producer id and first offset, in turn. */
  #entries: number[] = [];
  #first = 0;

  constructor(isOpen: IsOpen) {
    this.#isOpen = isOpen;
  }

  /** First offsets ascend. */
  add(producerId: number, firstOffset: number): void {
    this.#entries.push(producerId, firstOffset);
  }

  /** Where the first of those that are open begins; undefined when none is. */
  get firstOffset(): number | undefined {
    const entries = this.#entries;
    while (this.#first < entries.length && !this.#isOpen(entries[this.#first]!, entries[this.#first + 1]!)) this.#first += 2;
    if (this.#first === entries.length) {
      if (this.#first > 0) this.#entries = [];
      this.#first = 0;
      return undefined;
    }
    if (this.#first > 64 && this.#first * 2 > entries.length) {
      this.#entries = entries.slice(this.#first);
      this.#first = 0;
    }
    return this.#entries[this.#first + 1];
  }
}
