/** [I5] Every batch that was ever shown is shown with the same bytes, whoever reads it, whenever, and wherever it lies by then. */
import type { Checker } from "../history.ts";

export const viewNeverChanges: Checker = (history) => {
  const seen = new Map<string, { readonly digest: number; readonly reader: string; readonly at: number }>();
  const wrong: string[] = [];
  for (const event of history) {
    if (event.kind !== "batch-read") continue;
    const place = `${event.partition}@${event.baseOffset}`;
    const known = seen.get(place);
    if (known === undefined) seen.set(place, event);
    else if (known.digest !== event.digest)
      wrong.push(`${place}: ${event.reader} read other bytes at ${event.at} than ${known.reader} at ${known.at}`);
  }
  return wrong;
};
