/**
 * Where answers differ from Apache Kafka's on purpose, and why. The suite fails on any difference that is not listed here, and on
 * any line here that no longer differs; scripts/compatibility.ts puts the list into docs/COMPATIBILITY.md.
 */

export interface Deviation {
  /** What a client sees, as sentences for the page. */
  readonly what: string;
  readonly why: string;
  /**
   * The differences it accounts for, each as `API: scenario / step / field`, with `*` for any run of characters. Versions are not
   * part of it, keys of elements are (`topics[*].errorCode`).
   */
  readonly where: readonly string[];
}

export const deviations: readonly Deviation[] = [
  {
    what: "ApiVersions lists what is served (the table above). InitProducerId 6, which Kafka keeps back as unstable, is among it; DescribeLogDirs 5, new in Kafka 4.3, is not.",
    why: "What this page says is served is Kafka 4.2's.",
    where: [
      "ApiVersions: what is served / * / apiKeys[*].maxVersion",
      ...[36, 38, 39, 40, 41, 51, 64, 76, 77, 78, 79, 80, 81, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92].map(
        (key) => `ApiVersions: what is served / * / apiKeys[${key}]`,
      ),
    ],
  },
  {
    what: "Of the features only `group.version` and `transaction.version` are listed.",
    why: "The others stand for share and streams groups and for machinery of Kafka's own.",
    where: [
      "ApiVersions: what is served / * / supportedFeatures*",
      "ApiVersions: what is served / * / finalizedFeatures[*.version]",
    ],
  },
  {
    what: "`min.insync.replicas` shows its default as built in (source 5), where a new Kafka cluster shows it as altered for all brokers (source 3).",
    why: "Kafka writes it down when it switches eligible leader replicas on, which are not there.",
    where: [
      "CreateTopics: * / * / topics[*].configs[min.insync.replicas].configSource",
      "DescribeConfigs: topics / * / results[*].configs[min.insync.replicas].*",
    ],
  },
  {
    what: "CreateTopics with `validateOnly` gives no topic id; Kafka gives one that will not be used.",
    why: "Nothing was made that an id could stand for.",
    where: ["CreateTopics: only validated / good / topics[*].topicId", "CreateTopics: bad configs / * / topics[*].topicId"],
  },
  {
    what: "A replication factor above the number of brokers is taken.",
    why: "Replicas come to one; see above.",
    where: ["CreateTopics: bad numbers / more replicas than brokers / *"],
  },
  {
    what: "The same policy twice in `cleanup.policy` is refused (40); Kafka 4.3 drops the second.",
    why: "Kafka 4.2 demands lists without duplicates.",
    where: ["CreateTopics: bad configs / the same word twice / *"],
  },
  {
    what: "A hundred thousand partitions at once get 44 from CreatePartitions; Kafka fails with -1.",
    why: "It is the code that CreateTopics has for the same.",
    where: ["CreatePartitions: good and bad / many / results[*].errorCode"],
  },
  {
    what: "A topic that Metadata creates in passing is there in the same answer, where Kafka first says 3 or 5.",
    why: "It costs one call.",
    where: ["Metadata: named topics / known and unknown / topics[*].*"],
  },
  {
    what: "Metadata serves topic ids from version 10 on. Kafka refuses them before version 12 (42), and fails with -1 when there is neither name nor id (here 100).",
    why: "The field is there from version 10 on.",
    where: ["Metadata: named topics / by *id* / *", "Metadata: named topics / by name and id / *"],
  },
  {
    what: "DescribeTopicPartitions answers bad names one by one (17); Kafka 4.3 fails for all topics of the request with -1.",
    why: "It is what Metadata answers.",
    where: ["DescribeTopicPartitions: limits and cursors / unknown and bad names / topics[*].*"],
  },
  {
    what: "A broker's `log.retention.ms` has the value that holds; Kafka's is null, because it counts `log.retention.hours` instead. `producer.id.expiration.ms` is read-only.",
    why: "There is one config for one thing, and settings belong to the deployment.",
    where: [
      "DescribeConfigs: brokers and others / a broker / results[*].configs[log.retention.ms].value",
      "DescribeConfigs: brokers and others / a broker / results[*].configs[producer.id.expiration.ms].readOnly",
    ],
  },
  {
    what: "Messages about unknown brokers name all that there are; those about reassignments, unknown types of resources and of coordinator keys, and levels of features say what is the matter here.",
    why: "Kafka's sentences would be wrong, or say nothing.",
    where: [
      "*: * / an unknown broker / results[*].errorMessage",
      "DescribeConfigs: brokers and others / loggers of an unknown broker / results[*].errorMessage",
      "IncrementalAlterConfigs: refused / an unknown broker / responses[*].errorMessage",
      "AlterPartitionReassignments: moves / to * / responses[*].partitions[0].errorMessage",
      "DescribeConfigs: brokers and others / an unknown type / results[*].errorMessage",
      "DescribeConfigs: brokers and others / type 0 / results[*].errorMessage",
      "FindCoordinator: * / * type / errorMessage",
      "FindCoordinator: * / * type / coordinators[*].errorMessage",
      "UpdateFeatures: levels / * / errorMessage",
    ],
  },
  {
    what: "Client metrics have no configs, and altering them is refused as an unknown type of resource.",
    why: "Metrics of clients are not collected.",
    where: [
      "DescribeConfigs: brokers and others / unknown client metrics / results[*].configs",
      "IncrementalAlterConfigs: refused / an unknown config of client metrics / responses[*].errorMessage",
    ],
  },
  {
    what: "Groups have the configs of Kafka 4.2, not the five that 4.3 added (`*.assignment.interval.ms` and two of share groups).",
    why: "The wire is that of 4.2.",
    where: [
      "consumer.assignment.interval.ms",
      "share.assignment.interval.ms",
      "share.delivery.count.limit",
      "share.partition.max.record.locks",
      "streams.assignment.interval.ms",
    ].flatMap((name) => [
      `DescribeConfigs: brokers and others / a group / results[*].configs[${name}]`,
      `IncrementalAlterConfigs: a group's / as set / results[*].configs[${name}]`,
    ]),
  },
  {
    what: "An unknown operation in IncrementalAlterConfigs gets 42 (Kafka: -1). A broker's unknown config gets 42; Kafka keeps it.",
    why: "A slip should be told.",
    where: [
      "IncrementalAlterConfigs: refused / an unknown operation / responses[*].errorCode",
      "IncrementalAlterConfigs: refused / a broker's unknown config / responses[*].errorCode",
    ],
  },
  {
    what: "`__consumer_offsets` is a name like any other: producing to it gets 3 while there is no such topic, in Kafka 17.",
    why: "There are no internal topics.",
    where: ["Produce: unknown topics and partitions / one of Kafka's own / responses[*].partitionResponses[0].errorCode"],
  },
  {
    what: "A record set that ends inside of a batch gets 2 (CORRUPT_MESSAGE). Kafka ignores the cut batch and appends the one before it, or answers 87 when there is none.",
    why: "Bytes were lost on their way; 2 lets the producer send them again.",
    where: [
      "Produce: a batch that is cut / refused or taken / responses[*].partitionResponses[0].errorCode",
      "Produce: half a header / refused or taken / responses[*].partitionResponses[0].errorCode",
      "Produce: a batch and a piece / *",
    ],
  },
  {
    what: "An unknown compression type gets 76 (Kafka: -1); batches that claim LogAppendTime get 32 (Kafka 4.3 takes them and strikes the claim out); a producer id with a negative epoch gets 87 (Kafka: 47 once it knows the producer).",
    why: "The batch is wrong in itself, and is refused before anything is asked about its producer.",
    where: [
      "Produce: an unknown codec / refused or taken / responses[*].partitionResponses[0].errorCode",
      "Produce: log append time said by the client / *",
      "Produce: sequences / no epoch with a producer / responses[*].partitionResponses[0].errorCode",
    ],
  },
  {
    what: "A refused batch is answered with log start offset -1; Kafka tells the log's start for some errors.",
    why: "The broker refuses it without asking the leader.",
    where: [
      "Produce: * / * / responses[*].partitionResponses[0].logStartOffset",
      "InitProducerId: past its time-out / too late / responses[*].partitionResponses[0].logStartOffset",
    ],
  },
  {
    what: "A batch that is sent again is answered without a log append time where the log keeps the producer's times; Kafka gives the batch's highest timestamp for one.",
    why: "There is none: with it producers would take the one time for that of every record.",
    where: ["Produce: twice in transactions / * / responses[*].partitionResponses[0].logAppendTimeMs"],
  },
  {
    what: "An InitProducerId that is refused as that of a fenced producer (90) changes nothing. Kafka first aborts the transaction that is open.",
    why: "A zombie must not end the transaction of the producer that fenced it.",
    where: ["InitProducerId: recovering while a transaction is open / described after that / transactionStates[*].*"],
  },
  {
    what: "A topic that was deleted is part of a transaction no more. Kafka still describes it, and ends the transaction in a new topic of the same name.",
    why: "Partitions are known by their topic's id.",
    where: [
      "DeleteTopics: in the middle of a transaction / described / transactionStates[*].topics",
      "DeleteTopics: in the middle of a transaction / into the new one / responses[*].partitionResponses[0].baseOffset",
      "DeleteTopics: in the middle of a transaction / the new one / records[*",
    ],
  },
  {
    what: "WriteTxnMarkers with an epoch below zero gets 47, or 52 if it is the coordinator's (Kafka: -1).",
    why: "It is earlier than any that is known.",
    where: ["WriteTxnMarkers: of open transactions / of an epoch before / markers[0].topics[*].partitions[0].errorCode"],
  },
  {
    what: "Messages about records without keys do not name the partition, which the answer does; those about timestamps count from 0 where Kafka counts from the year -292 million.",
    why: "They say the same.",
    where: [
      "Produce: compacted topics / * / responses[*].partitionResponses[0].recordErrors[*].batchIndexErrorMessage",
      "Produce: compacted topics / * / responses[*].partitionResponses[0].errorMessage",
      "Produce: timestamps / far in the future / responses[*].partitionResponses[0].recordErrors[0].batchIndexErrorMessage",
    ],
  },
  {
    what: "DescribeProducers tells when a producer was last heard; Kafka tells the highest timestamp of its last batch.",
    why: "Producers are forgotten by that time.",
    where: ["Produce: sequences / the producers / topics[*].partitions[0].activeProducers[*].lastTimestamp"],
  },
  {
    what: "Negative limits in a Fetch mean the least that can be answered, an unknown isolation level means the first; Kafka fails with -1.",
    why: "No client sends them.",
    where: ["Fetch: limits / a negative limit* / *", "Fetch: limits / an unknown isolation / *"],
  },
  {
    what: "A Fetch with a leader epoch of the future is told who leads (error 75, as in Kafka).",
    why: "The same answer serves epochs of the past, where Kafka gives it.",
    where: ["Fetch: out of range and unknown / an epoch of the future / *"],
  },
  {
    what: "`lastFetchedEpoch` is not used: there is no diverging epoch in an answer, only 1 (OFFSET_OUT_OF_RANGE).",
    why: "No log is ever cut back to an earlier epoch.",
    where: ["Fetch: out of range and unknown / last fetched epoch *"],
  },
  {
    what: "A partition named twice in one request is answered twice by Fetch, ListOffsets and DeleteRecords.",
    why: "Kafka answers it once; no client sends it.",
    where: [
      "Fetch: several partitions / the same twice / responses[*].partitions[0′]",
      "ListOffsets: wrong ones / the same twice / topics[*].partitions[0′]",
      "ListOffsets: wrong ones / the same topic twice / topics[*′]",
      "DeleteRecords: steps / the same twice / topics[*].partitions[0′]",
    ],
  },
  {
    what: "When the limit of a whole Fetch leaves room for one partition only, each takes its turn; Kafka serves them in the order of the request.",
    why: "So that none starves when a client never changes the order.",
    where: ["Fetch: several partitions / both within one byte / responses[*].partitions[*].records"],
  },
  {
    what: "A Fetch that asks for a session gets session id 0.",
    why: "No fetch sessions; see above.",
    where: ["Fetch: several partitions / a new session / sessionId"],
  },
  {
    what: "The highest timestamp (-3) of a log whose records were all deleted is not found; Kafka still tells the deleted record's.",
    why: "An offset that cannot be read helps nobody.",
    where: ["DeleteRecords: steps / the highest time with nothing left / topics[*].partitions[0].*"],
  },
  {
    what: "An unknown member without protocols gets 25 (UNKNOWN_MEMBER_ID) from JoinGroup, from Kafka 23.",
    why: "Both are wrong; the member is looked at first.",
    where: ["JoinGroup: refused / an unknown member, no protocols / errorCode"],
  },
  {
    what: "A member that joins a consumer group is in its new epoch at once; Kafka 4.3 lets up to a second pass before it assigns anew (`consumer.assignment.interval.ms`), and counts epochs from 2.",
    why: "Computing an assignment costs less than waiting.",
    where: [
      "ConsumerGroupHeartbeat: two members / B joins / memberEpoch",
      "ConsumerGroupHeartbeat: refused / an empty topic name / memberEpoch",
      "ConsumerGroupHeartbeat: refused / an empty regex / memberEpoch",
    ],
  },
  {
    what: "DescribeLogDirs knows no total and usable bytes (-1).",
    why: "An object store has no size.",
    where: ["DescribeLogDirs: sizes / * / results[*].totalBytes", "DescribeLogDirs: sizes / * / results[*].usableBytes"],
  },
  {
    what: "ElectLeaders for all partitions answers an empty list; Kafka lists all topics, without partitions.",
    why: "There is nothing to tell of them.",
    where: ["ElectLeaders: preferred and unclean / all / replicaElectionResults"],
  },
  {
    what: "DescribeQuorum names the listener of the broker; Kafka that of its controller.",
    why: "The controller has none of its own.",
    where: ["DescribeQuorum: the quorum / of the metadata / nodes[0].listeners[0].name"],
  },
  {
    what: "UpdateFeatures neither lowers a level (95) nor looks at the way of upgrading when nothing would change.",
    why: "Levels come with the release.",
    where: ["UpdateFeatures: levels / down, validated / *", "UpdateFeatures: levels / an unknown way, validated / *"],
  },
];
