/** [I1, I7] What was acknowledged is in the log when all has come to rest, at the offset the producer was told. */
import { startsOf, type Checker } from "../history.ts";

export const ackedSurvives: Checker = (history, finalLogs) => {
  const wrong: string[] = [];
  const starts = startsOf(history);
  for (const event of history) {
    if (event.kind !== "acknowledged") continue;
    const log = finalLogs.get(event.batch.partition) ?? [];
    for (const [index, value] of event.batch.values.entries()) {
      const offset = event.baseOffset + index;
      if (offset < (starts.get(event.batch.partition) ?? 0)) continue;
      const found = log[offset]?.offset === offset ? log[offset] : log.find((record) => record.offset === offset);
      if (found?.value !== value) {
        wrong.push(`${event.batch.partition}@${offset}: ${value} was acknowledged there, the log has ${found?.value ?? "nothing"}`);
      }
    }
  }
  return wrong;
};
