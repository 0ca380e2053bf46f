/**
 * [I2] [I4] What a broker tells a reader of a partition's high watermark and last stable offset never goes back, through all restarts, and
 * the second is never beyond the first. Another broker may know of less for a moment: not all that follow a log hear at the same time.
 */
import type { Rule } from "../facts.ts";

export const boundsNeverGoBack: Rule = ({ history }) => {
  const wrong: string[] = [];
  const last = new Map<string, { readonly stable: number; readonly high: number }>();
  for (const happening of history) {
    if (happening.kind !== "bounds") continue;
    const { reader, broker, partition, stable, high } = happening;
    const stream = `${reader} of ${partition}, from broker ${broker}`;
    const before = last.get(stream) ?? { stable: 0, high: 0 };
    if (high < before.high) wrong.push(`${stream}: the high watermark goes back from ${before.high} to ${high}`);
    if (stable < before.stable) wrong.push(`${stream}: the last stable offset goes back from ${before.stable} to ${stable}`);
    if (stable > high) wrong.push(`${stream}: the last stable offset ${stable} is beyond the high watermark ${high}`);
    last.set(stream, { stable, high });
  }
  return wrong;
};
