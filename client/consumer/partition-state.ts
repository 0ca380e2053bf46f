/**
 * What a consumer knows of one partition it reads: where it reads next, what has been fetched and not handed out, how far the caller has
 * come, what was committed. A seek or a loss makes a new token, by which answers that are still on their way are known to be stale.
 */
import type { FetchedBatch } from "../records/batch-reader.ts";
import { partitionKey } from "../records/record.ts";

/** Fetched together, read in order. */
export interface Chunk {
  readonly state: PartitionState;
  readonly token: number;
  readonly batches: readonly FetchedBatch[];
  /** Where it was asked for. */
  readonly offset: number;
  /** Where the partition goes on behind it, whatever of it could be seen. */
  readonly nextOffset: number;
  readonly byteLength: number;
}

export class PartitionState {
  readonly topic: string;
  readonly partition: number;
  readonly key: string;
  token = 0;
  /** Of the topic whose log the offsets are of; undefined before the first fetch. */
  topicId: string | undefined;
  /** Of the next fetch; undefined until it is found out. */
  fetchOffset: number | undefined;
  /** Behind the last record that the caller is done with. */
  doneOffset: number | undefined;
  /** Behind the last record that was handed out. */
  deliveredOffset: number | undefined;
  committedOffset: number | undefined;
  highWatermark = -1;
  bufferedBytes = 0;
  isPaused = false;
  /** On its way to another member: neither fetched nor handed out. */
  isLeaving = false;
  isFetching = false;
  notBeforeMs = 0;
  failures = 0;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
    this.key = partitionKey(topic, partition);
  }

  /** Goes on elsewhere; what was fetched is dropped. Undefined: where is to be found out. */
  moveTo(offset: number | undefined): void {
    this.token += 1;
    this.fetchOffset = offset;
    this.doneOffset = offset;
    this.deliveredOffset = offset;
    this.bufferedBytes = 0;
    this.isFetching = false;
    this.notBeforeMs = 0;
  }
}
