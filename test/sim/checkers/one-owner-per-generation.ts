/** In a generation of a classic group a partition is given to one member only; a static member stays itself under a new id. */
import type { Checker } from "../history.ts";

export const oneOwnerPerGeneration: Checker = (history) => {
  const owners = new Map<string, string>();
  const wrong: string[] = [];
  for (const event of history) {
    // Generations begin anew when an empty group comes back under another protocol.
    if (event.kind === "membership" && event.members.length === 0) owners.clear();
    if (event.kind !== "assigned") continue;
    for (const partition of event.partitions) {
      const key = `partition ${partition} in generation ${event.generation}`;
      const other = owners.get(key);
      if (other === undefined) owners.set(key, event.owner);
      else if (other !== event.owner) wrong.push(`${key}: given to ${other} and at ${event.at} to ${event.owner}`);
    }
  }
  return wrong;
};
