/** [I8] [D11] A merger holds no more of a claim's inputs at one time than its window, whatever the claim is. */
import type { Checker } from "../history.ts";

export const memoryKept: Checker = (history) =>
  history.flatMap((event) =>
    event.kind === "window-read" && event.bytes > event.bytesMax
      ? [`${event.key}: ${event.bytes} bytes were read at once at ${event.at}, ${event.bytesMax} may be`]
      : [],
  );
