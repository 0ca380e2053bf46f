/**
 * [I12] Whoever goes through a compacted log sees of every key the newest record that was there when it began, or a newer one, in the order
 * of offsets, and at an offset always the same. A deletion may be missing; then nothing older of its key is seen. What was aborted is
 * no newer record, whoever may see it.
 */
import { decisionsOf, type Checker, type SweptRecord } from "../history.ts";

export const newestSurvives: Checker = (history) => {
  const wrong: string[] = [];
  /** By partition and offset, as anybody has ever seen it. */
  const known = new Map<string, Map<number, SweptRecord>>();
  for (const event of history) {
    if (event.kind !== "swept") continue;
    let log = known.get(event.partition);
    if (log === undefined) known.set(event.partition, (log = new Map()));
    let last = -1;
    for (const record of event.records) {
      const { offset, key, text } = record;
      const what = `${event.partition}@${offset}: ${event.reader} at ${event.at}`;
      if (offset <= last) wrong.push(`${what} came behind ${last}`);
      last = offset;
      const before = log.get(offset);
      if (before !== undefined && (before.key !== key || before.text !== text))
        wrong.push(`${what} is ${text}, was ${before.text}`);
      log.set(offset, record);
    }
  }
  const decisions = decisionsOf(history);
  const decisionOf = new Map<string, string | undefined>();
  for (const event of history) {
    if (event.kind === "taken") for (const value of event.values) decisionOf.set(value, decisions.get(event.transaction));
  }
  // What nobody has acknowledged is of no transaction that was committed.
  const stateOf = ({ text, isTransactional }: SweptRecord): string =>
    isTransactional ? (decisionOf.get(text) ?? "aborted") : "committed";
  for (const event of history) {
    if (event.kind !== "swept") continue;
    const log = known.get(event.partition)!;
    const newest = new Map<string, number>();
    for (const [offset, record] of log) {
      if (stateOf(record) !== "aborted") newest.set(record.key, Math.max(offset, newest.get(record.key) ?? -1));
    }
    for (const [key, offset] of newest) {
      // One that came while the reader was on its way, behind where it stopped, may have overwritten what it would have seen.
      if (offset >= event.highWatermark || stateOf(log.get(offset)!) === "in doubt") continue;
      const seen = event.records.filter((record) => record.key === key);
      if (seen.some((record) => record.offset >= offset)) continue;
      const isDeletion = log.get(offset)!.text === "";
      if (isDeletion && seen.length === 0) continue;
      wrong.push(`${event.partition}: ${event.reader}, from ${event.beganAt} to ${event.at}, did not see ${key} at ${offset}`);
    }
  }
  return wrong;
};
