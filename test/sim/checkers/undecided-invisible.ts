/** [I4] No read_committed reader is shown a record before its producer asked for the commit, nor one whose transaction was aborted. */
import type { Checker } from "../history.ts";

export const undecidedInvisible: Checker = (history) => {
  const transactionOf = new Map<string, string>();
  for (const event of history)
    if (event.kind === "taken") for (const value of event.values) transactionOf.set(value, event.transaction);
  const committing = new Set<string>();
  const aborted = new Set<string>();
  for (const event of history) if (event.kind === "ended" && !event.commit) aborted.add(event.transaction);
  const wrong: string[] = [];
  for (const event of history) {
    if (event.kind === "ending" && event.commit) committing.add(event.transaction);
    if (event.kind !== "read-committed") continue;
    const transaction = transactionOf.get(event.value);
    const what = `${event.partition}@${event.offset}: ${event.reader} was shown ${event.value} at ${event.at}`;
    if (transaction === undefined || !committing.has(transaction))
      wrong.push(`${what}, of a transaction that nobody had committed`);
    else if (aborted.has(transaction)) wrong.push(`${what}, of ${transaction}, which was aborted`);
  }
  return wrong;
};
