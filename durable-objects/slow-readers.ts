/**
 * Clients that take no answers hold the memory that others' answers need. While answers hold much of the broker's memory it looks, by
 * a timer that stands only then, for those who have taken nothing for a while, and drops the one that holds most: closed last [I8].
 */
const checkMs = 1000;
/** A consumer that works on its records may leave the next answer where it is for long, unless others need its memory. */
const patienceMs = 10_000;

/** What a connection shows of what its client has not taken. */
export interface SlowReader {
  readonly unsentBytes: number;
  /** When the client last took something. */
  readonly takenAtMs: number;
  drop(reason: string): void;
}

export interface SlowReadersOptions {
  readonly readers: Iterable<SlowReader>;
  /** Whether answers hold so much memory that others may have to wait for it. */
  readonly isPressed: () => boolean;
  readonly now: () => number;
}

export class SlowReaders {
  readonly #options: SlowReadersOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SlowReadersOptions) {
    this.#options = options;
  }

  /** Answers were handed to a transport. */
  look(): void {
    if (this.#timer !== undefined || !this.#options.isPressed()) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#dropSlowest();
    }, checkMs);
  }

  #dropSlowest(): void {
    if (!this.#options.isPressed()) return;
    const now = this.#options.now();
    let slowest: SlowReader | undefined;
    let anyUnsent = false;
    for (const reader of this.#options.readers) {
      if (reader.unsentBytes === 0) continue;
      anyUnsent = true;
      if (now - reader.takenAtMs < patienceMs) continue;
      if (slowest === undefined || reader.unsentBytes > slowest.unsentBytes) slowest = reader;
    }
    slowest?.drop("answers were not taken while others needed their memory");
    if (anyUnsent) this.look();
  }
}
