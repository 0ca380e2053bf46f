/**
 * What members of a classic consumer group put inside of the bytes of JoinGroup and SyncGroup, and DescribeGroups shows. Brokers
 * pass it on unread; an int16 version stands before it (encodeData, decodeData).
 */
import { array, bytes, defineData, int32, string } from "../schema.ts";

export const consumerProtocolSubscription = defineData({
  name: "ConsumerProtocolSubscription",
  versions: "0-3",
  flexible: "none",
  fields: {
    topics: array(string()),
    userData: bytes({ nullable: true, default: null }),
    ownedPartitions: array("1+", {
      topic: string(),
      partitions: array(int32()),
    }),
    generationId: int32({ versions: "2+", default: -1 }),
    rackId: string({ versions: "3+", nullable: true, default: null }),
  },
});

export const consumerProtocolAssignment = defineData({
  name: "ConsumerProtocolAssignment",
  versions: "0-3",
  flexible: "none",
  fields: {
    assignedPartitions: array({
      topic: string(),
      partitions: array(int32()),
    }),
    userData: bytes({ nullable: true, default: null }),
  },
});
