/**
 * What a scenario is written with: it runs once against each broker, says what it asks by its own label, and every answer is
 * recorded. A scenario is run for each version of its API that both brokers serve, with topics and groups of its own.
 */
import { createTopics } from "../../protocol/messages/19-create-topics.ts";
import { listOffsets } from "../../protocol/messages/02-list-offsets.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import type { ApiSchema, RequestInput, ResponseOf } from "../../protocol/schema.ts";
import { Wire } from "./wire.ts";
import { Symbols } from "./symbols.ts";

export interface Scenario {
  readonly api: ApiSchema;
  readonly title: string;
  readonly versions: readonly [min: number, max: number];
  readonly run: (script: Script, version: number) => Promise<void>;
}

/** One scenario for all versions of an API, or for those in a range. */
export function scenario<Api extends ApiSchema>(
  api: Api,
  title: string,
  run: (script: Script, version: number) => Promise<void>,
  versions: readonly [min: number, max: number] = [0, Infinity],
): Scenario {
  return { api, title, versions, run };
}

export type VersionTable = ReadonlyMap<number, readonly [min: number, max: number]>;

export interface Step {
  readonly label: string;
  readonly answer: unknown;
}

export class Script {
  readonly steps: Step[] = [];
  readonly symbols = new Symbols();
  readonly #port: number;
  readonly #wires = new Map<string, Wire>();
  readonly #prefix: string;
  readonly #common: VersionTable;
  readonly #api: ApiSchema;
  readonly #version: number;

  /** `prefix` begins all names of this run, the same at both brokers. */
  constructor(port: number, prefix: string, common: VersionTable, api: ApiSchema, version: number) {
    this.#port = port;
    this.#prefix = prefix;
    this.#common = common;
    this.#api = api;
    this.#version = version;
  }

  close(): void {
    for (const wire of this.#wires.values()) wire.close();
  }

  /** A topic, group or other name that no other scenario uses. */
  unique(name: string): string {
    return `${this.#prefix}-${name}`;
  }

  /** A connection of its own for each name; a new one where the last has ended. */
  wire(name = "main"): Wire {
    let wire = this.#wires.get(name);
    if (wire === undefined || wire.isOver) {
      wire = new Wire(this.#port, name);
      this.#wires.set(name, wire);
    }
    return wire;
  }

  versionOf(api: ApiSchema): number {
    if (api.key === this.#api.key) return this.#version;
    const common = this.#common.get(api.key);
    if (common === undefined) throw new Error(`${api.name} is not served by both`);
    return common[1];
  }

  /** Asks without recording; undefined when no answer came. */
  async ask<Api extends ApiSchema>(
    api: Api,
    body: RequestInput<Api>,
    { wire = "main", version = this.versionOf(api) }: Asking = {},
  ): Promise<ResponseOf<Api>> {
    const answer = await this.wire(wire).call(api, version, body);
    if (typeof answer === "string") throw new Unanswered(api, version, answer);
    return answer;
  }

  /** Asks and records the answer, or that none came. */
  async call<Api extends ApiSchema>(
    label: string,
    api: Api,
    body: RequestInput<Api>,
    asking: Asking = {},
  ): Promise<ResponseOf<Api>> {
    try {
      const answer = await this.ask(api, body, asking);
      this.record(label, answer);
      return answer;
    } catch (error) {
      if (error instanceof Unanswered) this.record(label, error.answer);
      throw error;
    }
  }

  /** As `call`, for requests that may be answered by a closed connection. */
  async tryCall<Api extends ApiSchema>(label: string, api: Api, body: RequestInput<Api>, asking: Asking = {}): Promise<void> {
    try {
      await this.call(label, api, body, asking);
    } catch (error) {
      if (!(error instanceof Unanswered)) throw error;
    }
  }

  /** Asks again until the answer is as expected, for what a broker does in its own time; records the last answer. */
  async until<Api extends ApiSchema>(
    label: string | undefined,
    api: Api,
    body: RequestInput<Api>,
    expected: (answer: ResponseOf<Api>) => boolean,
    asking: Asking = {},
  ): Promise<ResponseOf<Api>> {
    const endMs = Date.now() + 8000;
    let answer = await this.ask(api, body, asking);
    while (!expected(answer) && Date.now() < endMs) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      answer = await this.ask(api, body, asking);
    }
    if (label !== undefined) this.record(label, answer);
    else if (!expected(answer))
      throw new Error(`${api.name} did not come to what was expected: ${JSON.stringify(this.symbols.plain(answer))}`);
    return answer;
  }

  record(label: string, answer: unknown): void {
    this.steps.push({ label, answer: this.symbols.plain(answer) });
  }

  /** A topic that is there and led, before anything is asked about it; answers its id. */
  async createTopic(
    name: string,
    { partitions = 1, configs = {} }: { readonly partitions?: number; readonly configs?: Readonly<Record<string, string>> } = {},
  ): Promise<string> {
    const { topics } = await this.ask(
      createTopics,
      {
        topics: [
          {
            name,
            numPartitions: partitions,
            replicationFactor: 1,
            configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
          },
        ],
        timeoutMs: 10_000,
      },
      { version: 7 },
    );
    const [created] = topics;
    if (created === undefined || created.errorCode !== 0)
      throw new Error(`creating ${name}: ${created?.errorCode} ${created?.errorMessage}`);
    this.symbols.name(created.topicId, `id of ${name}`);
    await this.untilLed(name, partitions);
    return created.topicId;
  }

  /** Until the broker answers for every partition. */
  async untilLed(name: string, partitions: number): Promise<void> {
    await this.until(
      undefined,
      metadata,
      { topics: [{ name }], allowAutoTopicCreation: false },
      ({ topics }) => topics[0]?.partitions.filter(({ errorCode }) => errorCode === 0).length === partitions,
      { version: 12 },
    );
    const all = Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1n }));
    await this.until(
      undefined,
      listOffsets,
      { replicaId: -1, topics: [{ name, partitions: all }] },
      ({ topics }) => topics[0]?.partitions.every(({ errorCode }) => errorCode === 0) === true,
      { version: 7 },
    );
  }
}

export interface Asking {
  readonly wire?: string;
  readonly version?: number;
}

/** The broker hung up, or said nothing. */
export class Unanswered extends Error {
  readonly answer: string;

  constructor(api: ApiSchema, version: number, answer: string) {
    super(`${api.name} ${version}: ${answer}`);
    this.answer = answer;
  }
}
