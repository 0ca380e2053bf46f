/** [I2] A partition's log is 0, 1, 2, … without a hole, from where it begins. */
import { startsOf, type Checker } from "../history.ts";

export const offsetsGapless: Checker = (history, finalLogs) => {
  const wrong: string[] = [];
  const starts = startsOf(history);
  for (const [partition, log] of finalLogs) {
    let expected = 0;
    for (const { offset } of log) {
      const start = starts.get(partition) ?? 0;
      // A log that lost its beginning goes on within what is left.
      if (offset !== expected && !(expected < start && offset > expected && offset <= start)) {
        wrong.push(`${partition}: offset ${offset} where ${expected} was due`);
        break;
      }
      expected = offset + 1;
    }
  }
  return wrong;
};
