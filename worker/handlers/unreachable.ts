/**
 * What clients are told when the controller or a leader could not be reached, though it was asked twice: for each item of their request
 * an error upon which they ask again, as a Kafka broker that has lost its controller would.
 */
import { errorCodes } from "../../protocol/errors.ts";

/** A change may have been made all the same. */
export const controllerUnreachable = {
  errorCode: errorCodes.REQUEST_TIMED_OUT,
  errorMessage: "The controller could not be reached.",
} as const;

/** Of groups and transactions: every client knows what to do while a coordinator loads. */
export const coordinatorUnreachable = errorCodes.COORDINATOR_LOAD_IN_PROGRESS;

/** Clients look for the leader anew, and come back. */
export const leaderUnreachable = errorCodes.NOT_LEADER_OR_FOLLOWER;
