/**
 * CreateAcls, versions 1–3. Refused as by a Kafka broker without an authorizer: see DescribeAcls.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { createAcls } from "../../protocol/messages/30-create-acls.ts";
import { defineHandler } from "./define-handler.ts";

export const createAclsHandler = defineHandler({
  api: createAcls,
  versions: [1, 3],
  handle: ({ creations }) => ({
    results: creations.map(() => ({
      errorCode: errorCodes.SECURITY_DISABLED,
      errorMessage: "No Authorizer is configured.",
    })),
  }),
});
