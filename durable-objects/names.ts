/**
 * The names of Durable Objects, in one place: they carry the cluster first, so that one deployment serves many isolated clusters
 * [I10], and they are the only thing an object knows about itself before its first request. Object keys begin with the same cluster id.
 */
import { zoneNames } from "../core/cluster/placement.ts";
import { OperatingError } from "../core/operating-error.ts";
import type { Settings } from "../core/settings.ts";

export interface BrokerName {
  readonly cluster: string;
  readonly zone: string;
  readonly index: number;
}

/** Safe in a path, an object key and a Durable Object's name; `/` is what separates the parts. */
const clusterPattern = /^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$/;

export function isClusterName(name: string): boolean {
  return clusterPattern.test(name);
}

export function brokerName({ cluster, zone, index }: BrokerName): string {
  return `${cluster}/${zone}/${index}`;
}

export function parseBrokerName(name: string): BrokerName {
  const [cluster, zone, index] = name.split("/");
  if (cluster === undefined || zone === undefined || index === undefined) throw new Error(`not the name of a broker: ${name}`);
  return { cluster, zone, index: Number(index) };
}

/** The broker that has a node id. */
export function brokerNameOf(cluster: string, settings: Pick<Settings, "zones">, nodeId: number): string {
  const zones = zoneNames(settings);
  return brokerName({ cluster, zone: zones[Math.floor(nodeId / 100)] ?? zones[0]!, index: nodeId % 100 });
}

export function leaderName(cluster: string, cell: number): string {
  return `${cluster}/cell/${cell}`;
}

export function mergerName(cluster: string, index: number): string {
  return `${cluster}/merger/${index}`;
}

export function controllerName(cluster: string): string {
  return `${cluster}/controller`;
}

/** An object is not told a name of more than 1 024 bytes: its group would be nameless, and in no cluster. */
const groupIdBytesMax = 900;

export function isGroupId(groupId: string): boolean {
  return groupId.length * 3 <= groupIdBytesMax || new TextEncoder().encode(groupId).byteLength <= groupIdBytesMax;
}

/** A group id may hold any character, `/` too: it is everything behind the second slash. */
export function groupName(cluster: string, groupId: string): string {
  if (!isGroupId(groupId)) throw new OperatingError("invalid", "a group id that is too long for an object's name");
  return `${cluster}/group/${groupId}`;
}

/** As with groups. Kafka lets them be as long as a string. */
export function isTransactionalId(transactionalId: string): boolean {
  return isGroupId(transactionalId);
}

export function transactionName(cluster: string, transactionalId: string): string {
  if (!isTransactionalId(transactionalId))
    throw new OperatingError("invalid", "a transactional id that is too long for an object's name");
  return `${cluster}/txn/${transactionalId}`;
}

export function clusterOf(name: string): string {
  return name.slice(0, name.indexOf("/"));
}

/** What stands behind `<cluster>/<kind>/` in the name of a leader, group or transaction. */
export function tailOf(name: string): string {
  return name.slice(name.indexOf("/", name.indexOf("/") + 1) + 1);
}

/** Node ids never change: zones keep their place in the settings, a zone has at most a hundred brokers. */
export function nodeIdOf(zones: readonly string[], zone: string, index: number): number {
  return Math.max(0, zones.indexOf(zone)) * 100 + index;
}
