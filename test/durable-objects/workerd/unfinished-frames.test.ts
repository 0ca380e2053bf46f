/** Large frames that come in pieces, over connections and clients that the test plays, by a clock that it moves. */
import { describe, expect, test } from "vitest";
import type { Connection } from "../../../durable-objects/connection.ts";
import { serveTcp } from "../../../durable-objects/tcp-front.ts";
import { UnfinishedFrames } from "../../../durable-objects/unfinished-frames.ts";
import { settled } from "../../front-ends/harness.ts";

const mib = 1024 * 1024;
const claimedBytes = 4 * mib;
const bytesMax = 4 * mib;
/** What a stalling client leaves out. */
const missingBytes = 256 * 1024;
const stallBytes = claimedBytes + 4 - missingBytes;
const readBytesMax = 128 * 1024;

class Clock {
  nowMs = 0;
  readonly timers = new Map<() => void, number>();
  readonly unfinished = new UnfinishedFrames({
    bytesMax,
    now: () => this.nowMs,
    after: (ms, work) => {
      this.timers.set(work, this.nowMs + ms);
      return () => void this.timers.delete(work);
    },
  });

  async advance(ms: number): Promise<void> {
    for (const end = this.nowMs + ms; this.nowMs < end;) {
      this.nowMs += 100;
      for (const [work, atMs] of this.timers) {
        if (atMs > this.nowMs) continue;
        this.timers.delete(work);
        work();
      }
      await settled();
    }
  }
}

/** A client that has so many bytes to send: they are taken when the front reads. */
class Client {
  readonly received: number[] = [];
  readonly dropped: string[] = [];
  sentBytes = 0;
  onRead: (() => void) | undefined;
  readonly over: Promise<void>;
  #leftBytes = 0;
  #head = new Uint8Array();
  #waiting: (() => void) | undefined;
  #gone = false;

  constructor({ unfinished }: Clock) {
    const reader = { read: (view: Uint8Array) => this.#read(view), cancel: async () => this.leave() };
    const socket = { readable: { getReader: () => reader }, writable: new WritableStream(), close: async () => {} };
    this.over = serveTcp({
      socket: socket as unknown as Socket,
      frameBytesMax: claimedBytes,
      unfinished,
      onReceived: () => {},
      open: (transport) => {
        const connection = {
          hasRoom: true,
          receive: (frame: Uint8Array) => this.received.push(frame.byteLength),
          end: () => {},
          taken: () => {},
          fail: () => {},
          drop: (reason: string) => {
            this.dropped.push(reason);
            transport.drop(reason);
          },
        };
        return connection as unknown as Connection;
      },
    });
  }

  /** Begins a frame of that size (without its length), of which so many bytes can be read. */
  begin(frameBytes: number, sendableBytes: number): void {
    this.#head = new Uint8Array(4);
    new DataView(this.#head.buffer).setInt32(0, frameBytes);
    this.sentBytes = 0;
    this.more(sendableBytes);
  }

  more(sendableBytes: number): void {
    this.#leftBytes += sendableBytes;
    this.#waiting?.();
  }

  leave(): void {
    this.#gone = true;
    this.#waiting?.();
  }

  async #read(view: Uint8Array): Promise<{ value: Uint8Array; done: boolean }> {
    const { byteOffset, byteLength } = view;
    // As a reader does that takes the buffer away.
    const buffer = (view.buffer as ArrayBuffer).transfer();
    while (this.#leftBytes === 0 && !this.#gone) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
    const length = this.#gone ? 0 : Math.min(this.#leftBytes, byteLength, readBytesMax);
    const value = new Uint8Array(buffer, byteOffset, length);
    value.set(this.#head.subarray(this.sentBytes, this.sentBytes + length));
    this.#leftBytes -= length;
    this.sentBytes += length;
    this.onRead?.();
    return { value, done: this.#gone };
  }
}

function clients(clock: Clock, count: number): Client[] {
  return Array.from({ length: count }, () => new Client(clock));
}

const sum = (all: readonly Client[]) => all.reduce((bytes, { sentBytes }) => bytes + sentBytes, 0);

/** Until nobody takes any more. */
async function quiet(all: readonly Client[]): Promise<void> {
  for (let before = -1; before !== sum(all);) {
    before = sum(all);
    await settled();
  }
}

describe("[I8] sixty connections that each claim a frame of 4 MiB", () => {
  test("and send nearly all of it hold no more than the allowance and one frame", async () => {
    const clock = new Clock();
    const all = clients(clock, 60);
    for (const client of all) client.begin(claimedBytes, stallBytes);
    await quiet(all);
    expect(clock.unfinished.heldBytes).toBeLessThanOrEqual(bytesMax + claimedBytes + 4);
    expect(sum(all)).toBeLessThanOrEqual(bytesMax + claimedBytes + 4);
    expect(all[0]!.sentBytes).toBe(stallBytes);
  });

  test("are all served when they send what they claim, one after the other", async () => {
    const clock = new Clock();
    const all = clients(clock, 60);
    let most = 0;
    for (const client of all) {
      client.onRead = () => (most = Math.max(most, clock.unfinished.heldBytes));
      client.begin(claimedBytes, claimedBytes + 4);
    }
    await quiet(all);
    expect(all.map(({ received }) => received)).toEqual(all.map(() => [claimedBytes]));
    expect(most).toBeLessThanOrEqual(bytesMax + claimedBytes + 4);
    expect(clock.unfinished.heldBytes).toBe(0);
    await clock.advance(20_000);
    expect(all.flatMap(({ dropped }) => dropped)).toEqual([]);
  });

  test("and stall are dropped while somebody waits, who is then served; who waits is not dropped", async () => {
    const clock = new Clock();
    const stalling = clients(clock, 60);
    for (const client of stalling) client.begin(claimedBytes, stallBytes);
    await quiet(stalling);
    const honest = new Client(clock);
    honest.begin(2 * mib, 2 * mib + 4);
    await quiet([honest]);
    expect(honest.received).toEqual([]);
    for (let second = 0; second < 600 && honest.received.length === 0; second++) await clock.advance(1000);
    expect(honest.received).toEqual([2 * mib]);
    expect(honest.dropped).toEqual([]);
    expect(stalling[0]!.dropped).toHaveLength(1);
  });

  test("leave nothing behind when they go, whether held back or not", async () => {
    const clock = new Clock();
    const all = clients(clock, 60);
    for (const client of all) client.begin(claimedBytes, stallBytes);
    await quiet(all);
    for (const client of all) client.leave();
    await Promise.all(all.map(({ over }) => over));
    expect(clock.unfinished.heldBytes).toBe(0);
    await clock.advance(2000);
    expect(clock.timers.size).toBe(0);
  });
});

test("[I8] ordinary requests never wait for large ones", async () => {
  const clock = new Clock();
  const large = clients(clock, 2);
  for (const client of large) client.begin(claimedBytes, stallBytes);
  await quiet(large);
  expect(large[1]!.sentBytes).toBeLessThan(stallBytes);
  const small = new Client(clock);
  small.begin(mib, mib + 4);
  await quiet([small]);
  expect(small.received).toEqual([mib]);
});

test("[I8] a trickle is no progress: who brings next to nothing is dropped while others wait", async () => {
  const clock = new Clock();
  const [slow, waiting] = clients(clock, 2) as [Client, Client];
  slow.begin(claimedBytes, stallBytes);
  await quiet([slow]);
  waiting.begin(2 * mib, 2 * mib + 4);
  const other = new Client(clock);
  other.begin(claimedBytes, stallBytes);
  await quiet([slow, waiting, other]);
  for (let second = 0; second < 10; second++) {
    slow.more(1);
    await clock.advance(1000);
  }
  expect(slow.dropped).toHaveLength(1);
  expect(other.sentBytes).toBe(stallBytes);
});

test("nobody is dropped while nobody waits", async () => {
  const clock = new Clock();
  const one = new Client(clock);
  one.begin(claimedBytes, stallBytes);
  await quiet([one]);
  await clock.advance(60_000);
  expect(one.dropped).toEqual([]);
  one.more(missingBytes);
  await quiet([one]);
  expect(one.received).toEqual([claimedBytes]);
});
