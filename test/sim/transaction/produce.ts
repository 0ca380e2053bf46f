/**
 * Produce with transactional batches as a broker's handler does it, in virtual time: the coordinator's word for the partition, kept for
 * as long as its transaction lasts, and asked for once more when the leader has seen that transaction end.
 */
import type { AppendItem, AppendOutcome } from "../../../core/broker/interface.ts";
import { VerifiedPartitions } from "../../../core/broker/verified-partitions.ts";
import type { AdmissionReply } from "../../../core/transaction/admission.ts";
import type { ProducerIdentity, TransactionVersion } from "../../../core/transaction/requests.ts";
import { errorCodes } from "../../../protocol/errors.ts";
import type { SimulatedBroker } from "../broker.ts";
import type { Network } from "../network.ts";
import type { SimulatedCoordinator } from "./coordinator.ts";

export interface TransactionalProduce extends ProducerIdentity {
  readonly coordinator: SimulatedCoordinator;
  readonly version: TransactionVersion;
  readonly item: AppendItem;
}

/** An error code, or what the leader said. Undefined: the connection was lost. */
type Answer = (outcome: AppendOutcome | number | undefined) => void;

export class ProduceGate {
  readonly broker: SimulatedBroker;
  readonly #network: Network;
  #verified = new VerifiedPartitions();
  #incarnation: number;

  constructor(broker: SimulatedBroker, network: Network) {
    this.broker = broker;
    this.#network = network;
    this.#incarnation = broker.incarnation;
  }

  produce(produce: TransactionalProduce, answer: Answer): void {
    if (this.#incarnation !== this.broker.incarnation) this.#verified = new VerifiedPartitions();
    this.#incarnation = this.broker.incarnation;
    const generation = this.#verified.generation(produce, produce.item);
    if (generation === undefined) return this.#verify(produce, answer);
    this.#append(produce, generation, (outcome) => {
      if (typeof outcome !== "object" || outcome.errorCode !== errorCodes.INVALID_TXN_STATE) return answer(outcome);
      this.#verified.forget(produce.producerId);
      this.#verify(produce, answer);
    });
  }

  #verify(produce: TransactionalProduce, answer: Answer): void {
    const { producerId, producerEpoch, version, item, coordinator } = produce;
    const { topicId, partition, cell } = item;
    const request = { producerId, producerEpoch, add: version === 2, partitions: [{ topicId, partition, cell }] };
    this.#network.call<AdmissionReply>(
      `broker ${this.broker.brokerId} verifies ${producerId}`,
      this.broker.life,
      coordinator.life,
      (reply) => coordinator.ask({ kind: "admit", request }, (told) => reply(told as AdmissionReply)),
      ({ errorCodes: [errorCode], generation }) => {
        if (errorCode !== errorCodes.NONE) return answer(errorCode);
        this.#verified.add(produce, generation, [item]);
        this.#append(produce, generation, answer);
      },
      () => answer(errorCodes.NOT_ENOUGH_REPLICAS),
    );
  }

  #append({ item, version }: TransactionalProduce, transactionGeneration: number, answer: Answer): void {
    const batches = item.batches.map((batch) => ({ ...batch, transactionGeneration, hasOwnEpoch: version === 2 }));
    this.broker.append([{ ...item, records: item.records.slice(), batches }], (outcomes) => answer(outcomes?.[0]));
  }
}
