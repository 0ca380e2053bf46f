/** [I2] A partition's log is 0, 1, 2, … without a hole. */
import type { Checker } from "../history.ts";

export const offsetsGapless: Checker = (_history, finalLogs) => {
  const wrong: string[] = [];
  for (const [partition, log] of finalLogs) {
    for (const [index, record] of log.entries()) {
      if (record.offset !== index) {
        wrong.push(`${partition}: offset ${record.offset} where ${index} was due`);
        break;
      }
    }
  }
  return wrong;
};
