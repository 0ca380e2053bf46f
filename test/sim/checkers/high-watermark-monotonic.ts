/** [I2] The high watermark that one observer (a leader's durable state, a reader at one life of a broker) sees never goes back. */
import type { Checker } from "../history.ts";

export const highWatermarkMonotonic: Checker = (history) => {
  const last = new Map<string, number>();
  const wrong: string[] = [];
  for (const event of history) {
    if (event.kind !== "watermark" && event.kind !== "durable") continue;
    const value = event.kind === "durable" ? event.nextOffset : event.highWatermark;
    const key = `${event.kind === "durable" ? "the leader" : event.observer} ${event.partition}`;
    const before = last.get(key);
    if (before !== undefined && value < before)
      wrong.push(`${key}: the high watermark went from ${before} to ${value} at ${event.at}`);
    last.set(key, value);
  }
  return wrong;
};
