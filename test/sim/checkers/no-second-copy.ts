/** [I3] An idempotent producer's record is in the log once, and every acknowledgement of it names the same offset. */
import type { Checker } from "../history.ts";

export const noSecondCopy: Checker = (history, finalLogs) => {
  const wrong: string[] = [];
  const idempotent = new Set<string>();
  const acknowledged = new Map<string, number>();
  for (const event of history) {
    if (event.kind === "sent" && event.batch.idempotent) for (const value of event.batch.values) idempotent.add(value);
    if (event.kind !== "acknowledged" || !event.batch.idempotent) continue;
    const first = event.batch.values[0]!;
    const before = acknowledged.get(first);
    if (before !== undefined && before !== event.baseOffset)
      wrong.push(`${first}: acknowledged at ${before} and at ${event.baseOffset}`);
    acknowledged.set(first, event.baseOffset);
  }
  for (const [partition, log] of finalLogs) {
    const at = new Map<string, number>();
    for (const { offset, value } of log) {
      const before = at.get(value);
      if (before !== undefined && idempotent.has(value)) wrong.push(`${partition}: ${value} stands at ${before} and at ${offset}`);
      at.set(value, offset);
    }
  }
  return wrong;
};
