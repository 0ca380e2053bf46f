/**
 * The client's time. It stands still while the runtime does: a frozen browser tab or a sleeping laptop must not find, on waking, that
 * every timeout has run out though nothing was given a chance. What tells a frozen runtime from an idle one is a timer that is overdue
 * while nothing else happened. Everything that waits or decides by time is given a Clock, so that tests hold the hands.
 */
export interface Clock {
  /** Milliseconds in which this runtime could have run; only differences mean something. */
  now(): number;
  /** How long it could not, as far as `now` has noticed. */
  readonly frozenMs: number;
  /** Calls once. Answers how to call it off. */
  after(ms: number, work: () => void): () => void;
  /** In [0, 1). */
  random(): number;
}

export interface RawTime {
  readonly now: () => number;
  readonly after: (ms: number, work: () => void) => () => void;
  readonly random: () => number;
}

/** A timer so much overdue, with nothing heard in between, means that nobody could have run. */
const frozenMsMin = 2000;
/** What setTimeout can hold. */
const timerMsMax = 2 ** 31 - 1;

const systemTime: RawTime = {
  now: () => Date.now(),
  after: (ms, work) => {
    const timer = setTimeout(work, Math.min(ms, timerMsMax));
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

export function makeClock(raw: RawTime = systemTime): Clock {
  let frozenMs = 0;
  let setBackMs = 0;
  let lastMs = raw.now();
  /** When each pending timer should fire. */
  const dues = new Set<{ readonly atMs: number }>();

  function now(): number {
    const rawMs = raw.now();
    // A clock that was set back must not make time run backwards.
    if (rawMs < lastMs) setBackMs += lastMs - rawMs;
    else if (rawMs - lastMs > frozenMsMin) {
      let dueMs = Infinity;
      for (const { atMs } of dues) dueMs = Math.min(dueMs, atMs);
      const heldUpMs = rawMs - Math.max(dueMs, lastMs);
      if (heldUpMs > frozenMsMin) frozenMs += heldUpMs;
    }
    lastMs = rawMs;
    return rawMs - frozenMs + setBackMs;
  }

  return {
    now,
    get frozenMs() {
      return frozenMs;
    },
    random: raw.random,
    after(ms, work) {
      now();
      const due = { atMs: lastMs + ms };
      dues.add(due);
      const cancel = raw.after(ms, () => {
        now();
        dues.delete(due);
        work();
      });
      return () => {
        dues.delete(due);
        cancel();
      };
    },
  };
}

export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const aborted = (): void => {
      cancel();
      reject(signal?.reason as Error);
    };
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    });
    signal?.addEventListener("abort", aborted, { once: true });
  });
}

/** `work`, or the signal's reason as soon as it is aborted; the work itself goes on. */
export function unlessAborted<Value>(work: Promise<Value>, signal: AbortSignal | undefined): Promise<Value> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      work.catch(() => {});
      reject(signal.reason as Error);
      return;
    }
    const aborted = (): void => reject(signal.reason as Error);
    signal.addEventListener("abort", aborted, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", aborted));
  });
}

/** What `unlessLate` rejects with. */
export const late = Symbol("late");

/** `work`, or `late` when the time comes first; the work itself goes on. */
export function unlessLate<Value>(work: Promise<Value>, clock: Clock, untilMs: number): Promise<Value> {
  return new Promise((resolve, reject) => {
    let cancel = (): void => {};
    const watch = (): void => {
      const leftMs = untilMs - clock.now();
      // A timer that is overdue because nobody could run says nothing yet.
      if (leftMs > 0) cancel = clock.after(leftMs, watch);
      // oxlint-disable-next-line prefer-promise-reject-errors
      else reject(late);
    };
    watch();
    work.then(resolve, reject).finally(() => cancel());
  });
}
