/** [I2] [I4] To a reader's eyes neither the high watermark nor the last stable offset goes back, and the second is never beyond the first. */
import type { Rule } from "../facts.ts";

export const boundsNeverGoBack: Rule = ({ history }) => {
  const wrong: string[] = [];
  const last = new Map<string, { readonly stable: number; readonly high: number }>();
  for (const happening of history) {
    if (happening.kind !== "bounds") continue;
    const { reader, partition, stable, high } = happening;
    const stream = `${reader} of ${partition}`;
    const before = last.get(stream) ?? { stable: 0, high: 0 };
    if (high < before.high) wrong.push(`${stream}: the high watermark goes back from ${before.high} to ${high}`);
    if (stable < before.stable) wrong.push(`${stream}: the last stable offset goes back from ${before.stable} to ${stable}`);
    if (stable > high) wrong.push(`${stream}: the last stable offset ${stable} is beyond the high watermark ${high}`);
    last.set(stream, { stable, high });
  }
  return wrong;
};
