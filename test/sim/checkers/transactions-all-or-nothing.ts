/**
 * A transaction is seen as a whole or not at all, over all its partitions: as a whole when its producer heard that it was committed, not at
 * all when it heard otherwise or never asked for a commit. Nothing in it is seen twice.
 */
import type { Checker } from "../history.ts";

export const transactionsAllOrNothing: Checker = (history) => {
  const taken = new Map<string, string[]>();
  const asked = new Map<string, boolean>();
  const told = new Map<string, boolean>();
  const seen = new Map<string, string>();
  const wrong: string[] = [];
  for (const event of history) {
    if (event.kind === "taken") taken.set(event.transaction, [...(taken.get(event.transaction) ?? []), ...event.values]);
    else if (event.kind === "ending") asked.set(event.transaction, event.commit);
    else if (event.kind === "ended") told.set(event.transaction, event.commit);
    else if (event.kind === "read-committed" && event.reader === "last") {
      const place = `${event.partition}@${event.offset}`;
      const before = seen.get(event.value);
      if (before !== undefined) wrong.push(`${event.value} stands at ${before} and at ${place}`);
      seen.set(event.value, place);
    }
  }
  const ofTransactions = new Set([...taken.values()].flat());
  for (const [value, place] of seen) if (!ofTransactions.has(value)) wrong.push(`${value} at ${place} was never acknowledged`);
  for (const [transaction, values] of taken) {
    const there = values.filter((value) => seen.has(value)).length;
    const commits = told.get(transaction) ?? (asked.get(transaction) === true ? undefined : false);
    const right = commits === undefined ? there === 0 || there === values.length : there === (commits ? values.length : 0);
    const outcome = commits === undefined ? "in doubt" : commits ? "committed" : "aborted";
    if (!right) wrong.push(`${transaction}, ${outcome}: ${there} of ${values.length} records are seen`);
  }
  return wrong;
};
