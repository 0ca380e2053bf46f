/** However often its coordinator asks, a transaction has one marker in a partition, and they come in the order of transactions. */
import type { Checker } from "../history.ts";

export const markedOnce: Checker = (history) => {
  const last = new Map<string, number>();
  const wrong: string[] = [];
  for (const event of history) {
    if (event.kind !== "marker") continue;
    const key = `producer ${event.producerId} in ${event.partition}`;
    const before = last.get(key) ?? 0;
    if (event.generation <= before) wrong.push(`${key}: a marker for ${event.generation} at ${event.at}, after one for ${before}`);
    last.set(key, event.generation);
  }
  return wrong;
};
