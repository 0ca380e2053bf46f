/** A controller without a Durable Object: the machine on a table of rows, its leaders told at once. */
import type { ConfigAlteration, ControllerClient, NewPartitions, NewTopic } from "../../core/cluster/controller-client.ts";
import type { QuotaAlteration } from "../../core/quota/quota-table.ts";
import type { Settings } from "../../core/settings.ts";
import { Cluster } from "../core/cluster/cluster.ts";

export class LocalController implements ControllerClient {
  readonly cluster: Cluster;

  constructor(settings: Settings) {
    this.cluster = new Cluster(settings);
  }

  async snapshot(knownVersion: number) {
    return this.cluster.machine.snapshot(knownVersion);
  }

  async createTopics(topics: readonly NewTopic[], validateOnly: boolean) {
    if (validateOnly) return this.cluster.machine.validateTopics(topics);
    const decisions = this.cluster.createTopics(topics);
    this.cluster.drain();
    return decisions.map((decision) => this.cluster.machine.outcome(decision));
  }

  async deleteTopics(ids: readonly string[]) {
    const outcomes = this.cluster.deleteTopics(ids);
    this.cluster.drain();
    return outcomes;
  }

  async createPartitions(requests: readonly NewPartitions[], validateOnly: boolean) {
    const decisions = this.cluster.persist(this.cluster.machine.createPartitions(requests, validateOnly));
    this.cluster.drain();
    return decisions.map((decision) => ({
      errorCode: decision.errorCode,
      errorMessage: "errorMessage" in decision ? decision.errorMessage : null,
    }));
  }

  async alterConfigs(alterations: readonly ConfigAlteration[], validateOnly: boolean) {
    const outcomes = this.cluster.persist(this.cluster.machine.alterConfigs(alterations, validateOnly));
    this.cluster.drain();
    return outcomes;
  }

  async alterClientQuotas(alterations: readonly QuotaAlteration[], validateOnly: boolean) {
    return this.cluster.persist(this.cluster.machine.alterClientQuotas(alterations, validateOnly));
  }

  async configuredResources() {
    return this.cluster.machine.configuredResources();
  }

  async registerBroker(brokerId: number) {
    return { brokerEpoch: this.cluster.registerBroker(brokerId) };
  }

  async allocateProducerIds() {
    return this.cluster.allocateProducerIds();
  }

  async registerGroup(groupId: string) {
    this.cluster.persist(this.cluster.machine.registerGroup(groupId));
  }

  async unregisterGroup(groupId: string) {
    this.cluster.persist(this.cluster.machine.unregisterGroup(groupId));
  }

  async groups() {
    return this.cluster.machine.groups();
  }

  async registerTransaction(transactionalId: string) {
    this.cluster.persist(this.cluster.machine.registerTransaction(transactionalId));
  }

  async unregisterTransaction(transactionalId: string) {
    this.cluster.persist(this.cluster.machine.unregisterTransaction(transactionalId));
  }

  async transactions() {
    return this.cluster.machine.transactions();
  }
}
