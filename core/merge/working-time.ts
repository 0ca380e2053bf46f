/**
 * How long a merger works for the leader's alarm that sent for it: a platform ends a handler of an alarm after fifteen minutes, and what was
 * not committed by then is lost. So no claim is begun late, and one that takes too long is given back, to be planned smaller.
 */
const beginsMs = 5 * 60_000;
const endsMs = 12 * 60_000;

export class WorkingTime {
  readonly #beganMs: number;

  /** When the alarm's call came, also if it had to wait for its turn. */
  constructor(beganMs: number) {
    this.#beganMs = beganMs;
  }

  mayBegin(nowMs: number): boolean {
    return nowMs - this.#beganMs < beginsMs;
  }

  isOver(nowMs: number): boolean {
    return nowMs - this.#beganMs >= endsMs;
  }
}

/** Of a claim that is given back because its time was over. */
export class TooSlow extends Error {
  constructor() {
    super("a merge takes too long for one alarm");
  }
}
