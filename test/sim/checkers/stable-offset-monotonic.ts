/** [I4] The last stable offset that one observer sees never goes back, and lies within the log. */
import type { Checker } from "../history.ts";

export const stableOffsetMonotonic: Checker = (history) => {
  const last = new Map<string, number>();
  const wrong: string[] = [];
  for (const event of history) {
    if (event.kind !== "stable" && event.kind !== "durable") continue;
    const value = event.kind === "durable" ? event.lastStableOffset : event.offset;
    const key = `${event.kind === "durable" ? "the leader" : event.observer} ${event.partition}`;
    const before = last.get(key);
    if (before !== undefined && value < before)
      wrong.push(`${key}: the last stable offset went from ${before} to ${value} at ${event.at}`);
    if (event.kind === "durable" && value > event.nextOffset)
      wrong.push(`${key}: ${value} is stable, the log ends at ${event.nextOffset}`);
    last.set(key, value);
  }
  return wrong;
};
