/**
 * Whether the cluster's list names a group or a transactional id: one that may be new is put on the list before anything is written of
 * it, so that none exists unlisted, and taken off when nothing is left of it. A name too many in the list does no harm.
 */
export interface ListingOptions {
  readonly add: () => Promise<void>;
  readonly remove: () => Promise<void>;
  readonly onStillListed: (error: unknown) => void;
}

export class Listing {
  readonly #options: ListingOptions;
  #added: Promise<void> | undefined;
  #removed: Promise<void> = Promise.resolve();

  /** `isListed`: rows that are there are proof of it. */
  constructor(options: ListingOptions, isListed: boolean) {
    this.#options = options;
    if (isListed) this.#added = Promise.resolve();
  }

  /** Named, or about to be. */
  get isNamed(): boolean {
    return this.#added !== undefined;
  }

  /** Before anything is written of what may be new. */
  async add(): Promise<void> {
    this.#added ??= this.#removed.then(() => this.#options.add());
    try {
      await this.#added;
    } catch (error) {
      this.#added = undefined;
      throw error;
    }
  }

  /** Nobody waits for it but who keeps the object awake, and the next who adds. Never fails. */
  remove(): Promise<void> {
    this.#added = undefined;
    this.#removed = this.#options.remove().catch((error: unknown) => this.#options.onStillListed(error));
    return this.#removed;
  }
}
