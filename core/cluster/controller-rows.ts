/**
 * What a controller persists: one table of keys and JSON values, all kinds listed here and nowhere else.
 *
 * | key | value | written |
 * |---|---|---|
 * | `cluster` | cluster id, lowest metadata version | at first start, when a deletion is done |
 * | `topic/<id>` | name, state, cells, configs, version | when the topic changes; once more when all its leaders have heard of it |
 * | `broker/<node id>` | epoch | when the broker starts |
 * | `producer-ids` | the first id not given away | once per 1000 ids |
 * | `wal-garbage` | which write-ahead objects are gone, and which go next | twice for each round of deletion |
 * | `lost-cells` | cells whose leaders lost their rows: they get no partition again | when one is recovered, or its topics are deleted |
 * | `reconciled` | when the bucket was last compared with the cells | about once a week while objects are deleted |
 * | `group/<group id>` | nothing: that there is such a group | when the group gets its first row; removed with its last |
 * | `txn/<transactional id>` | nothing: that there is such an id | when it gets its row; removed with it |
 * | `config/<type>/<name>` | what was set on a broker (4), all brokers (4, no name) or a group (32) | when it is altered |
 * | `quota/<entity>` | the quotas of a user, client id, both, or an address | when they are altered |
 */
import type { TopicId } from "../coordinator.ts";
import type { CellRun } from "./placement.ts";

/** A value of null removes the row. */
export interface RowChange {
  readonly key: string;
  readonly value: string | null;
}

export type Row = readonly [key: string, value: string];

export interface ClusterRow {
  readonly id: string;
  readonly version: number;
}

export interface TopicRow {
  readonly name: string;
  /** Visible to clients only when live. A topic being deleted no longer holds its name. */
  readonly state: "creating" | "live" | "deleting";
  /** The metadata version of its last change. */
  readonly version: number;
  /** True while a leader has still to hear of the last change. */
  readonly pending: boolean;
  readonly cells: readonly CellRun[];
  /** Partitions that clients may see: fewer than `cells` has while new ones are under way. */
  readonly visible: number;
  readonly configs: Readonly<Record<string, string>>;
  /** What kinds of settings its leaders have been told of; less than `settingsTold`: they must hear again. */
  readonly told?: number;
}

/** Grows with every setting that leaders learn to act on. */
export const settingsTold = 1;

export const clusterKey = "cluster";
export const producerIdsKey = "producer-ids";
export const topicKey = (id: TopicId) => `topic/${id}`;
export const brokerKey = (nodeId: number) => `broker/${nodeId}`;
export const groupKey = (groupId: string) => `group/${groupId}`;
export const quotaKey = (entity: string) => `quota/${entity}`;
export const transactionKey = (transactionalId: string) => `txn/${transactionalId}`;
/** What the deletion of write-ahead objects must remember. */
export const walGarbageKey = "wal-garbage";
/** When the bucket was last compared with the cells. */
export const reconciledKey = "reconciled";
/** Cells whose numbers are in keys of objects that others have taken over. */
export const lostCellsKey = "lost-cells";
export const configKey = (resourceType: number, name: string) => `config/${resourceType}/${name}`;

export function putRow(key: string, value: unknown): RowChange {
  return { key, value: JSON.stringify(value) };
}
