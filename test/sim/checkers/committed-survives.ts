/**
 * [I7] A commit that was acknowledged rests; whoever asks for committed offsets finds the last commit that rested before it asked,
 * or one that came to rest since. So an offset is lost by nothing and lowered only by a later commit.
 */
import type { Checker } from "../history.ts";

export const committedSurvives: Checker = (history) => {
  const rested = new Set<string>();
  const current = new Map<number, string>();
  /** For each question under way: what each partition held when it was asked and came to hold since. */
  const asked = new Map<string, Map<number, Set<string>>>();
  const wrong: string[] = [];
  for (const event of history) {
    switch (event.kind) {
      case "offset-committed":
        rested.add(`${event.partition}/${event.commit}`);
        current.set(event.partition, event.commit);
        for (const possible of asked.values()) possible.get(event.partition)?.add(event.commit);
        break;
      case "commit-acknowledged":
        if (!rested.has(`${event.partition}/${event.commit}`))
          wrong.push(`partition ${event.partition}: ${event.commit} was acknowledged at ${event.at} and does not rest`);
        break;
      case "offsets-asked":
        asked.set(event.ask, new Map(Array.from(current, ([partition, commit]) => [partition, new Set([commit])])));
        break;
      case "offsets-fetched":
        for (const { partition, commit } of event.found) {
          const possible = asked.get(event.ask)?.get(partition);
          if (possible !== undefined && !possible.has(commit)) {
            const held = [...possible].join(" or ");
            wrong.push(`partition ${partition}: ${event.reader} found ${commit || "nothing"} at ${event.at}, it held ${held}`);
          }
        }
        asked.delete(event.ask);
    }
  }
  return wrong;
};
