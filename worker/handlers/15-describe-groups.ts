/** DescribeGroups, versions 0–6. Classic groups only. Before version 6 a group that is not there is Dead, and no error. KIP-1043. */
import type { RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { describeGroups } from "../../protocol/messages/15-describe-groups.ts";
import { defineHandler } from "./define-handler.ts";
import { groupOperations } from "./group-requests.ts";
import { sideBySide } from "./side-by-side.ts";

export const describeGroupsHandler = defineHandler({
  api: describeGroups,
  versions: [0, 6],
  async handle(request, context) {
    const authorizedOperations = request.includeAuthorizedOperations ? groupOperations : undefined;
    const groups = await sideBySide(request.groups, (groupId) => describe(groupId, context));
    return { groups: groups.map((group) => ({ ...group, authorizedOperations })) };
  },
});

async function describe(groupId: string, { apiVersion, services }: RequestContext) {
  const answer = await services.group(groupId).describe();
  const missing = answer.errorCode === errorCodes.GROUP_ID_NOT_FOUND;
  return {
    ...answer,
    groupId,
    errorCode: missing && apiVersion < 6 ? errorCodes.NONE : answer.errorCode,
    errorMessage: missing ? `Group ${groupId} ${answer.errorMessage}` : answer.errorMessage,
  };
}
