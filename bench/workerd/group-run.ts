/** What bench/groups.ts asks of the worker beside this file; apart from both because they live in different runtimes. */
export type GroupProtocol = "classic" | "consumer";

export type GroupRun =
  /** Calls of an object that does nothing, or writes one row. */
  | { readonly operation: "nothing" | "row"; readonly count: number; readonly lanes: number }
  /** New members of a new group, until each has its part of the topic. */
  | { readonly operation: "balance"; readonly group: string; readonly protocol: GroupProtocol; readonly members: number }
  /** By the members of a group that was balanced before. */
  | { readonly operation: "heartbeats" | "commits"; readonly group: string; readonly count: number; readonly lanes: number }
  /** Answers how many rows the group has written since it is in memory. */
  | { readonly operation: "rows"; readonly group: string };
