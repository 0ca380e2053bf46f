/**
 * [I11] In the end a transaction is seen as a whole or not at all over all its partitions: as a whole where its producer was told so, not
 * at all where it was aborted, either where the answer was lost. (Of the offsets in it see processed-once.)
 */
import { type Rule, outcomeOf } from "../facts.ts";

export const transactionsWhole: Rule = ({ transactions, logs, acknowledged }) => {
  const shown = new Set(logs.read_committed.map(({ value }) => value));
  const taken = new Set(acknowledged.map(({ value }) => value));
  return Array.from(transactions).flatMap(([name, transaction]) => {
    const values = transaction.values.filter((value) => taken.has(value));
    const seen = values.filter((value) => shown.has(value)).length;
    const outcome = outcomeOf(transaction);
    const isRight = outcome === undefined ? seen === 0 || seen === values.length : seen === (outcome ? values.length : 0);
    const how = outcome === undefined ? "of which nobody was told" : outcome ? "committed" : "aborted";
    return isRight ? [] : [`${name}, ${how}: ${seen} of ${values.length} records are seen`];
  });
};
