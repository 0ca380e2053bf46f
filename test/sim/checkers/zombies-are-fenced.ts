/** No commit is accepted from an earlier generation or member epoch than one that was told, nor from who is no member any more. */
import type { Checker } from "../history.ts";

export const zombiesAreFenced: Checker = (history) => {
  const told = new Map<string | undefined, number>();
  let members: ReadonlySet<string> = new Set();
  const wrong: string[] = [];
  for (const event of history) {
    if (event.kind === "membership") members = new Set(event.members);
    // Who comes to an empty group may find it under another protocol, whose epochs begin anew; nobody is left of those before.
    if (members.size === 0) told.clear();
    if (event.kind === "epoch-told") told.set(event.member, Math.max(event.epoch, told.get(event.member) ?? event.epoch));
    if (event.kind !== "offset-committed") continue;
    const { member, epoch, at, commit } = event;
    const latest = Math.max(told.get(undefined) ?? -1, told.get(member) ?? -1);
    if (epoch < latest) wrong.push(`${commit} of ${member} was accepted at ${at} with epoch ${epoch}, after ${latest} was told`);
    if (!members.has(member)) wrong.push(`${commit} was accepted at ${at} from ${member}, who is no member`);
  }
  return wrong;
};
