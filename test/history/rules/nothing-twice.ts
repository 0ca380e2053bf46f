/** [I3] Nothing is in the log twice: no client here sends a value anew that is not recognised by its sequence. */
import type { Rule } from "../facts.ts";

export const nothingTwice: Rule = ({ logs }) => {
  const wrong: string[] = [];
  const places = new Map<string, string>();
  for (const { value, partition, offset } of logs.read_uncommitted) {
    const place = `${partition}@${offset}`;
    const before = places.get(value);
    if (before !== undefined) wrong.push(`${value} is at ${before} and at ${place}`);
    places.set(value, place);
  }
  return wrong;
};
