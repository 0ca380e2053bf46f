/**
 * The PUTs of WAL objects: sequence numbers, repetition, and the floor below which no object will be committed any more (D12).
 * Repeating a PUT is always safe, since a key never names other bytes. None is given up while its epoch lasts: what waits behind it
 * in its partitions would overtake it, and a producer whose later batch was taken first could never again send the earlier one.
 * Clients have time-outs of their own, and the byte budget holds them back.
 */
import type { WalIdentity } from "../wal/format.ts";
import { walKey } from "../wal/key.ts";
import type { Part } from "../wal/lane.ts";
import type { Commit } from "./commit-chain.ts";
import type { EffectSink } from "./events.ts";
import { backoffMs, type Timer, type Timers } from "./timers.ts";

export interface UploadedPart {
  readonly part: Part;
  readonly byteStart: number;
  readonly upload: Upload;
}

export interface Upload {
  readonly identity: WalIdentity;
  readonly key: string;
  readonly object: Uint8Array;
  readonly beganAt: number;
  readonly parts: UploadedPart[];
  /** A commit that has its number already and was refused as inline: its chain waits for it. */
  readonly refusedCommit: Commit | undefined;
  /** Parts that are not committed. */
  open: number;
  attempts: number;
  unanswered: boolean;
  /** Its epoch is over; only the memory counts until the PUT is answered. */
  abandoned: boolean;
  retry: Timer<(now: number) => void> | undefined;
}

export interface UploadHost {
  readonly sink: EffectSink;
  readonly timers: Timers<(now: number) => void>;
  putId(upload: Upload): number;
  stored(upload: Upload, now: number): void;
  /** The PUT of an abandoned upload was answered. */
  freed(upload: Upload): void;
}

const retryFirstMs = 100;
const retryMaxMs = 5000;

export class Uploads {
  readonly #host: UploadHost;
  /** Whose commits are not all settled, by ascending sequence. */
  readonly #open = new Map<number, Upload>();
  #nextSequence = 1;
  /** Not stored, abandoned ones included while their PUT is unanswered. */
  inFlight = 0;

  constructor(host: UploadHost) {
    this.#host = host;
  }

  takeSequence(): number {
    return this.#nextSequence++;
  }

  get sequenceFloor(): number {
    for (const sequence of this.#open.keys()) return sequence;
    return this.#nextSequence;
  }

  /** Objects whose commits are not all settled. */
  get openCount(): number {
    return this.#open.size;
  }

  start(identity: WalIdentity, object: Uint8Array, now: number, refusedCommit?: Commit): Upload {
    const upload: Upload = {
      identity,
      key: walKey(identity),
      object,
      beganAt: now,
      parts: [],
      refusedCommit,
      open: 0,
      attempts: 0,
      unanswered: false,
      abandoned: false,
      retry: undefined,
    };
    this.#open.set(identity.sequence, upload);
    this.inFlight += 1;
    this.#put(upload);
    return upload;
  }

  #put(upload: Upload): void {
    upload.attempts += 1;
    upload.unanswered = true;
    this.#host.sink.push({ kind: "put", id: this.#host.putId(upload), key: upload.key, bytes: upload.object });
  }

  done(upload: Upload, now: number): void {
    upload.unanswered = false;
    this.inFlight -= 1;
    if (upload.abandoned) this.#host.freed(upload);
    else this.#host.stored(upload, now);
  }

  failed(upload: Upload, message: string, now: number): void {
    upload.unanswered = false;
    const { key, attempts } = upload;
    this.#host.sink.push({ kind: "log", level: "warn", event: "put-failed", fields: { key, attempts, message } });
    if (upload.abandoned) {
      this.inFlight -= 1;
      this.#host.freed(upload);
    } else {
      upload.retry = this.#host.timers.add(now + backoffMs(attempts, retryFirstMs, retryMaxMs), () => {
        upload.retry = undefined;
        this.#put(upload);
      });
    }
  }

  /** One of its parts is committed. */
  settle(upload: Upload): void {
    upload.open -= 1;
    if (upload.open <= 0) this.#open.delete(upload.identity.sequence);
  }

  /** The epoch is over. Answers the uploads whose bytes the store may still be reading. */
  end(): readonly Upload[] {
    const reading: Upload[] = [];
    for (const upload of this.#open.values()) {
      upload.abandoned = true;
      if (upload.retry !== undefined) {
        this.#host.timers.cancel(upload.retry);
        this.inFlight -= 1;
      } else if (upload.unanswered) reading.push(upload);
    }
    this.#open.clear();
    this.#nextSequence = 1;
    return reading;
  }
}
