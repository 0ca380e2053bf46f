/**
 * Gives a producer its id and epoch. With a transactional id it goes to the transaction coordinator, which fences whoever had the
 * id before; version 6 adds two-phase commit.
 */
import { bool, defineApi, int16, int32, int64, string } from "../schema.ts";

export const initProducerId = defineApi({
  key: 22,
  name: "InitProducerId",
  versions: "0-6",
  flexible: "2+",
  request: {
    transactionalId: string({ nullable: true }),
    transactionTimeoutMs: int32(),
    producerId: int64({ versions: "3+", default: -1n }),
    /** With producerId: the epoch to be bumped; −1 for a new producer. */
    producerEpoch: int16({ versions: "3+", default: -1 }),
    enable2Pc: bool("6+"),
    keepPreparedTxn: bool("6+"),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    producerId: int64({ default: -1n }),
    producerEpoch: int16(),
    ongoingTxnProducerId: int64({ versions: "6+", default: -1n }),
    ongoingTxnProducerEpoch: int16({ versions: "6+", default: -1 }),
  },
});
