/**
 * How long a merger works for the leader's alarm that sent for it: a platform ends a handler of an alarm after fifteen minutes, and refuses
 * the store to a call that has asked it ten thousand times; what was not committed by then is lost. So no claim is begun late, and one that
 * takes too long, or too many GETs, is given back, to be planned smaller.
 */
const beginsMs = 5 * 60_000;
const endsMs = 12 * 60_000;
const beginsGets = 6000;
/** Parts of the object, its indexes and calls to the leader count as well. */
const endsGets = 9000;

export class WorkingTime {
  readonly #beganMs: number;
  #gets = 0;

  /** When the alarm's call came, also if it had to wait for its turn. */
  constructor(beganMs: number) {
    this.#beganMs = beganMs;
  }

  mayBegin(nowMs: number): boolean {
    return nowMs - this.#beganMs < beginsMs && this.#gets < beginsGets;
  }

  /** Before so many GETs are made. Throws when it is over. */
  goOn(nowMs: number, gets: number): void {
    this.#gets += gets;
    if (this.isOver(nowMs)) throw new TooSlow();
  }

  isOver(nowMs: number): boolean {
    return nowMs - this.#beganMs >= endsMs || this.#gets > endsGets;
  }
}

/** Of a claim that is given back because its time was over. */
export class TooSlow extends Error {
  constructor() {
    super("a merge takes too long, or too many reads, for one alarm");
  }
}
