/** [I6] Every object that an extent refers to is there, as far as the extent reaches. */
import type { Checker } from "../history.ts";

export const referencedExists: Checker = (history) =>
  history.flatMap((event) =>
    event.kind === "referenced" && (event.stored ?? -1) < event.end
      ? [`${event.key} is referred to up to ${event.end}, the store has ${event.stored ?? "nothing"}`]
      : [],
  );
