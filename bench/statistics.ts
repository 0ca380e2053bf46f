/** Medians and percentiles, and taking turns: what is compared is measured alternately, so that a busy neighbour troubles both alike. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? (upper + (sorted[middle - 1] ?? Number.NaN)) / 2 : upper;
}

/**
 * Every run once per repetition, in turns; answers the median of each. The first turn warms up and is left out. Each turn goes the other
 * way than the one before: what a run leaves to do (files to be written back, a heap to be cleared) troubles its neighbours alike.
 */
export async function mediansInTurns<Name extends string>(
  repetitions: number,
  runs: Readonly<Record<Name, () => Promise<number> | number>>,
): Promise<Record<Name, number>> {
  const names = Object.keys(runs) as Name[];
  const measured = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let repetition = 0; repetition <= repetitions; repetition++) {
    for (const name of repetition % 2 === 0 ? names : names.toReversed()) {
      const value = await runs[name]();
      if (repetition > 0) measured.get(name)?.push(value);
    }
  }
  return Object.fromEntries(names.map((name) => [name, median(measured.get(name) ?? [])])) as Record<Name, number>;
}
