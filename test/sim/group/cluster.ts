/** What the parts of a simulated group share: the run's world and record, the way to the group, and the topic it reads. */
import type { Happening } from "../history.ts";
import type { World } from "../world.ts";
import type { Gateway } from "./gateway.ts";
import type { Storm } from "./process.ts";

/** The one topic; partitions are added while the run goes on. */
export interface SimulatedTopic {
  readonly topicId: string;
  readonly name: string;
  partitions: number;
}

export interface GroupCluster {
  readonly world: World;
  readonly gateway: Gateway;
  readonly topic: SimulatedTopic;
  readonly storm: Storm;
  readonly record: (event: Happening) => void;
}
