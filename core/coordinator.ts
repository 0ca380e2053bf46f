/**
 * The seam between brokers and whoever leads a cell (a set of partitions that commit together). Brokers, the simulator,
 * benches and tests see this interface only; the leader Durable Object and the in-memory coordinator implement it, and one
 * contract suite holds both to it. Offsets are safe integers: numbers here, int64 only on the wire.
 */

/** A topic id is Kafka's UUID in its canonical lower-case 36 character form. */
export type TopicId = string;

export interface PartitionRef {
  readonly topicId: TopicId;
  readonly partition: number;
}

/** What validation learned about one record batch; everything a leader needs to give it offsets. */
export interface BatchCoordinates {
  /** Whole size in bytes, the 12 byte prologue included. */
  readonly size: number;
  /** lastOffsetDelta + 1: how many offsets the batch takes. */
  readonly offsetCount: number;
  readonly attributes: number;
  readonly maxTimestamp: number;
  /** -1 when the producer is not idempotent. */
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly baseSequence: number;
  /**
   * Of a transactional batch: which of its coordinator's transactions it belongs to. The leader refuses it once that one has ended, so
   * a batch that was under way for too long can never begin a transaction that nobody would end (KIP-890).
   */
  readonly transactionGeneration?: number;
  /** Of a transactional batch: no other transaction has its producer's epoch (the second transaction version), so it begins at sequence 0. */
  readonly hasOwnEpoch?: boolean;
}

/** All batches of one partition in a commit: adjacent in the object (D7), in order of arrival. */
export interface CommitEntry extends PartitionRef {
  /** Where the first batch begins, in the object or in the inline bytes. */
  readonly byteStart: number;
  readonly batches: readonly BatchCoordinates[];
}

export interface BrokerIdentity {
  readonly brokerId: number;
  /** Given by the controller at start. A leader that has seen a higher epoch of this broker refuses the lower one for good. */
  readonly brokerEpoch: number;
}

/**
 * Commits of one broker epoch to one cell form a chain: `number` is 1, 2, 3, … and the leader applies n only after n − 1. A
 * number it has applied gets the remembered answer (a lost reply can be asked for again), one too far ahead gets `ahead` and
 * changes nothing. So a commit is applied exactly once and in order, whatever the network does.
 */
export interface CommitRequest extends BrokerIdentity {
  readonly number: number;
  /** The object's sequence number within the broker epoch (D12), or the records themselves. */
  readonly source:
    | { readonly kind: "object"; readonly sequence: number; readonly byteLength: number }
    | { readonly kind: "inline"; readonly records: Uint8Array };
  readonly entries: readonly CommitEntry[];
}

/** One answer per batch, in the order of `entries` and their batches. */
export interface BatchResult {
  /** Kafka error code, 0 when committed or recognised as a duplicate. */
  readonly errorCode: number;
  /** The first offset given (of the original, for a duplicate); -1 on error. */
  readonly baseOffset: number;
  readonly duplicate: boolean;
  readonly logStartOffset: number;
  /** -1 when the topic keeps the producer's timestamps. */
  readonly logAppendTimeMs: number;
  readonly leaderEpoch: number;
}

export type CommitReply =
  | { readonly kind: "committed"; readonly results: readonly BatchResult[]; readonly cursor: Cursor }
  /** A newer epoch of this broker has committed: this one must stop. */
  | { readonly kind: "fenced"; readonly brokerEpoch: number }
  /** `expected` is the number the leader will take next. */
  | { readonly kind: "ahead"; readonly expected: number }
  /** The cell holds too many inline bytes: send the same number again as an object. */
  | { readonly kind: "inline-full" };

/** A position in a cell's journal: the sequence number of the last row seen. */
export type Cursor = number;

/** Where the bytes of an extent lie. Keys are relative to the cluster's prefix. */
export type ExtentSource =
  | { readonly kind: "object"; readonly key: string; readonly byteStart: number }
  /** Inline bytes travel with the answer. They carry no offsets yet: patch them before use. */
  | { readonly kind: "inline"; readonly records: Uint8Array };

/** Adjacent batches of one partition in one source: offsets [baseOffset, nextOffset). */
export interface Extent {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly byteLength: number;
  readonly maxTimestamp: number;
  readonly leaderEpoch: number;
  readonly source: ExtentSource;
  /** Its batches have their final offsets, which ascend and may leave some out; it may hold nothing at all. */
  readonly compacted?: true;
}

/** What is true of a partition at one cursor. */
export interface PartitionBounds {
  readonly logStartOffset: number;
  readonly highWatermark: number;
  /** Where the first open transaction begins, or the high watermark; never goes back. */
  readonly lastStableOffset: number;
  readonly leaderEpoch: number;
}

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
  /** Of its marker. */
  readonly lastOffset: number;
}

export interface FindRequest extends PartitionRef {
  readonly offset: number;
  /** Stop after the extent that passes this; the first extent is always returned. */
  readonly maxBytes: number;
}

export interface FindResult extends PartitionRef {
  /** 0, UNKNOWN_TOPIC_OR_PARTITION or OFFSET_OUT_OF_RANGE. */
  readonly errorCode: number;
  readonly bounds: PartitionBounds;
  /** From the extent that contains `offset` on; empty when `offset` is the high watermark. */
  readonly extents: readonly Extent[];
  /** By first offset: those that overlap the extents and end at or behind `offset`. As of this answer, so for offsets below its bounds' last stable one. */
  readonly abortedTransactions: readonly AbortedTransaction[];
}

export interface FindReply {
  readonly cursor: Cursor;
  readonly results: readonly FindResult[];
}

/** One change that followers learn of. Changes come in journal order, without holes, unless the reply says `gap`. */
export type FollowUpdate =
  | (PartitionRef & {
      readonly kind: "appended";
      readonly extent: Extent;
      readonly bounds: PartitionBounds;
      /** The extent is a marker that aborted these records. */
      readonly aborted?: AbortedTransaction;
    })
  | (PartitionRef & { readonly kind: "bounds"; readonly bounds: PartitionBounds })
  /** Records have gone from between: what is known of where bytes lie is to be forgotten, so that nobody sees an old log for long. */
  | (PartitionRef & { readonly kind: "compacted"; readonly bounds: PartitionBounds })
  | (PartitionRef & { readonly kind: "deleted" });

export interface FollowReply {
  readonly cursor: Cursor;
  /** The leader no longer has every change since the cursor: forget what is known of the cell and find again. */
  readonly gap: boolean;
  readonly updates: readonly FollowUpdate[];
}

export type OffsetSpec =
  | { readonly kind: "earliest" }
  | { readonly kind: "latest"; readonly readCommitted: boolean }
  | { readonly kind: "max-timestamp" }
  /** Extents that may hold the first record at or after the time; the caller looks inside. */
  | { readonly kind: "timestamp"; readonly timestamp: number };

export interface OffsetQuery extends PartitionRef {
  readonly spec: OffsetSpec;
}

export interface OffsetAnswer extends PartitionRef {
  readonly errorCode: number;
  readonly leaderEpoch: number;
  /** Final for earliest and latest; for the others -1 with `extents` to look into (in offset order), or -1 and none: no such record. */
  readonly offset: number;
  readonly extents: readonly Extent[];
  readonly bounds: PartitionBounds;
}

export interface EpochEndQuery extends PartitionRef {
  readonly leaderEpoch: number;
}

export interface EpochEndAnswer extends PartitionRef {
  readonly errorCode: number;
  readonly leaderEpoch: number;
  readonly endOffset: number;
}

/** What administrators ask of a partition. */
export interface PartitionDescription extends PartitionRef {
  readonly errorCode: number;
  /** Bytes of all batches between the log's start and its end. */
  readonly byteLength: number;
  readonly producers: readonly {
    readonly producerId: number;
    readonly producerEpoch: number;
    readonly lastSequence: number;
    /** When the producer was heard last. */
    readonly lastTimestamp: number;
    /** Of the coordinator that ended its last transaction here; -1 when none has. */
    readonly coordinatorEpoch: number;
    /** Where its open transaction begins; -1 when it has none. */
    readonly transactionStartOffset: number;
    /** The number of that transaction; 0 when there is none. */
    readonly transactionGeneration: number;
  }[];
}

/**
 * The end of a transaction, in those of its partitions that the cell leads. The coordinator repeats it until every partition is answered
 * with an error that repeating does not change; a marker that is there already is not written again.
 */
export interface MarkerRequest {
  readonly producerId: number;
  /** That of the batches or, from transaction version 2 on, the next: the producer's from here on. */
  readonly producerEpoch: number;
  readonly coordinatorEpoch: number;
  /** The coordinator's count of this producer id's transactions, from 1 on: no batch of this one or an earlier one is taken any more. */
  readonly generation: number;
  readonly commit: boolean;
  readonly partitions: readonly PartitionRef[];
}

/**
 * Kafka's error codes in the order of the partitions: NONE, also when the marker was there already; UNKNOWN_TOPIC_OR_PARTITION: the
 * partition has been deleted, so there is nothing left to end; INVALID_PRODUCER_EPOCH and TRANSACTION_COORDINATOR_FENCED: a newer
 * epoch has been here.
 */
export type MarkerAnswer = readonly number[];

/** The settings of a topic that a leader acts on; what is not told limits nothing. */
export interface PartitionSettings {
  readonly timestampType: "CreateTime" | "LogAppendTime";
  /** "none": Kafka lets a topic have an empty cleanup.policy, under which nothing is ever deleted. */
  readonly cleanupPolicy?: "delete" | "compact" | "compact,delete" | "none";
  /** -1: no limit. */
  readonly retentionMs?: number;
  readonly retentionBytes?: number;
  readonly segmentBytes?: number;
  readonly segmentMs?: number;
  /** Of all bytes that could be compacted, in millionths: the share of those not yet compacted from which on they are. */
  readonly minCleanableDirtyMillionths?: number;
  readonly deleteRetentionMs?: number;
  readonly minCompactionLagMs?: number;
  readonly maxCompactionLagMs?: number;
}

/** Of the write-ahead objects of one broker epoch, those below `sequence` are not needed. */
export interface ReferencedEpoch extends BrokerIdentity {
  readonly sequence: number;
}

/** Bytes of a cell that a merger is to copy: whole batches of one partition, at their place in an object, or inline. */
export interface MergeInput extends PartitionRef {
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly leaderEpoch: number;
  readonly maxTimestamp: number;
  /** Empty for inline records, which travel with the claim. */
  readonly key: string;
  readonly byteStart: number;
  readonly byteLength: number;
  readonly records?: Uint8Array;
  /** Its batches have their final offsets already, and may leave some out. */
  readonly compacted?: true;
}

/** The transactions that are under way at an offset and have batches below it, by their producers. */
export interface SeenTransactions {
  readonly committed: readonly number[];
  readonly aborted: readonly number[];
}

/** What a partition remembers of a producer. */
export interface LastRecord {
  readonly producerId: number;
  readonly producerEpoch: number;
  /** Of its last record; -1: there is none of its epoch. */
  readonly offset: number;
}

/** What it takes to compact the inputs of a claim. */
export interface Compaction {
  /** The number of the first claim that has the same keys: who has mapped them for it need not do so again. */
  readonly round: number;
  /** Bytes of the same partition whose keys say which of the inputs' records are overwritten. */
  readonly dirty: readonly MergeInput[];
  /** Records of `dirty` below it are not asked. */
  readonly startOffset: number;
  /** Nor those from here on, which stay as they are. Keys are mapped as far as the memory reaches, and the answer says how far that was. */
  readonly endOffset: number;
  readonly nowMs: number;
  readonly deleteRetentionMs: number;
  /** Those that overlap the inputs or `dirty`. */
  readonly aborted: readonly AbortedTransaction[];
  /** Of producers whose last record may be among the inputs. */
  readonly lastRecords: readonly LastRecord[];
  /** Where the inputs begin. */
  readonly seen: SeenTransactions;
}

/** What became of a claim's inputs. */
export interface Compacted {
  /** Keys were taken from records below; batches from here on are as they were. */
  readonly mapEnd: number;
  /** Where the last input ends that was gone through: those behind are as they were. */
  readonly endOffset: number;
  /** They lie in the object one behind the other, and there is at least one. */
  readonly extents: readonly { readonly baseOffset: number; readonly byteLength: number; readonly maxTimestamp: number }[];
  /** Markers' offsets of aborted transactions of which no batch is left: readers need not be told of them any more. */
  readonly forgotten: readonly number[];
  /** At `endOffset`. */
  readonly seen: SeenTransactions;
}

/**
 * What the holder of a claim writes: one object at `key`, in which the inputs lie one behind the other in their order, with final
 * offsets, and then, if it is a merged object, the footer, whose cursor is the claim's number. The key was never used and never will be by another.
 */
export interface MergeClaim {
  /**
   * A segment is of one partition, has no footer, being byte for byte a Kafka log, and has its two indexes beside it, which are written
   * after it. A compacted one is a segment of what is left of the inputs.
   */
  readonly kind: "merged" | "segment" | "compacted";
  /** Of compacted segments. */
  readonly compaction?: Compaction;
  readonly number: number;
  readonly cell: number;
  readonly key: string;
  /** In the order of the object: by topic, partition and offset. */
  readonly inputs: readonly MergeInput[];
}

export type ClaimReply =
  | { readonly kind: "claimed"; readonly claim: MergeClaim }
  /** Somebody else holds a claim of this cell, until then at the latest. */
  | { readonly kind: "busy"; readonly untilMs: number }
  | { readonly kind: "nothing" };

/**
 * `lost`: the claim is not known here. It was given away again after its time, was committed or released before, or the leader has died
 * since. Whether the object is referred to is not known then, so whoever wrote it must leave it alone.
 */
export type MergeReply = { readonly kind: "committed"; readonly extents: number } | { readonly kind: "lost" };

export interface MergeRelease {
  readonly number: number;
  /** Objects whose bytes are not what the leader believes, "" for inline records: no claim names them again until the leader has started anew. */
  readonly damaged: readonly string[];
  /** Its time was over: the next claims are smaller. */
  readonly isSlow?: boolean;
}

export interface BatchCoordinator {
  commit(request: CommitRequest): Promise<CommitReply>;
  findBatches(requests: readonly FindRequest[]): Promise<FindReply>;
  /** Answers as soon as the journal has passed `cursor`, at the latest after `maxWaitMs` (then with no updates). */
  follow(cursor: Cursor, maxWaitMs: number): Promise<FollowReply>;
  listOffsets(queries: readonly OffsetQuery[]): Promise<readonly OffsetAnswer[]>;
  epochEnds(queries: readonly EpochEndQuery[]): Promise<readonly EpochEndAnswer[]>;
  describePartitions(partitions: readonly PartitionRef[]): Promise<readonly PartitionDescription[]>;
  /**
   * Idempotent, as is deletePartitions: the controller repeats both until they are answered. `ledBefore`: as many partitions the cell
   * leads, as far as the controller knows. A leader that knows fewer has lost its rows: it refuses, or records would get offsets that
   * others had, and objects keys that others have. `hasLed`: the cell has led partitions at any time; a leader that never has lost its rows too.
   */
  createPartitions(
    partitions: readonly PartitionRef[],
    settings: PartitionSettings,
    fences?: readonly BrokerIdentity[],
    ledBefore?: number,
    hasLed?: boolean,
  ): Promise<void>;
  /** Answers whether the cell has ever led a partition, this or another: one that should have and has not lost its rows. */
  deletePartitions(topicId: TopicId): Promise<boolean>;
  /** One answer per request. Durable in one row for all of them, or not at all. */
  writeMarkers(requests: readonly MarkerRequest[]): Promise<readonly MarkerAnswer[]>;
  /**
   * Refuses lower epochs of these brokers for good, then says which write-ahead objects the cell still needs (D12). One that has lost its
   * rows (`ledBefore` as above) must not say that it needs none.
   */
  collect(fences: readonly BrokerIdentity[], ledBefore?: number): Promise<readonly ReferencedEpoch[]>;
  /** Of these keys those of objects that the cell refers to, or has yet to delete itself. */
  holds(keys: readonly string[]): Promise<readonly string[]>;
  /** Moves the log start forward; answers the new log start, or the Kafka error, per partition. */
  deleteRecords(
    requests: readonly (PartitionRef & { readonly beforeOffset: number })[],
  ): Promise<readonly { readonly errorCode: number; readonly logStartOffset: number }[]>;
  /** Work for a merger, if there is any (D11). At most one claim of a cell is open at a time, for a bounded time. */
  claimMerge(): Promise<ClaimReply>;
  /**
   * The claim's object rests. Its extents move there where they still are what they were when they were claimed; neighbours of a partition
   * become one. What was deleted meanwhile stays deleted [I5].
   */
  commitMerge(number: number, compacted?: Compacted): Promise<MergeReply>;
  /** The claim will not be carried out. Another may be given away at once. */
  releaseMerge(release: MergeRelease): Promise<void>;
}
