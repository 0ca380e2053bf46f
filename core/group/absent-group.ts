/**
 * What a group answers that is not there, without asking anybody: the decisions of a coordinator that has no rows. A request that names
 * thousands of groups that nobody ever made must not wake an object for each of them.
 */
import type { GroupRequest } from "./events.ts";
import type { GroupClient } from "./group-client.ts";
import { GroupMachine } from "./machine.ts";
import type { GroupOptions } from "./options.ts";

/** Questions that may name many groups at once. */
export type AskableGroup = Pick<GroupClient, "fetchOffsets" | "describe" | "describeConsumer" | "delete">;

export function absentGroup(options: GroupOptions): AskableGroup {
  async function ask<Answer>(request: GroupRequest): Promise<Answer> {
    // Of a group that is not there nothing depends on the time.
    const effects = new GroupMachine(options).handle({ ...request, requestId: 0 }, 0);
    const reply = effects.find((effect) => effect.kind === "reply");
    if (reply === undefined) throw new Error(`a group that is not there left ${request.kind} without an answer`);
    return reply.answer as Answer;
  }
  return {
    fetchOffsets: (request) => ask({ kind: "offset-fetch", request }),
    describe: () => ask({ kind: "describe-group" }),
    describeConsumer: () => ask({ kind: "describe-consumer-group" }),
    delete: () => ask({ kind: "delete-group" }),
  };
}
