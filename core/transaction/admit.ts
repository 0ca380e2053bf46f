/**
 * What is part of a transaction: AddPartitionsToTxn, AddOffsetsToTxn and the questions of brokers, which take a transactional batch
 * or offset only on the coordinator's word (KIP-890).
 */
import { errorCodes } from "../../protocol/errors.ts";
import type { AdmissionReply, AdmissionRequest } from "./admission.ts";
import { TransactionPartitions } from "./partitions.ts";
import { isCompleting, step, type TransactionState } from "./state.ts";

/** They keep the row under the 2 MB that SQLite takes; a client meets other limits long before. */
const partitionsBytesMax = 1_500_000;
const groupsBytesMax = 300_000;
/** Each is a call when the transaction ends. */
const groupsMax = 1000;

export type Admission =
  | { readonly kind: "answer"; readonly reply: AdmissionReply }
  /** A transaction is being ended: once it has, the request is looked at anew. */
  | { readonly kind: "later" }
  | { readonly kind: "step"; readonly state: TransactionState; readonly reply: AdmissionReply };

export function admit(state: TransactionState | undefined, request: AdmissionRequest, now: number): Admission {
  if (state === undefined || request.producerId !== state.producerId) {
    return answer(refuseAll(request, errorCodes.INVALID_PRODUCER_ID_MAPPING));
  }
  if (request.producerEpoch !== state.producerEpoch) return answer(refuseAll(request, errorCodes.PRODUCER_FENCED));
  if (isCompleting(state)) return request.add ? { kind: "later" } : answer(refuseAll(request, errorCodes.CONCURRENT_TRANSACTIONS));
  return request.add ? add(state, request, now) : answer(verified(state, request));
}

export function refuseAll({ partitions, groups = [] }: AdmissionRequest, errorCode: number): AdmissionReply {
  return { errorCodes: Array.from({ length: partitions.length + groups.length }, () => errorCode), generation: 0 };
}

function add(state: TransactionState, request: AdmissionRequest, now: number): Admission {
  const begins = state.name !== "Ongoing";
  const partitions = begins ? new TransactionPartitions() : state.partitions;
  const groups = new Set([...(begins ? [] : state.groups), ...(request.groups ?? [])]);
  const newPartitions = request.partitions.filter((partition) => !partitions.has(partition));
  const accepted = (generation: number): AdmissionReply => ({ ...refuseAll(request, errorCodes.NONE), generation });
  if (!begins && newPartitions.length === 0 && groups.size === state.groups.length) return answer(accepted(state.generation));
  const isFull = groups.size > groupsMax || groupsRowBytes(groups) > groupsBytesMax;
  if (isFull || partitions.rowBytes + TransactionPartitions.of(newPartitions).rowBytes > partitionsBytesMax) {
    return answer(refuseAll(request, errorCodes.TRANSACTION_ABORTABLE));
  }
  for (const partition of newPartitions) partitions.add(partition);
  const begun = begins ? { generation: state.generation + 1, startedMs: now } : {};
  const next = step(state, { ...begun, name: "Ongoing", partitions, groups: [...groups] }, now);
  return { kind: "step", state: next, reply: accepted(next.generation) };
}

/** As JSON writes them: some characters of an id take six bytes. */
function groupsRowBytes(groups: Iterable<string>): number {
  let bytes = 0;
  for (const groupId of groups) bytes += new TextEncoder().encode(JSON.stringify(groupId)).byteLength + 1;
  return bytes;
}

function verified(state: TransactionState, { partitions, groups = [] }: AdmissionRequest): AdmissionReply {
  const isPart = [
    ...partitions.map((ref) => state.partitions.has(ref)),
    ...groups.map((groupId) => state.groups.includes(groupId)),
  ];
  return {
    errorCodes: isPart.map((is) => (is ? errorCodes.NONE : errorCodes.TRANSACTION_ABORTABLE)),
    generation: state.name === "Ongoing" ? state.generation : 0,
  };
}

function answer(reply: AdmissionReply): Admission {
  return { kind: "answer", reply };
}
