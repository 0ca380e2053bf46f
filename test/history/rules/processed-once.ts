/**
 * [I11] Offsets of a group and the records of the same transaction are all or nothing: of every record before the place where the group
 * stands in the end exactly one result is seen, of those behind it none; and a commit that was told has moved the group.
 */
import { type Rule, outcomeOf } from "../facts.ts";
import { resultOf, withoutTransaction } from "../happening.ts";

export const processedOnce: Rule = ({ history, logs, transactions }) => {
  const wrong: string[] = [];
  const results = new Map<string, number>();
  for (const { value } of logs.read_committed) {
    const result = withoutTransaction(value);
    results.set(result, (results.get(result) ?? 0) + 1);
  }
  const stands = new Map<string, number>();
  for (const happening of history) {
    if (happening.kind !== "group-stands") continue;
    const { group, partition, offset } = happening;
    stands.set(`${group} in ${partition}`, offset);
    for (const source of logs.read_committed) {
      if (source.partition !== partition) continue;
      const wanted = source.offset < offset ? 1 : 0;
      const found = results.get(withoutTransaction(resultOf(group, source.value, ""))) ?? 0;
      const place = `${partition}@${source.offset}`;
      if (found !== wanted) wrong.push(`${group} stands at ${offset}: ${found} results of ${source.value} (${place}) are seen`);
    }
  }
  for (const happening of history) {
    if (happening.kind !== "moved") continue;
    const { transaction, group, partition, offset } = happening;
    const last = stands.get(`${group} in ${partition}`) ?? 0;
    if (outcomeOf(transactions.get(transaction) ?? { values: [], asked: undefined, told: undefined }) === true && last < offset)
      wrong.push(`${transaction}, committed, moved ${group} to ${partition}@${offset}, and it stands at ${last}`);
  }
  return wrong;
};
