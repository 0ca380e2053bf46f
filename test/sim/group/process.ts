/**
 * What befalls a client's process, whatever protocol it speaks: it begins, leaves, dies, comes back, and pauses, sometimes for longer
 * than its session. What falls due in a pause happens when it wakes, in order, as after a long garbage collection.
 */
import { Life } from "../network.ts";
import type { GroupCluster } from "./cluster.ts";
import type { World } from "../world.ts";

/** What its protocol does about it. */
export interface Behaviour {
  begin(): void;
  /** Says that it goes. */
  leave(): void;
  /** The process is gone, and with it all it knew. */
  lose(): void;
}

/** Shared by all processes of a run. */
export interface Storm {
  over: boolean;
}

/** A process whose lives speak different protocols, always under the same instance id. */
export interface SharedProcess {
  readonly process: Process;
  readonly instance: string | null;
}

export function instanceOf({ world }: Pick<GroupCluster, "world">, index: number, shared?: SharedProcess): string | null {
  if (shared !== undefined) return shared.instance;
  return world.random.chance(0.3) ? `instance${index}` : null;
}

export class Process {
  readonly name: string;
  readonly #life = new Life();
  readonly #world: World;
  readonly #storm: Storm;
  readonly #behaviour: Behaviour;
  #wakesAt = 0;
  #retired = false;

  constructor(world: World, name: string, storm: Storm, behaviour: Behaviour) {
    this.#world = world;
    this.name = name;
    this.#storm = storm;
    this.#behaviour = behaviour;
    this.#life.die();
    world.after(world.random.between(0, 20_000), `${name} begins`, () => this.#start());
  }

  get alive(): boolean {
    return this.#life.alive;
  }

  #start(): void {
    if (this.#retired || this.#life.alive) return;
    this.#life.start();
    this.#wakesAt = 0;
    this.#behaviour.begin();
    this.#meetFate();
  }

  #meetFate(): void {
    const { random } = this.#world;
    this.after(random.between(200, 4000), `${this.name} lives`, () => {
      if (!this.#storm.over) {
        if (random.chance(0.02)) return this.end("dies");
        if (random.chance(0.02)) {
          this.#behaviour.leave();
          return this.end("leaves");
        }
        if (random.chance(0.03)) this.#pause(random.between(1000, 70_000));
      }
      this.#meetFate();
    });
  }

  #pause(ms: number): void {
    this.#world.log(`${this.name} pauses for ${ms}`);
    this.#wakesAt = this.#world.now + ms;
  }

  /** It comes back after a while. */
  end(how: string): void {
    this.#world.log(`${this.name} ${how}`);
    this.#behaviour.lose();
    this.#life.die();
    this.#world.after(this.#world.random.between(100, 60_000), `${this.name} comes back`, () => this.#start());
  }

  /** Leaves for good. */
  retire(): void {
    this.#retired = true;
    if (!this.#life.alive) return;
    this.#behaviour.leave();
    this.#behaviour.lose();
    this.#life.die();
  }

  /** Runs the work while this life goes on; once awake, if it pauses. */
  bind<Args extends unknown[]>(work: (...args: Args) => void): (...args: Args) => void {
    const bound = this.#life.bind((...args: Args): void => {
      if (this.#world.now >= this.#wakesAt) return work(...args);
      this.#world.after(this.#wakesAt - this.#world.now, `${this.name} wakes`, () => bound(...args));
    });
    return bound;
  }

  after(ms: number, label: string, work: () => void): void {
    this.#world.after(ms, label, this.bind(work));
  }
}
