/** [D4] A partition keeps a producer's records in the order sent: always for idempotent ones, for others within a connection. */
import type { Checker, SentBatch } from "../history.ts";

export const producerOrder: Checker = (history, finalLogs) => {
  const wrong: string[] = [];
  const order = new Map<string, { readonly stream: string; readonly number: number }>();
  let number = 0;
  const streamOf = (batch: SentBatch): string => (batch.idempotent ? batch.producer : `${batch.producer} over ${batch.connection}`);
  for (const event of history) {
    if (event.kind !== "sent") continue;
    for (const value of event.batch.values)
      if (!order.has(value)) order.set(value, { stream: streamOf(event.batch), number: number++ });
  }
  for (const [partition, log] of finalLogs) {
    const last = new Map<string, { readonly number: number; readonly value: string }>();
    for (const { value } of log) {
      const sent = order.get(value);
      if (sent === undefined) {
        wrong.push(`${partition}: ${value} was never sent`);
        continue;
      }
      const before = last.get(sent.stream);
      if (before !== undefined && before.number > sent.number) wrong.push(`${partition}: ${value} stands after ${before.value}`);
      last.set(sent.stream, { number: sent.number, value });
    }
  }
  return wrong;
};
