/** How long to wait before the next attempt: twice as long each time up to a limit, and a fifth more or less, so that clients which failed together do not return together. */
export interface BackoffOptions {
  readonly minMs: number;
  readonly maxMs: number;
}

const jitter = 0.2;

/** `failures` counts from 1; `random` is in [0, 1). */
export function backoffMs(failures: number, { minMs, maxMs }: BackoffOptions, random: number): number {
  const plain = Math.min(maxMs, minMs * 2 ** Math.min(failures - 1, 30));
  return plain * (1 - jitter + 2 * jitter * random);
}
