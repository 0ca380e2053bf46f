/** What both kinds of group are given: the settings, and where they leave what shall happen later or outside. */
import type { Deadlines } from "./deadlines.ts";
import type { GroupConfigs } from "./group-configs.ts";
import type { GroupOptions } from "./options.ts";
import type { Outbox } from "./outbox.ts";

export interface Surroundings {
  readonly options: GroupOptions;
  readonly configs: GroupConfigs;
  readonly deadlines: Deadlines;
  readonly outbox: Outbox;
}
