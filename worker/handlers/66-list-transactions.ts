/**
 * ListTransactions, versions 0–2. The controller knows the names, each id's coordinator its state; as with groups each broker answers
 * for its share. Only those are asked whose name and whose possible state the filters let through, since each is an object that must wake
 * to answer; nothing is kept of those that are not shown. KIP-664, KIP-994 (duration), KIP-1152 (pattern).
 */
import { coordinatorNode } from "../../core/cluster/placement.ts";
import { compilePattern } from "../../core/group/consumer/pattern.ts";
import type { TransactionListing } from "../../core/transaction/requests.ts";
import { stateNames, unseenStateNames } from "../../core/transaction/state.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { listTransactions } from "../../protocol/messages/66-list-transactions.ts";
import type { RequestOf } from "../../protocol/schema.ts";
import { defineHandler } from "./define-handler.ts";
import { nodesOf } from "./nodes.ts";
import { sideBySide } from "./side-by-side.ts";
import { coordinatorUnreachable } from "./unreachable.ts";

export const listTransactionsHandler = defineHandler({
  api: listTransactions,
  versions: [0, 2],
  async handle(request, context) {
    const { stateFilters, transactionalIdPattern } = request;
    const unknownStateFilters = stateFilters.filter((name) => !stateNames.has(name) && !unseenStateNames.has(name));
    const nothing = { unknownStateFilters, transactionStates: [] };
    const pattern = compilePattern(transactionalIdPattern ?? "");
    if ("problem" in pattern) return { ...nothing, errorCode: errorCodes.INVALID_REGULAR_EXPRESSION };
    if (stateFilters.length > 0 && !stateFilters.some((name) => stateNames.has(name))) return nothing;
    const takesAllNames = transactionalIdPattern === null || transactionalIdPattern === "";
    const isMine = shareOf(context);
    const all = await context.services.controller.transactions();
    const ids = all.filter((id) => isMine(id) && (takesAllNames || pattern.matches(id)));
    const isWanted = wantedBy(request, context.nowMs);
    const answers = await sideBySide(ids, async (transactionalId) => {
      const listing = await context.services.transaction(transactionalId).list();
      if (listing === undefined || !isWanted(listing)) return [];
      return [{ transactionalId, producerId: BigInt(listing.producerId), transactionState: listing.state }];
    });
    return { unknownStateFilters, transactionStates: answers.flat() };
  },
  unreachable: () => ({ errorCode: coordinatorUnreachable, unknownStateFilters: [], transactionStates: [] }),
});

function shareOf(context: RequestContext): (transactionalId: string) => boolean {
  const nodes = nodesOf(context);
  const { nodeId } = context.services;
  if (!nodes.some((node) => node.nodeId === nodeId)) return () => true;
  return (transactionalId) => coordinatorNode(nodes, transactionalId).nodeId === nodeId;
}

function wantedBy(filters: RequestOf<typeof listTransactions>, nowMs: number): (transaction: TransactionListing) => boolean {
  const states = new Set(filters.stateFilters);
  const producerIds = new Set(filters.producerIdFilters);
  const { durationFilter } = filters;
  return ({ state, producerId, startedMs }) =>
    (states.size === 0 || states.has(state)) &&
    (producerIds.size === 0 || producerIds.has(BigInt(producerId))) &&
    (durationFilter < 0n || nowMs - startedMs > Number(durationFilter));
}
