/**
 * The open transactions of a partition by first offset, so that the last stable offset is found at once however many are open. They
 * begin in the order of their offsets; one that has ended is left where it is, until the front reaches it or most of them have.
 */
type IsOpen = (producerId: number, firstOffset: number) => boolean;

const endedKept = 64;

export class OpenTransactions {
  readonly #isOpen: IsOpen;
  #producerIds: number[] = [];
  #firstOffsets: number[] = [];
  /** Entries before this one have ended. */
  #first = 0;
  #openCount = 0;

  constructor(isOpen: IsOpen) {
    this.#isOpen = isOpen;
  }

  /** Ended ones that are left included. */
  get entryCount(): number {
    return this.#producerIds.length;
  }

  /** First offsets ascend. */
  add(producerId: number, firstOffset: number): void {
    this.#producerIds.push(producerId);
    this.#firstOffsets.push(firstOffset);
    this.#openCount += 1;
  }

  /** One of them is open no longer. */
  ended(): void {
    this.#openCount -= 1;
    if (this.#producerIds.length > 2 * this.#openCount + endedKept) this.#drop();
  }

  /** Where the first of those that are open begins; undefined when none is. */
  get firstOffset(): number | undefined {
    if (this.#openCount === 0) return undefined;
    while (!this.#lives(this.#first)) this.#first += 1;
    return this.#firstOffsets[this.#first];
  }

  #lives(index: number): boolean {
    return this.#isOpen(this.#producerIds[index]!, this.#firstOffsets[index]!);
  }

  #drop(): void {
    const live = this.#producerIds.map((_, index) => index).filter((index) => this.#lives(index));
    this.#producerIds = live.map((index) => this.#producerIds[index]!);
    this.#firstOffsets = live.map((index) => this.#firstOffsets[index]!);
    this.#first = 0;
  }
}
