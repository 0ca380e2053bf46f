/** [I6] No object is deleted to which an extent refers, not even for a moment. */
import type { Checker } from "../history.ts";

export const noReferencedDeleted: Checker = (history) =>
  history.flatMap((event) =>
    event.kind === "deleted" && event.referenced ? [`${event.key} was deleted at ${event.at} and is referred to`] : [],
  );
