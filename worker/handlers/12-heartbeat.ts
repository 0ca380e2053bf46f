/** Heartbeat, versions 0–4. KIP-345 (instance ids). */
import { errorCodes } from "../../protocol/errors.ts";
import { heartbeat } from "../../protocol/messages/12-heartbeat.ts";
import { defineHandler } from "./define-handler.ts";

export const heartbeatHandler = defineHandler({
  api: heartbeat,
  versions: [0, 4],
  async handle({ groupId, ...request }, { services }) {
    if (groupId === "") return { errorCode: errorCodes.INVALID_GROUP_ID };
    return await services.group(groupId).heartbeat(request);
  },
});
