/**
 * Cuts a stream of responses without keeping them: of each only the first bytes (error codes are there) and how long it was. A load
 * generator that copied every byte it fetches would measure itself.
 */
export interface CutResponse {
  /** Without the length in front. */
  readonly byteLength: number;
  /** The first bytes, the correlation id at the front. */
  readonly head: Uint8Array;
}

export class ResponseCutter {
  readonly #headBytesMax: number;
  readonly #onResponse: (response: CutResponse) => void;
  readonly #length = new Uint8Array(4);
  #lengthFilled = 0;
  #byteLength = 0;
  #seen = 0;
  #head = new Uint8Array(0);

  constructor(headBytesMax: number, onResponse: (response: CutResponse) => void) {
    this.#headBytesMax = headBytesMax;
    this.#onResponse = onResponse;
  }

  /** Keeps nothing of the chunk's memory. */
  push(chunk: Uint8Array): void {
    for (let position = 0; position < chunk.byteLength;) {
      position = this.#lengthFilled < 4 ? this.#takeLength(chunk, position) : this.#takeBody(chunk, position);
      if (this.#lengthFilled === 4 && this.#seen === this.#byteLength) this.#finish();
    }
  }

  #takeLength(chunk: Uint8Array, position: number): number {
    this.#length[this.#lengthFilled++] = chunk[position]!;
    if (this.#lengthFilled === 4) {
      this.#byteLength = new DataView(this.#length.buffer).getInt32(0);
      this.#head = new Uint8Array(Math.min(this.#byteLength, this.#headBytesMax));
      this.#seen = 0;
    }
    return position + 1;
  }

  #takeBody(chunk: Uint8Array, position: number): number {
    const size = Math.min(chunk.byteLength - position, this.#byteLength - this.#seen);
    const kept = Math.min(size, this.#head.byteLength - this.#seen);
    if (kept > 0) this.#head.set(chunk.subarray(position, position + kept), this.#seen);
    this.#seen += size;
    return position + size;
  }

  #finish(): void {
    this.#lengthFilled = 0;
    this.#onResponse({ byteLength: this.#byteLength, head: this.#head });
  }
}
