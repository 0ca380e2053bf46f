/** @platformatic/kafka with its own defaults (the newest version of every API), and nothing of it left running when a test ends. */
import {
  Admin,
  Consumer,
  Producer,
  stringDeserializers,
  stringSerializers,
  type ConsumerOptions,
  type GroupProtocolValue,
  type Message,
  type ProducerOptions,
} from "@platformatic/kafka";
import type { AtEnd } from "./kafkajs-client.ts";

export type Strings<Type> = Type extends Producer
  ? Producer<string, string, string, string>
  : Type extends Consumer
    ? Consumer<string, string, string, string>
    : Message<string, string, string, string>;

/** Of one of the two protocols. */
type ConsumerSettings = Partial<ConsumerOptions<string, string, string, string>> & { readonly groupId: string };

export class Platformatic {
  readonly #options: { readonly clientId: string; readonly bootstrapBrokers: string[] };
  readonly #atEnd: AtEnd;

  constructor(bootstrap: string, atEnd: AtEnd) {
    this.#options = { clientId: "platformatic", bootstrapBrokers: [bootstrap] };
    this.#atEnd = atEnd;
  }

  producer(options: Partial<ProducerOptions<string, string, string, string>> = {}): Strings<Producer> {
    const producer = new Producer({ ...this.#options, serializers: stringSerializers, ...options });
    this.#atEnd(() => producer.close(true));
    return producer;
  }

  admin(): Admin {
    const admin = new Admin(this.#options);
    this.#atEnd(() => admin.close());
    return admin;
  }

  consumer(options: ConsumerSettings): Strings<Consumer> {
    const consumer = new Consumer({ ...this.#options, deserializers: stringDeserializers, ...options });
    this.#atEnd(() => consumer.close(true));
    return consumer;
  }

  /** A member of a group that reads a topic from what was committed, or else from the beginning. */
  async member(groupId: string, topic: string, groupProtocol: GroupProtocolValue = "classic"): Promise<PlatformaticMember> {
    const consumer = new Consumer({ ...this.#options, groupId, groupProtocol, deserializers: stringDeserializers });
    this.#atEnd(() => consumer.close(true));
    const messages: Strings<Message>[] = [];
    const stream = await consumer.consume({ topics: [topic], mode: "committed", fallbackMode: "earliest" });
    stream.on("data", (message) => void messages.push(message));
    return {
      messages,
      get values() {
        return messages.map(({ value }) => value);
      },
      get partitions() {
        return consumer.assignments?.find((each) => each.topic === topic)?.partitions ?? [];
      },
      leave: () => consumer.close(true),
    };
  }
}

interface PlatformaticMember {
  readonly messages: readonly Strings<Message>[];
  readonly values: readonly (string | undefined)[];
  /** Of the topic, in the newest generation. */
  readonly partitions: readonly number[];
  leave(): Promise<void>;
}
