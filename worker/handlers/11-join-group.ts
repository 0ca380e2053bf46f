/**
 * JoinGroup, versions 0–9. The answer comes when the rebalance has gathered everyone. KIP-345 (static members), KIP-394 (member id
 * required from version 4), KIP-559 (protocol type and name), KIP-800 (reasons, which nobody acts on), KIP-814 (skipped assignment).
 */
import { joinError } from "../../core/group/classic/answers.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { joinGroup } from "../../protocol/messages/11-join-group.ts";
import { defineHandler } from "./define-handler.ts";
import { factsOf } from "./group-requests.ts";

export const joinGroupHandler = defineHandler({
  api: joinGroup,
  versions: [0, 9],
  async handle(request, context) {
    const { groupId, reason: _, ...join } = request;
    const answer =
      groupId === ""
        ? joinError(errorCodes.INVALID_GROUP_ID, join.memberId)
        : await context.services.group(groupId).joinGroup(join, factsOf(context));
    return { ...answer, protocolName: answer.protocolName ?? (context.apiVersion < 7 ? "" : null) };
  },
});
