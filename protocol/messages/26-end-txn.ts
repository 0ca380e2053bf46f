/**
 * Commits or aborts a transaction. Version 5 answers the producer's next epoch: every transaction has its own since KIP-890.
 */
import { bool, defineApi, int16, int32, int64, string } from "../schema.ts";

export const endTxn = defineApi({
  key: 26,
  name: "EndTxn",
  versions: "0-5",
  flexible: "3+",
  request: {
    transactionalId: string(),
    producerId: int64(),
    producerEpoch: int16(),
    committed: bool(),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16(),
    producerId: int64({ versions: "5+", default: -1n }),
    producerEpoch: int16({ versions: "5+", default: -1 }),
  },
});
