/**
 * A heartbeat writes no row, unless the group looks different after it (KIP-848: the member took a step); a commit writes one. The
 * one exception costs a row a minute at most: after an alarm that wrote down that nobody speaks, the first who speaks takes it back.
 */
import type { Checker } from "../history.ts";

const signsOfLife: ReadonlySet<string> = new Set(["join-group", "sync-group", "heartbeat", "consumer-heartbeat", "offset-commit"]);

export const heartbeatsWriteNothing: Checker = (history) => {
  const wrong: string[] = [];
  let silenceIsWritten = false;
  for (const event of history) {
    if (event.kind !== "handled") continue;
    if (event.what === "alarm") {
      if (event.rows > 0) silenceIsWritten = true;
      continue;
    }
    if (!signsOfLife.has(event.what)) continue;
    const extra = silenceIsWritten ? 1 : 0;
    silenceIsWritten = false;
    if (event.what === "join-group" || event.what === "sync-group") continue;
    const allowed = event.what === "offset-commit" || (event.what === "consumer-heartbeat" && event.changed) ? 1 : 0;
    if (event.rows > allowed + extra)
      wrong.push(`${event.what} at ${event.at} wrote ${event.rows} rows where ${allowed + extra} were due`);
  }
  return wrong;
};
