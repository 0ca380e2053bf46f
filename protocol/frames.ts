/**
 * Cuts a stream of bytes, however it is split, into Kafka's frames: an int32 length, then so many bytes. Memory follows what has
 * really arrived, never what a length claims, and a frame that is handed out owns its buffer: it may be kept without keeping
 * a much larger one, and nothing is read into that buffer again.
 *
 * Bytes come in by `push` (a chunk that somebody else read; a WebSocket message), or are read right into their place:
 * `space` answers a view for a BYOB reader, `received` takes the view that the reader gave back.
 */
import { DecodeError } from "./reader.ts";

const lengthBytes = 4;
/** What one read asks for; grows while reads come back full, shrinks while they are nearly empty. */
const readSizeMin = 16 * 1024;
const readSizeMax = 256 * 1024;
/** A connection that has sent a whole frame of some size is given room for the next of that size at once, up to this. */
const trustedSizeDefault = 1024 * 1024;

const noBytes = new Uint8Array(0);

export class FrameCutter {
  readonly #frameSizeMax: number;
  readonly #trustedSizeMax: number;
  /** Spans its whole ArrayBuffer; the bytes of an unfinished frame, its length included, are at the front. */
  #buffer: Uint8Array = noBytes;
  #filled = 0;
  #readSize = readSizeMin;
  #trustedSize = 0;

  /** A client may trust its broker with more memory than a broker a client. */
  constructor(frameSizeMax: number, trustedSizeMax = trustedSizeDefault) {
    this.#frameSizeMax = frameSizeMax;
    this.#trustedSizeMax = trustedSizeMax;
  }

  get isMidFrame(): boolean {
    return this.#filled > 0;
  }

  get partialByteLength(): number {
    return this.#filled;
  }

  /** The memory that the unfinished frame has, if it says to be larger than so many bytes; else 0. */
  heldBeyond(frameSize: number): number {
    return this.#wantedSize() - lengthBytes > frameSize ? this.#buffer.byteLength : 0;
  }

  /** The bytes of the unfinished frame, its length included: pushed into a new cutter they restore this one. */
  get partial(): Uint8Array {
    return this.#buffer.slice(0, this.#filled);
  }

  /** Takes a chunk, which the caller leaves to the cutter, and answers the frames it finished, without their lengths. */
  push(chunk: Uint8Array): Uint8Array[] {
    // Not Node's Buffer, whose slice shares memory instead of copying.
    const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const frames: Uint8Array[] = [];
    let position = 0;
    while (position < bytes.byteLength) {
      if (this.#filled === 0) position = this.#cut(bytes, position, frames);
      if (position < bytes.byteLength) position = this.#gather(bytes, position, frames);
    }
    return frames;
  }

  /** Where the next read is to put its bytes. The view's buffer may be transferred away, if `received` gets what became of it. */
  space(): Uint8Array {
    const wanted = this.#wantedSize();
    const isLarge = wanted > readSizeMax;
    const filled = this.#filled;
    const atOnce = isLarge ? Math.min(wanted, this.#trustedSize) : this.#readSize;
    if (filled === this.#buffer.byteLength || this.#buffer.byteLength < atOnce) {
      const doubled = Math.min(wanted, filled * 2);
      this.#move(Math.max(atOnce, doubled));
    }
    // A read never passes the end of a large frame: the beginning of the next would have to be copied out of its buffer.
    return this.#buffer.subarray(filled, isLarge ? Math.min(wanted, this.#buffer.byteLength) : undefined);
  }

  /** Takes the view that a reader filled, in the buffer of the last `space` or in what that buffer was transferred to. */
  received(view: Uint8Array): Uint8Array[] {
    const buffer = new Uint8Array(view.buffer);
    const size = view.byteOffset + view.byteLength;
    if (size === buffer.byteLength) this.#readSize = Math.min(this.#readSize * 2, readSizeMax);
    else if (view.byteLength < this.#readSize / 8) this.#readSize = Math.max(this.#readSize / 2, readSizeMin);
    const frames: Uint8Array[] = [];
    const position = this.#cut(buffer.subarray(0, size), 0, frames);
    this.#filled = size - position;
    this.#buffer = this.#afterFrames(buffer, position, size, frames);
    return frames;
  }

  /** The buffer to go on with, the unfinished frame at its front: another one if a frame that was handed out lives in this. */
  #afterFrames(buffer: Uint8Array, position: number, size: number, frames: readonly Uint8Array[]): Uint8Array {
    if (frames.some((frame) => frame.buffer === buffer.buffer)) return buffer.slice(position, size);
    if (position === size && buffer.byteLength > this.#readSize * 4) return noBytes;
    if (position > 0) buffer.copyWithin(0, position, size);
    return buffer;
  }

  /** Cuts the whole frames that begin at `position`; answers where the first unfinished one begins. */
  #cut(bytes: Uint8Array, position: number, frames: Uint8Array[]): number {
    let start = position;
    while (bytes.byteLength - start >= lengthBytes) {
      const end = start + lengthBytes + this.#frameSize(bytes, start);
      if (end > bytes.byteLength) break;
      frames.push(this.#handOut(bytes, start + lengthBytes, end));
      start = end;
    }
    return start;
  }

  /** Small frames are copied out of large buffers; one that fills at least half of its buffer keeps it. */
  #handOut(bytes: Uint8Array, start: number, end: number): Uint8Array {
    const size = end - start;
    this.#trustedSize = Math.min(Math.max(this.#trustedSize, size + lengthBytes), this.#trustedSizeMax);
    return size * 2 >= bytes.buffer.byteLength ? bytes.subarray(start, end) : bytes.slice(start, end);
  }

  /** Adds to the unfinished frame as much of the chunk as it needs; answers where the chunk goes on. */
  #gather(bytes: Uint8Array, position: number, frames: Uint8Array[]): number {
    const wanted = this.#filled < lengthBytes ? lengthBytes : this.#wantedSize();
    const size = Math.min(wanted, this.#filled + bytes.byteLength - position);
    const next = position + size - this.#filled;
    if (size > this.#buffer.byteLength) this.#move(Math.max(size, Math.min(wanted, Math.max(size * 2, this.#trustedSize))));
    this.#buffer.set(bytes.subarray(position, next), this.#filled);
    this.#filled = size;
    // The length may just have become whole: a wrong one is refused now, and that of an empty frame ends it.
    if (size === this.#wantedSize()) {
      const frame = this.#handOut(this.#buffer, lengthBytes, size);
      if (frame.buffer === this.#buffer.buffer) this.#buffer = noBytes;
      frames.push(frame);
      this.#filled = 0;
    }
    return next;
  }

  /** The size of the unfinished frame with its length; 0 while the length is not known. */
  #wantedSize(): number {
    return this.#filled < lengthBytes ? 0 : lengthBytes + this.#frameSize(this.#buffer, 0);
  }

  #frameSize(bytes: Uint8Array, at: number): number {
    const size = ((bytes[at] ?? 0) << 24) | ((bytes[at + 1] ?? 0) << 16) | ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    if (size < 0 || size > this.#frameSizeMax)
      throw new DecodeError(`a frame of ${size} bytes, at most ${this.#frameSizeMax} allowed`);
    return size;
  }

  #move(capacity: number): void {
    const buffer = new Uint8Array(capacity);
    buffer.set(this.#buffer.subarray(0, this.#filled));
    this.#buffer = buffer;
  }
}
