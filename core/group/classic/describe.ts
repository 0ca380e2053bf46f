/** How a classic group looks from outside: DescribeGroups and ListGroups. */
import { errorCodes } from "../../../protocol/errors.ts";
import type { DescribeGroupAnswer, GroupListing } from "../requests.ts";
import type { ClassicGroup } from "./group.ts";
import { noBytes, protocolMetadata } from "./member.ts";

/** Metadata is shown of a stable group only: in between members may have said something else. What they were assigned last stays. */
export function describeClassic(group: ClassicGroup | undefined): DescribeGroupAnswer {
  if (group === undefined) return noSuchGroup("not found.");
  const stable = group.state === "Stable";
  return {
    errorCode: errorCodes.NONE,
    errorMessage: null,
    groupState: group.state,
    protocolType: group.protocolType ?? "",
    protocolData: stable ? (group.protocolName ?? "") : "",
    members: Array.from(group.members.all(), (member) => ({
      memberId: member.memberId,
      groupInstanceId: member.groupInstanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: stable ? protocolMetadata(member, group.protocolName) : noBytes,
      memberAssignment: member.assignment,
    })),
  };
}

/** The message begins with the group, which only the asker knows. */
export function noSuchGroup(errorMessage: string): DescribeGroupAnswer {
  return {
    errorCode: errorCodes.GROUP_ID_NOT_FOUND,
    errorMessage,
    groupState: "Dead",
    protocolType: "",
    protocolData: "",
    members: [],
  };
}

export function listClassic(group: ClassicGroup): GroupListing {
  return { protocolType: group.protocolType ?? "", groupState: group.state, groupType: "classic" };
}
