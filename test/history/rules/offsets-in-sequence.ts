/** [I2] A reader that sees every batch sees offsets follow one another from 0: none is left out, none comes again. */
import type { Rule } from "../facts.ts";

export const offsetsInSequence: Rule = ({ history }) => {
  const wrong: string[] = [];
  const next = new Map<string, number>();
  for (const happening of history) {
    if (happening.kind !== "read" && happening.kind !== "passed") continue;
    const { reader, partition, offset } = happening;
    const stream = `${reader} of ${partition}`;
    const expected = next.get(stream) ?? 0;
    if (offset !== expected) wrong.push(`${stream}: ${offset} comes where ${expected} is next${offset < expected ? ": back" : ""}`);
    next.set(stream, offset + (happening.kind === "read" ? 1 : happening.count));
  }
  return wrong;
};
