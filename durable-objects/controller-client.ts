/**
 * The cluster's controller over RPC. One stub for as long as it works, and a new one after any failure, because a stub whose object
 * was reset stays broken.
 */
import type { ControllerClient } from "../core/cluster/controller-client.ts";
import type { Env } from "./env.ts";
import { controllerName } from "./names.ts";

export function controllerClient(env: Env, cluster: string): ControllerClient {
  let stub: ControllerClient | undefined;
  const call = async <Answer>(work: (controller: ControllerClient) => Promise<Answer>): Promise<Answer> => {
    stub ??= env.CONTROLLER.getByName(controllerName(cluster)) as unknown as ControllerClient;
    const used = stub;
    try {
      return await work(used);
    } catch (error) {
      if (stub === used) stub = undefined;
      throw error;
    }
  };
  return {
    snapshot: (knownVersion) => call((controller) => controller.snapshot(knownVersion)),
    createTopics: (topics, validateOnly) => call((controller) => controller.createTopics(topics, validateOnly)),
    deleteTopics: (ids) => call((controller) => controller.deleteTopics(ids)),
    createPartitions: (requests, validateOnly) => call((controller) => controller.createPartitions(requests, validateOnly)),
    alterConfigs: (alterations, validateOnly) => call((controller) => controller.alterConfigs(alterations, validateOnly)),
    configuredResources: () => call((controller) => controller.configuredResources()),
    registerBroker: (brokerId) => call((controller) => controller.registerBroker(brokerId)),
    allocateProducerIds: () => call((controller) => controller.allocateProducerIds()),
    registerGroup: (groupId) => call((controller) => controller.registerGroup(groupId)),
    unregisterGroup: (groupId) => call((controller) => controller.unregisterGroup(groupId)),
    groups: () => call((controller) => controller.groups()),
  };
}
