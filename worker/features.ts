/**
 * The features of the cluster in Kafka's sense: what ApiVersions says is finalized, and what UpdateFeatures is asked to change. Levels
 * come with the release; there are no brokers of different versions side by side that an operator would have to wait for.
 */
export interface Feature {
  readonly name: string;
  readonly minVersion: number;
  readonly maxVersion: number;
  /** The level in force; 0: supported, not finalized. */
  readonly level: number;
}

export const features: readonly Feature[] = [
  /** 1: the group protocol whose members heartbeat (KIP-848), as Kafka finalizes it since 4.0. */
  { name: "group.version", minVersion: 0, maxVersion: 1, level: 1 },
  /** 2: brokers add partitions to transactions, and each transaction has its own epoch (KIP-890). */
  { name: "transaction.version", minVersion: 0, maxVersion: 2, level: 2 },
];
