/**
 * The one timer of a machine whose deadlines mostly move away: it is set anew only when it would come too late. One that comes too early
 * does no harm, as whoever is woken looks what is due and sets the next. None stands while nothing is awaited: it would keep the object awake.
 */

/** What setTimeout can hold. */
export const timerMsMax = 2 ** 31 - 1;

export class EarliestTimer {
  readonly #wake: () => void;
  #set: { readonly at: number; readonly handle: ReturnType<typeof setTimeout> } | undefined;

  constructor(wake: () => void) {
    this.#wake = wake;
  }

  /** Wakes at `deadline` or before; an undefined one never falls due. */
  setFor(deadline: number | undefined, now: number): void {
    if (deadline !== undefined && this.#set !== undefined && this.#set.at <= deadline) return;
    clearTimeout(this.#set?.handle);
    this.#set = undefined;
    if (deadline === undefined) return;
    const handle = setTimeout(
      () => {
        this.#set = undefined;
        this.#wake();
      },
      Math.min(Math.max(deadline - now, 0), timerMsMax),
    );
    this.#set = { at: deadline, handle };
  }
}
