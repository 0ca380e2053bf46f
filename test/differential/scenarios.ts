/** All scenarios, in the order in which they run. */
import { classicGroupScenarios } from "./scenarios/classic-groups.ts";
import { clusterScenarios } from "./scenarios/cluster.ts";
import { configScenarios } from "./scenarios/configs.ts";
import { consumerGroupScenarios } from "./scenarios/consumer-groups.ts";
import { fetchScenarios } from "./scenarios/fetch.ts";
import { groupOffsetScenarios } from "./scenarios/group-offsets.ts";
import { migratingGroupScenarios } from "./scenarios/migrating-groups.ts";
import { produceScenarios } from "./scenarios/produce.ts";
import { openTransactionScenarios } from "./scenarios/open-transactions.ts";
import { protocolScenarios } from "./scenarios/protocol.ts";
import { quotaScenarios } from "./scenarios/quotas.ts";
import { transactionScenarios } from "./scenarios/transactions.ts";
import { topicScenarios } from "./scenarios/topics.ts";
import type { Scenario } from "./script.ts";

export const scenarios: readonly Scenario[] = [
  ...protocolScenarios,
  ...topicScenarios,
  ...configScenarios,
  ...produceScenarios,
  ...fetchScenarios,
  ...classicGroupScenarios,
  ...groupOffsetScenarios,
  ...consumerGroupScenarios,
  ...migratingGroupScenarios,
  ...quotaScenarios,
  ...transactionScenarios,
  ...openTransactionScenarios,
  ...clusterScenarios,
];
