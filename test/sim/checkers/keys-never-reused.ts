/** [I5] A key is put again with the bytes that it had, or not at all: readers and their caches trust that. */
import type { Checker } from "../history.ts";

export const keysNeverReused: Checker = (history) =>
  history.flatMap((event) =>
    event.kind === "put-again" && !event.same ? [`${event.key} was written again with other bytes`] : [],
  );
