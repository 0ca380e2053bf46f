/**
 * SaslHandshake, versions 0–1. No listener asks for SASL, and like a Kafka listener without it this one says that the question is
 * out of place and names no mechanisms; the client gives up with a clear error.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { saslHandshake } from "../../protocol/messages/17-sasl-handshake.ts";
import { defineHandler } from "./define-handler.ts";

export const saslHandshakeHandler = defineHandler({
  api: saslHandshake,
  versions: [0, 1],
  handle: () => ({ errorCode: errorCodes.ILLEGAL_SASL_STATE, mechanisms: [] }),
});
