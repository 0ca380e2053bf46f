/** [I3, I5] An offset has one record: every reader, at any time, sees the same value there. */
import type { Checker } from "../history.ts";

export const noOffsetShared: Checker = (history, finalLogs) => {
  const seen = new Map<string, string>();
  const wrong: string[] = [];
  const look = (partition: string, offset: number, value: string, who: string): void => {
    const place = `${partition}@${offset}`;
    const before = seen.get(place);
    if (before === undefined) seen.set(place, value);
    else if (before !== value) wrong.push(`${place}: ${who} sees ${value}, somebody saw ${before}`);
  };
  for (const event of history) if (event.kind === "read") look(event.partition, event.offset, event.value, event.reader);
  for (const [partition, log] of finalLogs)
    for (const record of log) look(partition, record.offset, record.value, "the final reader");
  return wrong;
};
