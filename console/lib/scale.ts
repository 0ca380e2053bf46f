/** Axes of plots: the ends that a scale is drawn to and the lines between, at numbers that people count in. */
export function ticksTo(max: number, count: number, step = 1): readonly number[] {
  if (!(max > 0)) return [0];
  const unit = 10 ** Math.floor(Math.log10(max / count));
  // Bytes go by 1024: their lines lie at whole KiB and MiB where there are any.
  const base = step === 1 ? unit : binaryUnit(max / count);
  const size = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map((factor) => factor * base).find((each) => max / each <= count) ?? max;
  return Array.from({ length: Math.ceil(max / size) + 1 }, (_, index) => index * size);
}

function binaryUnit(value: number): number {
  return 1024 ** Math.max(0, Math.floor(Math.log2(Math.max(1, value)) / 10));
}

/** Times between two, at whole minutes, so many at most. */
export function timeTicks(fromMs: number, toMs: number, count: number): readonly number[] {
  const steps = [60, 120, 300, 600, 900, 1800].map((seconds) => seconds * 1000);
  const step = steps.find((each) => (toMs - fromMs) / each <= count) ?? 1_800_000;
  const first = Math.ceil(fromMs / step) * step;
  const ticks: number[] = [];
  for (let at = first; at <= toMs; at += step) ticks.push(at);
  return ticks;
}
