/**
 * A transaction is seen as a whole or not at all, over all its partitions: as a whole when its producer heard that it was committed, not at
 * all when it heard otherwise or never asked for a commit. Nothing in it is seen twice. Of a compacted log a record may be missing when a
 * later one of its key, which is not that of an aborted transaction, has been seen.
 */
import { decisionsOf, type Checker, type Happening } from "../history.ts";

type Taken = Extract<Happening, { readonly kind: "taken" }>;

export const transactionsAllOrNothing: Checker = (history) => {
  const taken = new Map<string, Taken[]>();
  const seen = new Map<string, string>();
  const newest = new Map<string, number>();
  const wrong: string[] = [];
  const note = (partition: string, key: string | null, offset: number): void => {
    const place = `${partition}/${key}`;
    if (key !== null) newest.set(place, Math.max(offset, newest.get(place) ?? -1));
  };
  for (const event of history) {
    if (event.kind === "taken") taken.set(event.transaction, [...(taken.get(event.transaction) ?? []), event]);
    else if (event.kind === "swept") {
      for (const { key, offset, isTransactional } of event.records) if (!isTransactional) note(event.partition, key, offset);
    } else if (event.kind === "read-committed") {
      note(event.partition, event.key, event.offset);
      if (event.reader !== "last") continue;
      const place = `${event.partition}@${event.offset}`;
      const before = seen.get(event.value);
      if (before !== undefined) wrong.push(`${event.value} stands at ${before} and at ${place}`);
      seen.set(event.value, place);
    }
  }
  const ofTransactions = new Set([...taken.values()].flat().flatMap(({ values }) => values));
  for (const [value, place] of seen) if (!ofTransactions.has(value)) wrong.push(`${value} at ${place} was never acknowledged`);
  const isOverwritten = ({ partition, keys, baseOffset }: Taken, index: number): boolean =>
    (newest.get(`${partition}/${keys[index]}`) ?? -1) > baseOffset + index;
  for (const [transaction, decision] of decisionsOf(history)) {
    const batches = taken.get(transaction) ?? [];
    const values = batches.flatMap((batch) => batch.values.map((value, index) => ({ value, over: isOverwritten(batch, index) })));
    const there = values.filter(({ value }) => seen.has(value)).length;
    const accounted = values.filter(({ value, over }) => seen.has(value) || over).length;
    const isWhole = accounted === values.length;
    const isRight = decision === "committed" ? isWhole : there === 0 || (decision === "in doubt" && isWhole);
    if (!isRight) wrong.push(`${transaction}, ${decision}: ${there} of ${values.length} records are seen`);
  }
  return wrong;
};
