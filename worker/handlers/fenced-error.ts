/** A fenced producer hears PRODUCER_FENCED in versions that know it, and INVALID_PRODUCER_EPOCH in those before. */
import { errorCodes } from "../../protocol/errors.ts";

export function fencedError(errorCode: number, apiVersion: number, knownFrom: number): number {
  return errorCode === errorCodes.PRODUCER_FENCED && apiVersion < knownFrom ? errorCodes.INVALID_PRODUCER_EPOCH : errorCode;
}
