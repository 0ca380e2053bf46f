/** [D4] A partition keeps the order in which a producer sent: of idempotent ones always, of others within a connection. */
import type { Rule } from "../facts.ts";

export const producerOrder: Rule = ({ logs, sent }) => {
  const wrong: string[] = [];
  const last = new Map<string, { readonly index: number; readonly value: string }>();
  for (const { value, partition } of logs.read_uncommitted) {
    const was = sent.get(value);
    if (was === undefined) continue;
    const stream = `${was.stream} to ${partition}`;
    const before = last.get(stream);
    if (before !== undefined && before.index > was.index) wrong.push(`${partition}: ${value} stands behind ${before.value}`);
    last.set(stream, { index: was.index, value });
  }
  return wrong;
};
