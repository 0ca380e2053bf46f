/**
 * ListTransactions, versions 0–2. The controller knows the names, each id's coordinator its state; as with groups each broker answers
 * for its share. KIP-664, KIP-994 (duration), KIP-1152 (pattern).
 */
import { coordinatorNode } from "../../core/cluster/placement.ts";
import { compilePattern } from "../../core/group/consumer/pattern.ts";
import type { TransactionDescription } from "../../core/transaction/requests.ts";
import { stateNames } from "../../core/transaction/state.ts";
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
    const unknownStateFilters = request.stateFilters.filter((name) => !stateNames.has(name));
    const nothing = { unknownStateFilters, transactionStates: [] };
    const pattern = compilePattern(request.transactionalIdPattern ?? "");
    if ("problem" in pattern) return { ...nothing, errorCode: errorCodes.INVALID_REGULAR_EXPRESSION };
    const isNamed = (id: string) =>
      request.transactionalIdPattern === null || request.transactionalIdPattern === "" || pattern.matches(id);
    // Only states that there are none of were asked for: then no transaction is in any of them.
    if (request.stateFilters.length > 0 && unknownStateFilters.length === request.stateFilters.length) return nothing;
    const all = await context.services.controller.transactions();
    const described = await describeAll(
      all.filter((id) => isMine(id, context) && isNamed(id)),
      context,
    );
    const transactionStates = described
      .filter(([, transaction]) => isWanted(transaction, request, context.nowMs))
      .map(([transactionalId, { producerId, state }]) => ({
        transactionalId,
        producerId: BigInt(producerId),
        transactionState: state,
      }));
    return { unknownStateFilters, transactionStates };
  },
  unreachable: () => ({ errorCode: coordinatorUnreachable, unknownStateFilters: [], transactionStates: [] }),
});

function isMine(transactionalId: string, context: RequestContext): boolean {
  const nodes = nodesOf(context);
  const { nodeId } = context.services;
  return !nodes.some((node) => node.nodeId === nodeId) || coordinatorNode(nodes, transactionalId).nodeId === nodeId;
}

async function describeAll(ids: readonly string[], { services }: RequestContext) {
  const answers = await sideBySide(ids, (id) => services.transaction(id).describe());
  return answers.flatMap((answer, index) => (answer === undefined ? [] : [[ids[index]!, answer] as const]));
}

function isWanted(transaction: TransactionDescription, filters: RequestOf<typeof listTransactions>, nowMs: number): boolean {
  const { stateFilters, producerIdFilters, durationFilter } = filters;
  if (stateFilters.length > 0 && !stateFilters.includes(transaction.state)) return false;
  if (producerIdFilters.length > 0 && !producerIdFilters.includes(BigInt(transaction.producerId))) return false;
  return durationFilter < 0n || nowMs - transaction.startedMs > Number(durationFilter);
}
