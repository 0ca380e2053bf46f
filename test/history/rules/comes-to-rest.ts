/** [I7] [I11] When the clients are gone nothing stays undone: every request was answered, every partition is stable up to its end. */
import type { Rule } from "../facts.ts";

export const comesToRest: Rule = ({ history }) => {
  const wrong = history.flatMap((happening) => (happening.kind === "stuck" ? [happening.what] : []));
  const last = new Map<string, { readonly stable: number; readonly high: number }>();
  for (const happening of history) if (happening.kind === "bounds") last.set(happening.partition, happening);
  for (const [partition, { stable, high }] of last)
    if (stable !== high) wrong.push(`${partition} is stable up to ${stable} of ${high} for ever`);
  return wrong;
};
