/**
 * [I12] Whoever goes through a compacted log sees of every key the newest record that was there when it began, or a newer one, in the order
 * of offsets, and at an offset always the same. A deletion may be missing; then nothing older of its key is seen.
 */
import type { Checker } from "../history.ts";

export const newestSurvives: Checker = (history) => {
  const wrong: string[] = [];
  /** By partition and offset, as anybody has ever seen it. */
  const known = new Map<string, Map<number, { readonly key: string; readonly text: string }>>();
  for (const event of history) {
    if (event.kind !== "swept") continue;
    let log = known.get(event.partition);
    if (log === undefined) known.set(event.partition, (log = new Map()));
    let last = -1;
    for (const { offset, key, text } of event.records) {
      const what = `${event.partition}@${offset}: ${event.reader} at ${event.at}`;
      if (offset <= last) wrong.push(`${what} came behind ${last}`);
      last = offset;
      const before = log.get(offset);
      if (before !== undefined && (before.key !== key || before.text !== text))
        wrong.push(`${what} is ${text}, was ${before.text}`);
      log.set(offset, { key, text });
    }
  }
  for (const event of history) {
    if (event.kind !== "swept") continue;
    const log = known.get(event.partition)!;
    const newest = new Map<string, number>();
    for (const [offset, { key }] of log) newest.set(key, Math.max(offset, newest.get(key) ?? -1));
    for (const [key, offset] of newest) {
      // One that came while the reader was on its way, behind where it stopped, may have overwritten what it would have seen.
      if (offset >= event.highWatermark) continue;
      const seen = event.records.filter((record) => record.key === key);
      if (seen.some((record) => record.offset >= offset)) continue;
      const isDeletion = log.get(offset)!.text === "";
      if (isDeletion && seen.length === 0) continue;
      wrong.push(`${event.partition}: ${event.reader}, from ${event.beganAt} to ${event.at}, did not see ${key} at ${offset}`);
    }
  }
  return wrong;
};
