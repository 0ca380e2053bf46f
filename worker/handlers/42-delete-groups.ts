/** DeleteGroups, versions 0–2. Groups without members only; their offsets go with them. KIP-229. */
import { deleteGroups } from "../../protocol/messages/42-delete-groups.ts";
import { defineHandler } from "./define-handler.ts";

export const deleteGroupsHandler = defineHandler({
  api: deleteGroups,
  versions: [0, 2],
  async handle({ groupsNames }, { services }) {
    const names = [...new Set(groupsNames)];
    const results = await Promise.all(
      names.map(async (groupId) => ({ groupId, errorCode: (await services.group(groupId).delete()).errorCode })),
    );
    return { results };
  },
});
