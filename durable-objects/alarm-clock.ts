/**
 * One alarm, many reasons: a Durable Object has a single alarm, and several things of a leader or a controller fall due at times of
 * their own. It is armed for the earliest of them, moved only when it would ring too late (each setting is a row written), and not at
 * all while nothing can ever fall due: an idle cluster costs nothing. What a ring does follows from the object's rows alone, so one
 * that comes too early, twice, or after a restart does no harm.
 */
import { operatingErrorKind } from "../core/operating-error.ts";
import type { Log } from "./log.ts";

export interface AlarmReason {
  readonly name: string;
  /** When it wants to be run; undefined while it has nothing to do. Cheap: asked after every change. */
  dueMs(nowMs: number): number | undefined;
  /** One bounded step. It is asked for the next time afterwards; one that throws is let wait, longer each time. */
  run(nowMs: number): Promise<void> | void;
}

/** As a Durable Object's storage has them. */
export interface AlarmStorage {
  getAlarm(): Promise<number | null>;
  setAlarm(atMs: number): Promise<void>;
  deleteAlarm(): Promise<void>;
}

export interface AlarmClockOptions {
  readonly storage: AlarmStorage;
  readonly log: Log;
  readonly now: () => number;
  /** A row has been written for an alarm. */
  readonly onSet: () => void;
}

const backoffMsMin = 1000;
const backoffMsMax = 300_000;

interface Entry {
  readonly reason: AlarmReason;
  failures: number;
  /** Not before this time: it has failed. */
  notBeforeMs: number;
  running: boolean;
}

export class AlarmClock {
  readonly #options: AlarmClockOptions;
  readonly #entries: Entry[] = [];
  /** Undefined: not armed; null: not known since the start. */
  #armedMs: number | undefined | null = null;
  #asking = false;

  constructor(options: AlarmClockOptions) {
    this.#options = options;
  }

  add(reason: AlarmReason): void {
    this.#entries.push({ reason, failures: 0, notBeforeMs: 0, running: false });
  }

  /** After every change, in the turn that made it: then the alarm is durable with the change. */
  arm(): void {
    const nowMs = this.#options.now();
    const due = this.#dueMs(nowMs);
    if (due === undefined) {
      if (typeof this.#armedMs === "number") void this.#options.storage.deleteAlarm();
      if (this.#armedMs !== null) this.#armedMs = undefined;
      return;
    }
    if (this.#armedMs === null) {
      this.#askThenArm();
      return;
    }
    if (this.#armedMs !== undefined && this.#armedMs <= due) return;
    this.#armedMs = due;
    this.#options.onSet();
    // What was due at any time before: an alarm at 0 is refused, and everything would wait for it.
    void this.#options.storage.setAlarm(Math.max(due, nowMs));
  }

  #askThenArm(): void {
    if (this.#asking) return;
    this.#asking = true;
    void this.#options.storage.getAlarm().then((armedMs) => {
      this.#asking = false;
      this.#armedMs ??= armedMs ?? undefined;
      this.arm();
    });
  }

  #dueMs(nowMs: number): number | undefined {
    let earliest: number | undefined;
    for (const { reason, notBeforeMs, running } of this.#entries) {
      const due = running ? undefined : reason.dueMs(nowMs);
      if (due === undefined) continue;
      const at = Math.max(due, notBeforeMs);
      if (earliest === undefined || at < earliest) earliest = at;
    }
    return earliest;
  }

  /**
   * The object's alarm() calls this and nothing else. Never throws: the platform would repeat the whole ring, and in the end give up;
   * it repeats the ring in which the object died.
   */
  async ring(): Promise<void> {
    this.#armedMs = undefined;
    const nowMs = this.#options.now();
    const due = this.#entries.filter(({ reason, notBeforeMs, running }) => {
      const at = running ? undefined : reason.dueMs(nowMs);
      return at !== undefined && Math.max(at, notBeforeMs) <= nowMs;
    });
    await Promise.all(due.map((entry) => this.#run(entry)));
    this.arm();
  }

  async #run(entry: Entry): Promise<void> {
    entry.running = true;
    try {
      await entry.reason.run(this.#options.now());
      entry.failures = 0;
      entry.notBeforeMs = 0;
    } catch (error) {
      entry.failures += 1;
      const waitMs = Math.min(backoffMsMin * 2 ** Math.min(entry.failures - 1, 20), backoffMsMax);
      entry.notBeforeMs = this.#options.now() + waitMs;
      const { name } = entry.reason;
      this.#options.log.warn("alarm-failed", { reason: name, failures: entry.failures, kind: operatingErrorKind(error), error });
    } finally {
      entry.running = false;
    }
  }
}
