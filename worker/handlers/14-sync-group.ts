/**
 * SyncGroup, versions 0–5. Followers are answered when their leader has sent the assignment. KIP-345 (instance ids), KIP-559 (protocol
 * type and name, which must be said from version 5).
 */
import { syncError } from "../../core/group/classic/answers.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { syncGroup } from "../../protocol/messages/14-sync-group.ts";
import { defineHandler } from "./define-handler.ts";

export const syncGroupHandler = defineHandler({
  api: syncGroup,
  versions: [0, 5],
  async handle({ groupId, ...request }, { apiVersion, services }) {
    if (apiVersion >= 5 && (request.protocolType === null || request.protocolName === null)) {
      return syncError(errorCodes.INCONSISTENT_GROUP_PROTOCOL);
    }
    if (groupId === "") return syncError(errorCodes.INVALID_GROUP_ID);
    return await services.group(groupId).syncGroup(request);
  },
});
