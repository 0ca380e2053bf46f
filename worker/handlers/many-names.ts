/**
 * Requests that name many groups or transactional ids [I9]. Asking an object that does not exist makes it, with a file of its own, so of
 * many names only those on the controller's list are asked; a name enters that list before its first row is written, so none that
 * has been acknowledged is missed. Few names, which is what clients send, are asked at once: that saves the way to the controller.
 */
import { absentGroup, type AskableGroup } from "../../core/group/absent-group.ts";
import { groupOptions } from "../../core/group/options.ts";
import type { BrokerServices } from "../../durable-objects/handler.ts";

const fewNames = 8;

/** Whether a name is worth asking for. */
export async function mayExist(
  names: readonly string[],
  list: () => Promise<readonly string[]>,
): Promise<(name: string) => boolean> {
  if (names.length <= fewNames) return () => true;
  const listed = new Set(await list());
  return (name) => listed.has(name);
}

/** The groups that a request names, each to be asked alike, whether there is such a group or not. */
export async function namedGroups(names: readonly string[], services: BrokerServices): Promise<(groupId: string) => AskableGroup> {
  const exists = await mayExist(names, () => services.controller.groups());
  return (groupId) => (exists(groupId) ? services.group(groupId) : absentGroup(groupOptions(services.settings, groupId)));
}
