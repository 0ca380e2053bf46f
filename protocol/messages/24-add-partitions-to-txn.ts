/**
 * Tells the transaction coordinator which partitions a transaction is about to touch. Up to version 3 a client asks for its one
 * transaction; from 4 on brokers ask for many, and only to verify.
 */
import { array, bool, defineApi, int16, int32, int64, string } from "../schema.ts";

const addPartitionsToTxnTopic = {
  name: string(),
  partitions: array(int32()),
};

const addPartitionsToTxnPartitionResult = {
  partitionIndex: int32(),
  partitionErrorCode: int16(),
};

const addPartitionsToTxnTopicResult = {
  name: string(),
  resultsByPartition: array(addPartitionsToTxnPartitionResult),
};

export const addPartitionsToTxn = defineApi({
  key: 24,
  name: "AddPartitionsToTxn",
  versions: "0-5",
  flexible: "3+",
  request: {
    transactions: array("4+", {
      transactionalId: string(),
      producerId: int64(),
      producerEpoch: int16(),
      /** Only say whether the partitions are part of the transaction. */
      verifyOnly: bool(),
      topics: array(addPartitionsToTxnTopic),
    }),
    v3AndBelowTransactionalId: string("0-3"),
    v3AndBelowProducerId: int64("0-3"),
    v3AndBelowProducerEpoch: int16("0-3"),
    v3AndBelowTopics: array("0-3", addPartitionsToTxnTopic),
  },
  response: {
    throttleTimeMs: int32(),
    errorCode: int16("4+"),
    resultsByTransaction: array("4+", {
      transactionalId: string(),
      topicResults: array(addPartitionsToTxnTopicResult),
    }),
    resultsByTopicV3AndBelow: array("0-3", addPartitionsToTxnTopicResult),
  },
});
