/** [I4] No read_committed reader is given a record of a transaction before its producer has asked for the commit. */
import type { Rule } from "../facts.ts";

export const undecidedInvisible: Rule = ({ observations, sent, transactions }) =>
  observations.flatMap(({ isolation, value, partition, offset, reader, index }) => {
    const name = sent.get(value)?.transaction;
    if (isolation !== "read_committed" || name === undefined) return [];
    const { asked } = transactions.get(name)!;
    if (asked?.commit !== true || asked.index < index) return [];
    return [`${reader} is given ${value} at ${partition}@${offset} before ${name} is asked to commit`];
  });
