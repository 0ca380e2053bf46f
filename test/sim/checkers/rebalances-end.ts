/** Long after the last fault every living member is in the same stable generation, and every partition has one owner. */
import type { Checker } from "../history.ts";

export const rebalancesEnd: Checker = (history) => {
  const wrong: string[] = [];
  for (const event of history) {
    if (event.kind !== "calmed") continue;
    const epochs = new Set(event.members.map(({ epoch }) => epoch));
    if (event.state !== "Stable") wrong.push(`the group is ${event.state}`);
    if (epochs.size !== 1) wrong.push(`members are at ${event.members.map(({ name, epoch }) => `${name}: ${epoch}`).join(", ")}`);
    for (let partition = 0; partition < event.partitions; partition++) {
      const owners = event.members.filter(({ owned }) => owned.includes(partition)).map(({ name }) => name);
      if (owners.length !== 1) wrong.push(`partition ${partition} is owned by ${owners.join(" and ") || "nobody"}`);
    }
  }
  return wrong;
};
