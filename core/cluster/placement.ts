/**
 * Who serves what. A partition has one cell (D5), for as long as its leader keeps its rows; which broker of a zone a client is sent to for it is a fixed hash, so
 * that all readers of a partition in a zone share one cache (D14). Any broker could serve any partition: a wrong guess costs
 * speed, never correctness.
 */
import type { TopicId } from "../coordinator.ts";
import { settingDefaults, type Settings } from "../settings.ts";

/** The node ids of zone z are z × 100 … z × 100 + 99. */
const nodesPerZoneMax = 100;

export interface Node {
  readonly nodeId: number;
  /** Its place within the zone: node n of the zone listens at base port + n (D2). */
  readonly index: number;
  readonly zone: string;
}

type ZoneSettings = Pick<Settings, "zones" | "brokers.per.zone">;

/** In their order, at least one. */
export function zoneNames({ zones }: Pick<Settings, "zones">): readonly string[] {
  const names = zones.split(",").map((name) => name.trim());
  const named = names.filter((name) => name !== "");
  return named.length > 0 ? named : [settingDefaults.zones];
}

/** The brokers a client of `zone` is told of. An unknown zone is the first one: a client with a typo still gets its records. */
export function zoneNodes(settings: ZoneSettings, zone: string): readonly Node[] {
  const zones = zoneNames(settings);
  const zoneIndex = Math.max(0, zones.indexOf(zone));
  const count = Math.min(Math.max(1, settings["brokers.per.zone"]), nodesPerZoneMax);
  const nodes: Node[] = [];
  for (let index = 0; index < count; index++) {
    nodes.push({ nodeId: zoneIndex * nodesPerZoneMax + index, index, zone: zones[zoneIndex]! });
  }
  return nodes;
}

/** Every node id of the cluster, all zones. */
export function allNodeIds(settings: ZoneSettings): readonly number[] {
  return zoneNames(settings).flatMap((zone) => zoneNodes(settings, zone).map((node) => node.nodeId));
}

/** A topic begins somewhere and goes round: even a topic of two partitions is served by two brokers. */
export function partitionNode(nodes: readonly Node[], topicId: TopicId, partition: number): Node {
  if (nodes.length === 1) return nodes[0]!;
  return nodes[(mix(hashText(topicId)) + partition) % nodes.length]!;
}

/** The coordinator of a group or a transactional id. */
export function coordinatorNode(nodes: readonly Node[], key: string): Node {
  return nodes[mix(hashText(key)) % nodes.length]!;
}

/** FNV-1a over UTF-16 code units. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}

/** Spreads the bits (the finisher of MurmurHash3): names that differ little go to different nodes. */
function mix(value: number): number {
  let hash = value | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Partitions in a row that lie in one cell: [cell, how many, leader epoch]. */
export type CellRun = readonly [cell: number, count: number, leaderEpoch: number];

/**
 * Cells for `count` new partitions: the lowest cell with room first, the next one opened when all are full. `load` (partitions
 * per cell) is left as it is; cells that are lost get none.
 */
export function placePartitions(
  load: ReadonlyMap<number, number>,
  count: number,
  cellPartitionsMax: number,
  lostCells: readonly number[] = [],
): CellRun[] {
  const runs: CellRun[] = [];
  let left = count;
  for (let cell = 0; left > 0; cell++) {
    const room = Math.min(left, cellPartitionsMax - (load.get(cell) ?? 0));
    if (room <= 0 || lostCells.includes(cell)) continue;
    runs.push([cell, room, 0]);
    left -= room;
  }
  return runs;
}
