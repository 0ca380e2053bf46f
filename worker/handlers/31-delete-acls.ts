/**
 * DeleteAcls, versions 1–3. Refused as by a Kafka broker without an authorizer: see DescribeAcls.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { deleteAcls } from "../../protocol/messages/31-delete-acls.ts";
import { defineHandler } from "./define-handler.ts";

export const deleteAclsHandler = defineHandler({
  api: deleteAcls,
  versions: [1, 3],
  handle: ({ filters }) => ({
    filterResults: filters.map(() => ({
      errorCode: errorCodes.SECURITY_DISABLED,
      errorMessage: "No Authorizer is configured.",
      matchingAcls: [],
    })),
  }),
});
