/** DescribeGroups, versions 0–6. Classic groups only. Before version 6 a group that is not there is Dead, and no error. KIP-1043. */
import type { AskableGroup } from "../../core/group/absent-group.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { describeGroups } from "../../protocol/messages/15-describe-groups.ts";
import { defineHandler } from "./define-handler.ts";
import { groupOperations } from "./group-requests.ts";
import { namedGroups } from "./many-names.ts";
import { sideBySide } from "./side-by-side.ts";
import { coordinatorUnreachable } from "./unreachable.ts";

export const describeGroupsHandler = defineHandler({
  api: describeGroups,
  versions: [0, 6],
  async handle(request, context) {
    const authorizedOperations = request.includeAuthorizedOperations ? groupOperations : undefined;
    const find = await namedGroups(request.groups, context.services);
    const groups = await sideBySide(request.groups, (groupId) => describe(groupId, find(groupId), context));
    return { groups: groups.map((group) => ({ ...group, authorizedOperations })) };
  },
  unreachable: ({ groups }) => ({ groups: groups.map((groupId) => ({ groupId, errorCode: coordinatorUnreachable })) }),
});

async function describe(groupId: string, group: AskableGroup, { apiVersion }: RequestContext) {
  const answer = await group.describe();
  const missing = answer.errorCode === errorCodes.GROUP_ID_NOT_FOUND;
  return {
    ...answer,
    groupId,
    errorCode: missing && apiVersion < 6 ? errorCodes.NONE : answer.errorCode,
    errorMessage: missing ? `Group ${groupId} ${answer.errorMessage}` : answer.errorMessage,
  };
}
