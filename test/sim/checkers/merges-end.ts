/** [D11] When all is calm and the interval has passed, no write-ahead object is referred to: merging catches up, and then it rests. */
import type { Checker } from "../history.ts";

export const mergesEnd: Checker = (history) =>
  history.flatMap((event) =>
    event.kind === "unmerged" ? [`cell ${event.cell} still has ${event.bytes} bytes in write-ahead objects, or a merge due`] : [],
  );
