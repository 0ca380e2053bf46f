/** DeleteGroups, versions 0–2. Groups without members only; their offsets go with them. KIP-229. */
import { deleteGroups } from "../../protocol/messages/42-delete-groups.ts";
import { defineHandler } from "./define-handler.ts";
import { namedGroups } from "./many-names.ts";
import { sideBySide } from "./side-by-side.ts";
import { coordinatorUnreachable } from "./unreachable.ts";

export const deleteGroupsHandler = defineHandler({
  api: deleteGroups,
  versions: [0, 2],
  async handle({ groupsNames }, { services }) {
    const names = [...new Set(groupsNames)];
    const find = await namedGroups(names, services);
    const results = await sideBySide(names, async (groupId) => {
      const { errorCode } = await find(groupId).delete();
      return { groupId, errorCode };
    });
    return { results };
  },
  unreachable: ({ groupsNames }) => ({
    results: [...new Set(groupsNames)].map((groupId) => ({ groupId, errorCode: coordinatorUnreachable })),
  }),
});
