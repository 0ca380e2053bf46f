/**
 * Calls between nodes that may be killed: requests and answers are delayed, overtaken, lost or delivered twice. A caller that hears
 * nothing gives up after a while; whether the call was carried out it cannot know.
 */
import type { World } from "./world.ts";

export interface NetworkFaults {
  readonly delayMsMax: number;
  readonly lost: number;
  readonly repeated: number;
}

/** Something that lives, dies and comes back; work of an earlier life must not touch a later one. */
export class Life {
  #number = 0;
  alive = true;

  die(): void {
    this.alive = false;
    this.#number += 1;
  }

  start(): void {
    this.alive = true;
  }

  /** Wraps work so that it runs only while the life in which it was planned goes on. */
  bind<Args extends unknown[]>(work: (...args: Args) => void): (...args: Args) => void {
    const number = this.#number;
    return (...args) => {
      if (this.alive && this.#number === number) work(...args);
    };
  }
}

/** Time is everybody's; who has a randomness of its own changes nothing for others by using it. */
export type NetworkWorld = Pick<World, "random" | "after" | "log">;

export class Network {
  readonly #world: NetworkWorld;
  faults: NetworkFaults;

  constructor(world: NetworkWorld, faults: NetworkFaults) {
    this.#world = world;
    this.faults = faults;
  }

  delay(): number {
    const { random } = this.#world;
    // Mostly near, sometimes far: overtaking happens, but isn't all that happens.
    return random.chance(0.1) ? random.between(0, this.faults.delayMsMax) : random.between(0, 3);
  }

  /**
   * `serve` runs at the callee and answers through its argument, now or later. Exactly one of `answered` and `failed` runs at the
   * caller, unless the caller has died. `mayRepeat` false: over a connection, which delivers nothing twice.
   */
  call<Answer>(
    label: string,
    caller: Life,
    callee: Life,
    serve: (answer: (value: Answer) => void) => void,
    answered: (value: Answer) => void,
    failed: () => void,
    patienceMs = 3000,
    mayRepeat = true,
  ): void {
    let settled = false;
    const settle = (work: () => void): void => {
      const run = caller.bind(() => {
        if (settled) return;
        settled = true;
        work();
      });
      run();
    };
    const giveUp = caller.bind(() => settle(failed));
    const hear = caller.bind((value: Answer) => settle(() => answered(value)));
    const deliver = (): void => {
      if (!callee.alive) {
        this.#world.after(this.delay(), `${label} refused`, giveUp);
        return;
      }
      serve((value) => {
        if (this.#world.random.chance(this.faults.lost)) this.#world.log(`${label} answer lost`);
        else this.#world.after(this.delay(), `${label} answered`, () => hear(value));
      });
    };
    if (this.#world.random.chance(this.faults.lost)) this.#world.log(`${label} lost`);
    else this.#world.after(this.delay(), `${label} arrives`, deliver);
    if (mayRepeat && this.#world.random.chance(this.faults.repeated))
      this.#world.after(this.delay() + this.delay(), `${label} arrives again`, deliver);
    this.#world.after(patienceMs, `${label} patience`, giveUp);
  }
}
