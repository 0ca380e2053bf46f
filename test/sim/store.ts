/**
 * The object store of a simulated run: durable, slow, and failing as object stores do, also after having done what was asked. Its
 * content outlives every node.
 */
import type { Happening } from "./history.ts";
import type { World } from "./world.ts";
import type { Life } from "./network.ts";

export interface StoreFaults {
  readonly putMsMin: number;
  readonly putMsMax: number;
  readonly failed: number;
  readonly failedAfterWorking: number;
}

export class SimulatedStore {
  readonly objects = new Map<string, Uint8Array>();
  faults: StoreFaults;
  readonly #world: World;
  readonly #record: (event: Happening) => void;

  constructor(world: World, faults: StoreFaults, record: (event: Happening) => void) {
    this.#world = world;
    this.faults = faults;
    this.#record = record;
  }

  put(caller: Life, key: string, bytes: Uint8Array, done: () => void, failed: () => void): void {
    const { random } = this.#world;
    const draw = random.next();
    const copy = bytes.slice();
    const works = draw >= this.faults.failed;
    const says = draw >= this.faults.failed + this.faults.failedAfterWorking;
    const answer = caller.bind(says ? done : failed);
    const delay = random.between(this.faults.putMsMin, this.faults.putMsMax);
    const arrives = random.between(0, delay);
    // The bytes rest somewhere between the call and its answer, whether or not the caller is still there.
    if (works) this.#world.after(arrives, `put ${key} rests`, () => this.#rest(key, copy));
    this.#world.after(delay, `put ${key} ${says ? "done" : "failed"}`, answer);
  }

  #rest(key: string, bytes: Uint8Array): void {
    const known = this.objects.get(key);
    const same = known !== undefined && Buffer.compare(known, bytes) === 0;
    if (known !== undefined) this.#record({ kind: "put-again", at: this.#world.now, key, same });
    this.objects.set(key, bytes);
  }

  /** As with puts: what is asked for may happen though the caller hears that it failed, or hears nothing. */
  delete(caller: Life, keys: readonly string[], done: () => void, failed: () => void): void {
    const { random } = this.#world;
    const works = !random.chance(this.faults.failed);
    const says = works && !random.chance(this.faults.failedAfterWorking);
    this.#world.after(random.between(1, 30), `delete of ${keys.length} objects`, () => {
      if (works) for (const key of keys) this.#remove(key);
      caller.bind(says ? done : failed)();
    });
  }

  #remove(key: string): void {
    if (!this.objects.delete(key)) return;
    this.#record({ kind: "deleted", at: this.#world.now, key, referenced: this.isReferenced(key) });
  }

  /** Set by whoever has leaders. */
  isReferenced: (key: string) => boolean = () => false;

  get(
    caller: Life,
    key: string,
    start: number,
    length: number,
    done: (bytes: Uint8Array | undefined) => void,
    failed: () => void,
  ): void {
    const { random } = this.#world;
    const fails = random.chance(this.faults.failed);
    const found = caller.bind(() => (fails ? failed() : done(this.objects.get(key)?.slice(start, start + length))));
    this.#world.after(random.between(1, 30), `get ${key}`, found);
  }
}
