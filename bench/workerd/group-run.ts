/** What bench/groups.ts asks of the worker beside this file; apart from both because they live in different runtimes. */
export type GroupProtocol = "classic" | "consumer";

export type GroupRun =
  /** As many calls as `ms` allow of an object that does nothing, or writes one row; answers how many. */
  | { readonly operation: "nothing" | "row"; readonly ms: number; readonly lanes: number }
  /** New members of a new group, until each has its part of the topic. */
  | { readonly operation: "balance"; readonly group: string; readonly protocol: GroupProtocol; readonly members: number }
  /** The same by the members of a group that was balanced before. */
  | { readonly operation: "heartbeats" | "commits"; readonly group: string; readonly ms: number; readonly lanes: number }
  /** Answers how many rows the group has written since it is in memory. */
  | { readonly operation: "rows"; readonly group: string };
