/**
 * Lists the transactions that a coordinator knows, by state, producer, age and name.
 */
import { array, defineApi, int16, int32, int64, string } from "../schema.ts";

export const listTransactions = defineApi({
  key: 66,
  name: "ListTransactions",
  versions: "0-2",
  flexible: "0+",
  request: {
    stateFilters: array(string()),
    producerIdFilters: array(int64()),
    durationFilter: int64({ versions: "1+", default: -1n }),
    transactionalIdPattern: string({ versions: "2+", nullable: true, default: null }),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    unknownStateFilters: array(string()),
    transactionStates: array({
      transactionalId: string(),
      producerId: int64(),
      transactionState: string(),
    }),
  },
});
