/**
 * [I1] [I7] What was acknowledged is in the log in the end, at the offset that was told, whatever was killed; and what was not part of a
 * transaction is seen by read_committed too. (Of transactions see transactions-whole.)
 */
import type { Rule } from "../facts.ts";

export const acknowledgedSurvives: Rule = ({ acknowledged, sent, logs }) => {
  const wrong: string[] = [];
  const stored = new Map(logs.read_uncommitted.map(({ value, partition, offset }) => [value, `${partition}@${offset}`]));
  const shown = new Set(logs.read_committed.map(({ value }) => value));
  for (const { value, offset } of acknowledged) {
    const { partition, transaction } = sent.get(value)!;
    const place = `${partition}@${offset}`;
    const found = stored.get(value);
    if (found !== place) wrong.push(`${value}, acknowledged at ${place}, ${found === undefined ? "is lost" : `is at ${found}`}`);
    else if (transaction === undefined && !shown.has(value)) wrong.push(`${value} at ${place} is not shown to read_committed`);
  }
  return wrong;
};
