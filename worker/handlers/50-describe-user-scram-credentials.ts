/**
 * DescribeUserScramCredentials, version 0. No user has any, as on a new Kafka cluster, so that what describes users (their quotas
 * and their credentials in one go) comes to its end. KIP-554.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { describeUserScramCredentials } from "../../protocol/messages/50-describe-user-scram-credentials.ts";
import { defineHandler } from "./define-handler.ts";
import { repeated } from "./repeated.ts";

export const describeUserScramCredentialsHandler = defineHandler({
  api: describeUserScramCredentials,
  versions: [0, 0],
  handle({ users }) {
    const names = (users ?? []).map(({ name }) => name);
    const twice = repeated(names);
    const result = (user: string) => {
      if (twice.has(user)) {
        const errorMessage = `Cannot describe SCRAM credentials for the same user twice in a single request: ${user}`;
        return { user, errorCode: errorCodes.DUPLICATE_RESOURCE, errorMessage, credentialInfos: [] };
      }
      const errorMessage = `Attempt to describe a user credential that does not exist: ${user}`;
      return { user, errorCode: errorCodes.RESOURCE_NOT_FOUND, errorMessage, credentialInfos: [] };
    };
    return { errorMessage: null, results: [...new Set(names)].map(result) };
  },
});
