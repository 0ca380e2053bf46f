/**
 * DescribeAcls, versions 1–3. There are no ACLs, and like a Kafka broker without an authorizer this one says so: consoles and
 * MirrorMaker take that answer for "no ACLs here", and an API that is missing for a fault.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { describeAcls } from "../../protocol/messages/29-describe-acls.ts";
import { defineHandler } from "./define-handler.ts";

export const describeAclsHandler = defineHandler({
  api: describeAcls,
  versions: [1, 3],
  handle: () => ({
    errorCode: errorCodes.SECURITY_DISABLED,
    errorMessage: "No Authorizer is configured on the broker",
    resources: [],
  }),
});
