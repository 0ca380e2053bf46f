/**
 * Carries the tokens of a SASL exchange and, in the answer, how long the session lasts.
 */
import { bytes, defineApi, int16, int64, string } from "../schema.ts";

export const saslAuthenticate = defineApi({
  key: 36,
  name: "SaslAuthenticate",
  versions: "0-2",
  flexible: "2+",
  request: {
    authBytes: bytes(),
  },
  response: {
    errorCode: int16(),
    errorMessage: string({ nullable: true }),
    authBytes: bytes(),
    sessionLifetimeMs: int64("1+"),
  },
});
