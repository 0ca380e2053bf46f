/**
 * ListGroups, versions 0–5. The controller knows the names, each group its state. Clients put the question to all brokers and add
 * the answers up, so each broker answers for its share. KIP-518 (states), KIP-848 (types).
 */
import { coordinatorNode } from "../../core/cluster/placement.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";
import { listGroups } from "../../protocol/messages/16-list-groups.ts";
import { defineHandler } from "./define-handler.ts";
import { nodesOf } from "./nodes.ts";
import { sideBySide } from "./side-by-side.ts";
import { coordinatorUnreachable } from "./unreachable.ts";

export const listGroupsHandler = defineHandler({
  api: listGroups,
  versions: [0, 5],
  async handle({ statesFilter, typesFilter }, context) {
    const names = (await context.services.controller.groups()).filter((groupId) => isMine(groupId, context));
    const listed = await listAll(names, context);
    const states = new Set(statesFilter.map((state) => state.toLowerCase()));
    const types = new Set(typesFilter.map((type) => type.toLowerCase()));
    return {
      groups: listed.filter(
        ({ groupState, groupType }) =>
          (states.size === 0 || states.has(groupState.toLowerCase())) && (types.size === 0 || types.has(groupType)),
      ),
    };
  },
  unreachable: () => ({ errorCode: coordinatorUnreachable, groups: [] }),
});

/** Of several brokers each lists the groups that FindCoordinator sends to it, as Kafka's do. */
function isMine(groupId: string, context: RequestContext): boolean {
  const nodes = nodesOf(context);
  const { nodeId } = context.services;
  return !nodes.some((node) => node.nodeId === nodeId) || coordinatorNode(nodes, groupId).nodeId === nodeId;
}

async function listAll(names: readonly string[], { services }: RequestContext) {
  const listings = await sideBySide(names, (groupId) => services.group(groupId).list());
  return listings.flatMap((listing, index) => (listing === undefined ? [] : [{ groupId: names[index]!, ...listing }]));
}
