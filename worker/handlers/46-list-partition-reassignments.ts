/**
 * ListPartitionReassignments, version 0. None is ever under way: see AlterPartitionReassignments. KIP-455.
 */
import { listPartitionReassignments } from "../../protocol/messages/46-list-partition-reassignments.ts";
import { defineHandler } from "./define-handler.ts";

export const listPartitionReassignmentsHandler = defineHandler({
  api: listPartitionReassignments,
  versions: [0, 0],
  handle: () => ({ errorMessage: null, topics: [] }),
});
