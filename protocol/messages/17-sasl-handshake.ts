/**
 * Chooses a SASL mechanism. After version 0 raw tokens follow on the wire, after version 1 they travel in SaslAuthenticate.
 */
import { array, defineApi, int16, string } from "../schema.ts";

export const saslHandshake = defineApi({
  key: 17,
  name: "SaslHandshake",
  versions: "0-1",
  flexible: "none",
  request: {
    mechanism: string(),
  },
  response: {
    errorCode: int16(),
    mechanisms: array(string()),
  },
});
