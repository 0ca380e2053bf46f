/**
 * A store that is slow and fails as object stores do: before doing anything, after having done it, or by handing out less than
 * was asked. What happens to which call is decided by the functions it is given, so a simulator can drive it from its seed and
 * its virtual clock, and a bench can give every put the latency of a far bucket.
 */
import { OperatingError } from "../core/operating-error.ts";
import type { ByteRange, ListOptions, ObjectListing, ObjectStore } from "./object-store.ts";

export interface StoreCall {
  readonly operation: "put" | "putStream" | "putIfAbsent" | "get" | "list" | "delete";
  /** The key, the listed prefix, or the first of the keys to delete. */
  readonly key: string;
  /** Bytes to write, or asked for; 0 where unknown. */
  readonly byteLength: number;
}

/** `reads-short` cuts what a get found and does nothing to other calls. */
export type Fate = "works" | "fails-before" | "fails-after" | "reads-short";

export interface Faults {
  /** Awaited before the call reaches the store. */
  delay?(call: StoreCall): Promise<void> | undefined;
  /** Asked once a call, before the delay. */
  fate?(call: StoreCall): Fate;
}

export class FaultyObjectStore implements ObjectStore {
  readonly #inner: ObjectStore;
  readonly #faults: Faults;

  constructor(inner: ObjectStore, faults: Faults) {
    this.#inner = inner;
    this.#faults = faults;
  }

  put(key: string, bytes: Uint8Array): Promise<void> {
    return this.#run({ operation: "put", key, byteLength: bytes.byteLength }, () => this.#inner.put(key, bytes));
  }

  putStream(key: string, byteLength: number | undefined, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    return this.#run({ operation: "putStream", key, byteLength: byteLength ?? 0 }, () =>
      this.#inner.putStream(key, byteLength, chunks),
    );
  }

  putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    return this.#run({ operation: "putIfAbsent", key, byteLength: bytes.byteLength }, () => this.#inner.putIfAbsent(key, bytes));
  }

  get(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    return this.#run(
      { operation: "get", key, byteLength: range?.length ?? 0 },
      () => this.#inner.get(key, range),
      (bytes) => bytes?.subarray(0, bytes.byteLength >>> 1),
    );
  }

  list(prefix: string, options?: ListOptions): Promise<ObjectListing> {
    return this.#run({ operation: "list", key: prefix, byteLength: 0 }, () => this.#inner.list(prefix, options));
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#run({ operation: "delete", key: keys[0] ?? "", byteLength: 0 }, () => this.#inner.delete(keys));
  }

  async #run<T>(call: StoreCall, work: () => Promise<T>, cut: (answer: T) => T = (answer) => answer): Promise<T> {
    const fate = this.#faults.fate?.(call) ?? "works";
    await this.#faults.delay?.(call);
    if (fate === "fails-before") throw injected(call, "before it was done");
    const answer = await work();
    if (fate === "fails-after") throw injected(call, "after it was done");
    return fate === "reads-short" ? cut(answer) : answer;
  }
}

function injected(call: StoreCall, when: string): OperatingError {
  return new OperatingError("retry", `injected: ${call.operation} of ${call.key} failed ${when}`);
}

/** Each call fails with the given probabilities; `random` answers [0, 1) and decides everything. */
export function randomFates(
  random: () => number,
  rates: { readonly before: number; readonly after: number; readonly short: number },
): (call: StoreCall) => Fate {
  return () => {
    const draw = random();
    if (draw < rates.before) return "fails-before";
    if (draw < rates.before + rates.after) return "fails-after";
    return draw < rates.before + rates.after + rates.short ? "reads-short" : "works";
  };
}

/** Every put takes this much longer; reads stay as they are. `sleep` is the caller's clock. */
export function putLatency(ms: number, sleep: (ms: number) => Promise<void>): Faults {
  return { delay: (call) => (call.operation.startsWith("put") ? sleep(ms) : undefined) };
}
