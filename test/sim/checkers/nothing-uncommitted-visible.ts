/** [I4] Nobody reads a record before its coordinates are durable at the leader. */
import type { Checker } from "../history.ts";

export const nothingUncommittedVisible: Checker = (history) => {
  const durable = new Map<string, number>();
  const wrong: string[] = [];
  for (const event of history) {
    if (event.kind === "durable") durable.set(event.partition, Math.max(durable.get(event.partition) ?? 0, event.nextOffset));
    if (event.kind === "read" && event.offset >= (durable.get(event.partition) ?? 0)) {
      wrong.push(`${event.partition}@${event.offset}: ${event.reader} read ${event.value} at ${event.at}, before it was durable`);
    }
  }
  return wrong;
};
