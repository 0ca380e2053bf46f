/**
 * What handlers ask of one transactional id's coordinator. The Transaction Durable Object implements it over RPC, core/transaction
 * decides. Every call may be repeated: an answer that was lost is given again.
 */
import type { TransactionAdmission } from "./admission.ts";
import type {
  EndRequest,
  InitProducerIdRequest,
  ProducerIdAnswer,
  TransactionDescription,
  TransactionListing,
} from "./requests.ts";

export interface TransactionClient extends TransactionAdmission {
  initProducerId(request: InitProducerIdRequest): Promise<ProducerIdAnswer>;
  end(request: EndRequest): Promise<ProducerIdAnswer>;
  /** Undefined when there is no such transactional id. */
  describe(): Promise<TransactionDescription | undefined>;
  /** Likewise, without the partitions, which may be many. */
  list(): Promise<TransactionListing | undefined>;
}
