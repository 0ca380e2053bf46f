/** The answers of the classic protocol by what they mean; only here are their empty fields spelled out. */
import { errorCodes } from "../../../protocol/errors.ts";
import type { JoinGroupAnswer, SyncGroupAnswer } from "../requests.ts";
import { noBytes } from "./member.ts";

export function joinError(errorCode: number, memberId: string): JoinGroupAnswer {
  return {
    errorCode,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: "",
    skipAssignment: false,
    memberId,
    members: [],
  };
}

/** The member was removed while its join was parked: it starts again without an id. */
export const joinForgotten = joinError(errorCodes.UNKNOWN_MEMBER_ID, "");

export function syncError(errorCode: number): SyncGroupAnswer {
  return { errorCode, protocolType: null, protocolName: null, assignment: noBytes };
}

export function synced(protocolType: string | null, protocolName: string | null, assignment: Uint8Array): SyncGroupAnswer {
  return { errorCode: errorCodes.NONE, protocolType, protocolName, assignment };
}
