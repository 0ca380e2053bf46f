/** [I8] [D11] A merger holds no more of a claim's inputs at one time than its window, and of a batch that lies across windows no more than it may. */
import type { Checker } from "../history.ts";

export const memoryKept: Checker = (history) =>
  history.flatMap((event) =>
    event.kind === "merger-holds" && event.bytes > event.bytesMax
      ? [`${event.key}: ${event.bytes} bytes were held at once at ${event.at}, ${event.bytesMax} may be`]
      : [],
  );
