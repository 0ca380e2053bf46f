/**
 * [D11] When all is calm and the interval has passed, no write-ahead object is referred to, and what nobody reads in merged objects is
 * no more than what somebody does: merging catches up, and then it rests.
 */
import type { Checker } from "../history.ts";

export const mergesEnd: Checker = (history) =>
  history.flatMap((event) => {
    if (event.kind !== "unmerged") return [];
    const { cell, bytes, hollowBytes } = event;
    return [
      ...(bytes > 0 ? [`cell ${cell} still has ${bytes} bytes in write-ahead objects, or a merge due`] : []),
      ...(hollowBytes > 0 ? [`cell ${cell} still has ${hollowBytes} bytes that nobody reads in merged objects`] : []),
    ];
  });
