/** [I5] [I9] Whatever anybody reads was sent, to that partition, and before it was read. */
import type { Rule } from "../facts.ts";

export const nothingInvented: Rule = ({ observations, sent }) =>
  observations.flatMap(({ value, partition, offset, reader, index }) => {
    const was = sent.get(value);
    if (was !== undefined && was.partition === partition && was.index < index) return [];
    const what = was === undefined ? "was never sent" : was.index < index ? `was sent to ${was.partition}` : "was sent later";
    return [`${reader} reads ${value} at ${partition}@${offset}, which ${what}`];
  });
