/**
 * A client as small as one can be, over TCP or WebSocket: it sends what it is told and says what came back. Which broker it speaks to is
 * drawn anew with every connection; after a failure, or an answer that takes too long, the connection is given up.
 */
import { LoadConnection } from "../../bench/load/load-connection.ts";
import { type DecodedResponse, concatenate, decodeResponse, encodeRequest } from "../../protocol/codec.ts";
import { errorCodes } from "../../protocol/errors.ts";
import type { ApiSchema, RequestInput } from "../../protocol/schema.ts";
import type { Stage } from "./stage.ts";

const answerMsMax = 15_000;
/** What clients take as a reason to ask again. */
const retriable: ReadonlySet<number> = new Set([
  errorCodes.UNKNOWN_TOPIC_OR_PARTITION,
  errorCodes.NOT_LEADER_OR_FOLLOWER,
  errorCodes.REQUEST_TIMED_OUT,
  errorCodes.COORDINATOR_LOAD_IN_PROGRESS,
  errorCodes.COORDINATOR_NOT_AVAILABLE,
  errorCodes.NOT_COORDINATOR,
  errorCodes.NOT_ENOUGH_REPLICAS,
  errorCodes.CONCURRENT_TRANSACTIONS,
  errorCodes.KAFKA_STORAGE_ERROR,
  errorCodes.UNSTABLE_OFFSET_COMMIT,
]);

export function isRetriable(errorCode: number): boolean {
  return retriable.has(errorCode);
}

/** A request that was not done, and will not be by asking again. */
export class Refused extends Error {
  readonly errorCode: number;

  constructor(what: string, errorCode: number) {
    super(`${what} is refused with ${errorCode}`);
    this.errorCode = errorCode;
  }
}

export class Wire {
  /** So many were opened. */
  connections = 0;
  /** Whom the last one led to. */
  broker = -1;
  readonly #stage: Stage;
  readonly #name: string;
  readonly #webSocket: boolean;
  #opening: Promise<LoadConnection> | undefined;
  #open: LoadConnection | undefined;

  constructor(stage: Stage, name: string) {
    this.#stage = stage;
    this.#name = name;
    this.#webSocket = stage.random.chance(0.4);
    stage.connections.add(this);
  }

  /** Breaks whatever waits for an answer. */
  cut(): void {
    this.#opening = undefined;
    this.#open?.close();
    this.#open = undefined;
  }

  close(): void {
    this.#stage.connections.delete(this);
    this.cut();
  }

  connect(): Promise<LoadConnection> {
    return (this.#opening ??= this.#openAny());
  }

  /** One request, one answer, or a failure that leaves open whether it was carried out. */
  async call<Api extends ApiSchema>(api: Api, version: number, body: RequestInput<Api>): Promise<DecodedResponse<Api>["body"]> {
    const connection = await this.connect();
    // Not before the connection is there: requests must leave in the order in which they were made.
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(new Error(`${this.#name}: ${api.name} is not answered`)), answerMsMax);
    try {
      const request = concatenate(encodeRequest(api, version, 7, this.#name, body));
      const { head } = await Promise.race([connection.send(request), late.promise]);
      return decodeResponse(api, version, head).body;
    } catch (error) {
      if (this.#open === connection) this.cut();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Until it is done: what fails or may be asked again is, over another connection if need be. */
  async insist<Api extends ApiSchema>(
    api: Api,
    version: number,
    body: RequestInput<Api>,
    errorOf: (answer: DecodedResponse<Api>["body"]) => number,
  ): Promise<DecodedResponse<Api>["body"]> {
    for (;;) {
      const answer = await this.call(api, version, body).catch(() => undefined);
      const errorCode = answer === undefined ? undefined : errorOf(answer);
      if (answer !== undefined && errorCode === errorCodes.NONE) return answer;
      if (errorCode !== undefined && !isRetriable(errorCode)) throw new Refused(`${this.#name}: ${api.name}`, errorCode);
      await this.#stage.pause();
    }
  }

  async #openAny(): Promise<LoadConnection> {
    const { kafkaPort, httpPort, random, brokers } = this.#stage;
    const broker = random.between(0, brokers - 1);
    const target = this.#webSocket
      ? { port: httpPort, webSocketPath: `/c/default/kafka?node=${broker}` }
      : { port: kafkaPort + broker };
    try {
      const connection = await LoadConnection.open({ ...target, headBytesMax: 1 << 26 });
      this.connections += 1;
      this.broker = broker;
      this.#open = connection;
      return connection;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }
}
