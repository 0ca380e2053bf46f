/** [I4] [I11] No read_committed reader, at no time, is given a record of a transaction that was aborted, or that nobody asked to commit. */
import { type Rule, outcomeOf } from "../facts.ts";

export const abortedInvisible: Rule = ({ observations, sent, transactions }) =>
  observations.flatMap(({ isolation, value, partition, offset, reader }) => {
    const name = sent.get(value)?.transaction;
    if (isolation !== "read_committed" || name === undefined) return [];
    if (outcomeOf(transactions.get(name)!) !== false) return [];
    return [`${reader} is given ${value} at ${partition}@${offset}, of the aborted ${name}`];
  });
