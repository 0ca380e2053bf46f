/**
 * The list of a cluster's groups, for ListGroups and for requests that name many: names only, since a group alone knows its state. A
 * group enters itself before its first row is written and leaves after its last is gone, so the list may name a group that is not
 * there, never miss one that is.
 */
export interface GroupIndex {
  /** Both may be repeated. */
  registerGroup(groupId: string): Promise<void>;
  unregisterGroup(groupId: string): Promise<void>;
  groups(): Promise<readonly string[]>;
}
