/**
 * Where members move one partition after the other (KIP-848, cooperative rebalances) no two members use one at the same time. A
 * member uses what it was told until it has given it up; one that the group has removed no longer counts, though it may not know.
 */
import type { Checker } from "../history.ts";

export const oneOwnerAtATime: Checker = (history) => {
  const owned = new Map<string, Set<number>>();
  let members: ReadonlySet<string> = new Set();
  const wrong: string[] = [];
  for (const event of history) {
    if (event.kind === "membership") members = new Set(event.members);
    if (event.kind === "released") for (const partition of event.partitions) owned.get(event.member)?.delete(partition);
    if (event.kind !== "owns") continue;
    const own = owned.get(event.member) ?? new Set();
    owned.set(event.member, own);
    for (const partition of event.partitions) {
      own.add(partition);
      if (!members.has(event.member)) continue;
      for (const [other, theirs] of owned) {
        if (other !== event.member && members.has(other) && theirs.has(partition))
          wrong.push(`partition ${partition}: ${event.member} began with it at ${event.at}, ${other} has not given it up`);
      }
    }
  }
  return wrong;
};
