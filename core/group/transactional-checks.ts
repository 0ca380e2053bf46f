/**
 * Who may send offsets with a transaction. Only a producer that says whose member it is is checked against the group (KIP-447), and
 * what it has not said is not held against it. A stale member epoch is a generation that is over: producers know no other error.
 */
import { errorCodes } from "../../protocol/errors.ts";
import type { ClassicGroup } from "./classic/group.ts";
import type { ConsumerGroup } from "./consumer/group.ts";
import type { TransactionalOffsetCommitRequest } from "./requests.ts";

type Sender = Pick<TransactionalOffsetCommitRequest, "generationId" | "memberId" | "groupInstanceId">;

export function checkTransactionalCommit(
  { classic, consumer }: { readonly classic: ClassicGroup | undefined; readonly consumer: ConsumerGroup | undefined },
  { generationId, memberId, groupInstanceId }: Sender,
  now: number,
): number {
  const saysNothing = generationId < 0 && memberId === "" && groupInstanceId === null;
  if (saysNothing) return errorCodes.NONE;
  if (consumer !== undefined) {
    if (generationId < 0 && consumer.size === 0) return errorCodes.NONE;
    const member = consumer.member(memberId);
    if (member === undefined) return errorCodes.UNKNOWN_MEMBER_ID;
    return generationId === member.memberEpoch ? errorCodes.NONE : errorCodes.ILLEGAL_GENERATION;
  }
  if (classic === undefined) return generationId < 0 ? errorCodes.NONE : errorCodes.ILLEGAL_GENERATION;
  if (generationId < 0 && classic.state === "Empty") return errorCodes.NONE;
  const errorCode = classic.members.check(memberId, groupInstanceId);
  if (errorCode !== errorCodes.NONE) return errorCode;
  if (generationId !== classic.generationId) return errorCodes.ILLEGAL_GENERATION;
  classic.heard(classic.members.get(memberId)!, now);
  return errorCodes.NONE;
}
