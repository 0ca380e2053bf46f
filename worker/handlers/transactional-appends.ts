/**
 * The transactional part of Produce: a batch is appended only when its transaction's coordinator says that the partition is part of
 * it (KIP-890). From version 12 on brokers make it part of it themselves. What the coordinator refuses becomes what the version's
 * clients expect; a leader that has seen the transaction end makes the broker ask once more.
 */
import type { AppendItem, AppendOutcome } from "../../core/broker/interface.ts";
import type { ProducerIdentity } from "../../core/transaction/requests.ts";
import type { RequestContext } from "../../durable-objects/handler.ts";
import { isTransactionalId } from "../../durable-objects/names.ts";
import { errorCodes } from "../../protocol/errors.ts";

const transactionalBit = 0x10;
/** The first whose clients leave the adding of partitions to brokers. */
const addingVersion = 12;
/** The first whose clients know TRANSACTION_ABORTABLE. */
const abortableVersion = 11;

export function isTransactional({ batches }: Pick<AppendItem, "batches">): boolean {
  return (batches[0]!.attributes & transactionalBit) !== 0;
}

/** Appends what may be; answers are in the order of the items. Without transactional batches there is no await before the append. */
export function appendAll(
  items: readonly AppendItem[],
  transactionalId: string | null,
  context: RequestContext,
): Promise<readonly AppendOutcome[]> {
  const { services } = context;
  if (transactionalId === null || !items.some(isTransactional)) return services.append(items);
  const known = items.map((item) => withKnownGeneration(item, context));
  if (known.every((item) => item !== undefined)) return appendAgainWhenOver(known, transactionalId, context);
  return verifyAndAppend(items, transactionalId, context);
}

function identityOf({ batches }: AppendItem): ProducerIdentity {
  return batches[0]!;
}

function withGeneration(item: AppendItem, transactionGeneration: number, apiVersion: number): AppendItem {
  const facts = { transactionGeneration, hasOwnEpoch: apiVersion >= addingVersion };
  return { ...item, batches: item.batches.map((batch) => ({ ...batch, ...facts })) };
}

/** Undefined when the coordinator must be asked. */
function withKnownGeneration(item: AppendItem, { services: { verified }, apiVersion }: RequestContext): AppendItem | undefined {
  if (!isTransactional(item)) return item;
  const generation = verified.generation(identityOf(item), item);
  return generation === undefined ? undefined : withGeneration(item, generation, apiVersion);
}

/** What was believed of the transaction may be of the one before, where the epoch stays the same over several. */
async function appendAgainWhenOver(items: readonly AppendItem[], transactionalId: string, context: RequestContext) {
  const outcomes = await context.services.append(items);
  const isOver = (index: number) => outcomes[index]!.errorCode === errorCodes.INVALID_TXN_STATE && isTransactional(items[index]!);
  const over = items.filter((_, index) => isOver(index));
  if (over.length === 0) return outcomes;
  context.services.verified.forget(identityOf(over[0]!).producerId);
  const again = await verifyAndAppend(over, transactionalId, context);
  let at = 0;
  return outcomes.map((outcome, index) => (isOver(index) ? again[at++]! : outcome));
}

async function verifyAndAppend(
  items: readonly AppendItem[],
  transactionalId: string,
  context: RequestContext,
): Promise<readonly AppendOutcome[]> {
  const errors = await verify(items.filter(isTransactional), transactionalId, context);
  const outcomes: (AppendOutcome | undefined)[] = [];
  const passed: AppendItem[] = [];
  for (const item of items) {
    const errorCode = errors.get(item);
    const admitted = errorCode === undefined ? withKnownGeneration(item, context) : undefined;
    if (admitted !== undefined) passed.push(admitted);
    outcomes.push(admitted === undefined ? failed(errorCode ?? errorCodes.NOT_ENOUGH_REPLICAS) : undefined);
  }
  const appended = passed.length === 0 ? [] : await context.services.append(passed);
  let at = 0;
  return outcomes.map((outcome) => outcome ?? appended[at++]!);
}

/** Asks for all of them at once; the answers are kept, the errors given back. */
async function verify(
  items: readonly AppendItem[],
  transactionalId: string,
  { services, apiVersion }: RequestContext,
): Promise<ReadonlyMap<AppendItem, number>> {
  const { producerId, producerEpoch } = identityOf(items[0]!);
  // One client, one producer: whoever mixes them has no transaction with all.
  if (!isTransactionalId(transactionalId) || items.some((item) => identityOf(item).producerId !== producerId)) {
    return new Map(items.map((item) => [item, errorCodes.INVALID_PRODUCER_ID_MAPPING]));
  }
  const partitions = items.map(({ topicId, partition, cell }) => ({ topicId, partition, cell }));
  const request = { producerId, producerEpoch, add: apiVersion >= addingVersion, partitions };
  const { errorCodes: codes, generation } = await services.transaction(transactionalId).admit(request);
  const isAdmitted = (index: number) => codes[index] === errorCodes.NONE;
  const admitted = partitions.filter((_, index) => isAdmitted(index));
  if (admitted.length > 0) services.verified.add({ producerId, producerEpoch }, generation, admitted);
  return new Map(items.flatMap((item, index) => (isAdmitted(index) ? [] : [[item, produceError(codes[index]!, apiVersion)]])));
}

/** As Kafka tells producers of each version; NOT_ENOUGH_REPLICAS makes old ones try again without new metadata. */
export function produceError(errorCode: number, apiVersion: number): number {
  switch (errorCode) {
    case errorCodes.PRODUCER_FENCED:
      return errorCodes.INVALID_PRODUCER_EPOCH;
    case errorCodes.TRANSACTION_ABORTABLE:
      return apiVersion >= abortableVersion ? errorCode : errorCodes.INVALID_TXN_STATE;
    case errorCodes.CONCURRENT_TRANSACTIONS:
      return apiVersion >= addingVersion ? errorCode : errorCodes.NOT_ENOUGH_REPLICAS;
    case errorCodes.COORDINATOR_LOAD_IN_PROGRESS:
    case errorCodes.COORDINATOR_NOT_AVAILABLE:
      return errorCodes.NOT_ENOUGH_REPLICAS;
    default:
      return errorCode;
  }
}

function failed(errorCode: number): AppendOutcome {
  return { errorCode, baseOffset: -1, duplicate: false, logStartOffset: -1, logAppendTimeMs: -1, leaderEpoch: -1 };
}
