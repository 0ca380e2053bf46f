/** LeaveGroup, versions 0–5: one member, from version 3 several. KIP-345 (by instance id), KIP-800 (reasons, which nobody acts on). */
import { errorCodes } from "../../protocol/errors.ts";
import { leaveGroup } from "../../protocol/messages/13-leave-group.ts";
import { defineHandler } from "./define-handler.ts";

export const leaveGroupHandler = defineHandler({
  api: leaveGroup,
  versions: [0, 5],
  async handle({ groupId, memberId, members }, { apiVersion, services }) {
    if (groupId === "") return { errorCode: errorCodes.INVALID_GROUP_ID };
    const lone = apiVersion < 3;
    const leaving = lone
      ? [{ memberId, groupInstanceId: null }]
      : members.map((member) => ({ memberId: member.memberId, groupInstanceId: member.groupInstanceId }));
    const answer = await services.group(groupId).leaveGroup({ members: leaving });
    if (!lone) return answer;
    return { errorCode: answer.errorCode === errorCodes.NONE ? answer.members[0]?.errorCode : answer.errorCode };
  },
});
