/**
 * The cluster's controller over RPC. What changes nothing is asked twice before it fails, because a controller that was restarted breaks
 * off the call that finds out, and a client's connection with it.
 */
import type { ControllerClient } from "../core/cluster/controller-client.ts";
import type { Env } from "./env.ts";
import { controllerName } from "./names.ts";
import { Stub } from "./stub.ts";

export function controllerClient(env: Env, cluster: string): ControllerClient {
  const stub = new Stub(() => env.CONTROLLER.getByName(controllerName(cluster)) as unknown as ControllerClient);
  return {
    snapshot: (knownVersion) => stub.repeat((controller) => controller.snapshot(knownVersion)),
    createTopics: (topics, validateOnly) => stub.ask((controller) => controller.createTopics(topics, validateOnly)),
    deleteTopics: (ids) => stub.ask((controller) => controller.deleteTopics(ids)),
    createPartitions: (requests, validateOnly) => stub.ask((controller) => controller.createPartitions(requests, validateOnly)),
    alterConfigs: (alterations, validateOnly) => stub.ask((controller) => controller.alterConfigs(alterations, validateOnly)),
    alterClientQuotas: (alterations, validateOnly) =>
      stub.ask((controller) => controller.alterClientQuotas(alterations, validateOnly)),
    configuredResources: () => stub.repeat((controller) => controller.configuredResources()),
    registerBroker: (brokerId) => stub.call((controller) => controller.registerBroker(brokerId)),
    allocateProducerIds: () => stub.repeat((controller) => controller.allocateProducerIds()),
    registerGroup: (groupId) => stub.repeat((controller) => controller.registerGroup(groupId)),
    unregisterGroup: (groupId) => stub.ask((controller) => controller.unregisterGroup(groupId)),
    groups: () => stub.repeat((controller) => controller.groups()),
    registerTransaction: (transactionalId) => stub.repeat((controller) => controller.registerTransaction(transactionalId)),
    unregisterTransaction: (transactionalId) => stub.call((controller) => controller.unregisterTransaction(transactionalId)),
    transactions: () => stub.repeat((controller) => controller.transactions()),
  };
}
