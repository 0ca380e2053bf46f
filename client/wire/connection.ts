/**
 * One connection to one broker: requests go out with a correlation id, answers find their way back, and versions are agreed on by
 * ApiVersions before anything else is said. It repeats nothing and re-routes nothing; whoever waits when it ends gets a NetworkError.
 */
import { decodeCorrelationId, decodeResponse, encodeRequest } from "../../protocol/codec.ts";
import { errorCodes } from "../../protocol/errors.ts";
import { FrameCutter } from "../../protocol/frames.ts";
import { apiVersions } from "../../protocol/messages/18-api-versions.ts";
import type { ApiSchema, RequestInput, ResponseOf } from "../../protocol/schema.ts";
import type { Clock } from "../clock.ts";
import { KafkaError, NetworkError, TimeoutError, UnsupportedVersionError, asError } from "../errors.ts";
import type { ByteStream, Endpoint, Transport } from "./transport.ts";

export interface ConnectionOptions {
  readonly transport: Transport;
  readonly endpoint: Endpoint;
  readonly clientId: string;
  readonly clock: Clock;
  readonly requestTimeoutMs: number;
  readonly onClose: () => void;
}

export interface CallOptions {
  readonly timeoutMs?: number;
  /** Narrower than what both sides know. */
  readonly versionMin?: number;
  readonly versionMax?: number;
  /** A produce request without acknowledgement. */
  readonly unanswered?: boolean;
  /** Puts the chunks of the encoded request into another form, of the same bytes. */
  readonly arrange?: (chunks: readonly Uint8Array[]) => readonly Uint8Array[];
}

export interface Answer<Api> {
  readonly version: number;
  readonly body: ResponseOf<Api>;
}

interface Pending {
  readonly name: string;
  readonly dueMs: number;
  readonly answer: (frame: Uint8Array) => void;
  readonly fail: (error: KafkaError) => void;
}

/** Answers are limited by what fetches ask for; a length beyond this is damage. */
const frameBytesMax = 512 * 1024 * 1024;
/** Answers to fetches are about as large as the one before. */
const trustedBytesMax = 32 * 1024 * 1024;
const checkMs = 1000;

export class Connection {
  readonly #options: ConnectionOptions;
  #stream: ByteStream | undefined;
  readonly #cutter = new FrameCutter(frameBytesMax, trustedBytesMax);
  readonly #pending = new Map<number, Pending>();
  readonly #versions = new Map<number, readonly [min: number, max: number]>();
  readonly #features = new Map<string, number>();
  #nextCorrelationId = 1;
  #stopCheck: (() => void) | undefined;
  #failure: NetworkError | undefined;

  private constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  /** Open and with versions agreed on. */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(options);
    const stream = await options.transport.open(options.endpoint, {
      onBytes: (bytes) => connection.#receive(bytes),
      onClose: (reason) => connection.#end(reason),
    });
    connection.#stream = stream;
    try {
      await connection.#negotiate();
    } catch (error) {
      connection.close();
      throw error;
    }
    return connection;
  }

  get isOpen(): boolean {
    return this.#failure === undefined;
  }

  get inFlight(): number {
    return this.#pending.size;
  }

  /** The newest version that both sides know; undefined when there is none. */
  versionOf(api: ApiSchema, min = 0, max = Infinity): number | undefined {
    const offered = this.#versions.get(api.key);
    if (offered === undefined) return undefined;
    const version = Math.min(offered[1], api.versions[1], max);
    return version >= Math.max(offered[0], api.versions[0], min) ? version : undefined;
  }

  /** The level at which the cluster has finalized a feature; 0 when it has not. */
  featureLevel(name: string): number {
    return this.#features.get(name) ?? 0;
  }

  async call<Api extends ApiSchema>(api: Api, body: RequestInput<Api>, options: CallOptions = {}): Promise<Answer<Api>> {
    const version = this.versionOf(api, options.versionMin, options.versionMax);
    if (version === undefined) throw new UnsupportedVersionError(`the broker has no version of ${api.name} that this client needs`);
    if (options.unanswered === true) {
      this.#send(api, version, body, options);
      return { version, body: undefined as unknown as ResponseOf<Api> };
    }
    return await this.#ask(api, version, body, options);
  }

  close(): void {
    this.#end("this side closed it");
  }

  async #negotiate(): Promise<void> {
    const software = { clientSoftwareName: "kante", clientSoftwareVersion: "0.1.0" };
    let { body } = await this.#ask(apiVersions, 4, software, {});
    if (body.errorCode === errorCodes.UNSUPPORTED_VERSION) ({ body } = await this.#ask(apiVersions, 0, {}, {}));
    if (body.errorCode !== 0) throw new KafkaError(body.errorCode, `ApiVersions was refused with ${body.errorCode}`);
    for (const { apiKey, minVersion, maxVersion } of body.apiKeys) this.#versions.set(apiKey, [minVersion, maxVersion]);
    if (body.finalizedFeaturesEpoch < 0n) return;
    for (const { name, maxVersionLevel } of body.finalizedFeatures) this.#features.set(name, maxVersionLevel);
  }

  #ask<Api extends ApiSchema>(api: Api, version: number, body: RequestInput<Api>, options: CallOptions): Promise<Answer<Api>> {
    const timeoutMs = options.timeoutMs ?? this.#options.requestTimeoutMs;
    return new Promise((resolve, reject) => {
      const correlationId = this.#send(api, version, body, options);
      if (correlationId === undefined) {
        reject(this.#failure ?? new NetworkError("the connection is not open"));
        return;
      }
      this.#pending.set(correlationId, {
        name: api.name,
        dueMs: this.#options.clock.now() + timeoutMs,
        answer: (frame) => {
          // A broker that does not know the version of ApiVersions answers in the form of version 0.
          const isOld = api.key === apiVersions.key && new DataView(frame.buffer, frame.byteOffset).getInt16(4) !== 0;
          resolve({ version, body: decodeResponse(api, isOld ? 0 : version, frame).body });
        },
        fail: reject,
      });
      this.#stopCheck ??= this.#options.clock.after(checkMs, () => this.#check());
    });
  }

  /** Answers the correlation id; undefined when the connection is over. */
  #send<Api extends ApiSchema>(api: Api, version: number, body: RequestInput<Api>, { arrange }: CallOptions): number | undefined {
    if (this.#failure !== undefined || this.#stream === undefined) return undefined;
    const correlationId = this.#nextCorrelationId;
    this.#nextCorrelationId = (correlationId + 1) & 0x7fffffff;
    const chunks = encodeRequest(api, version, correlationId, this.#options.clientId, body);
    this.#stream.send(arrange === undefined ? chunks : arrange(chunks));
    return correlationId;
  }

  #receive(bytes: Uint8Array): void {
    try {
      for (const frame of this.#cutter.push(bytes)) {
        const correlationId = decodeCorrelationId(frame);
        const pending = this.#pending.get(correlationId);
        if (pending === undefined) throw new Error(`an answer to ${correlationId}, which nobody asked`);
        // Only then it is no longer among those that fail with the connection.
        pending.answer(frame);
        this.#pending.delete(correlationId);
      }
    } catch (error) {
      this.#end(`the broker's bytes make no sense: ${asError(error).message}`);
      return;
    }
    if (this.#pending.size === 0) this.#stream?.settled?.();
  }

  /** One timer for all: answers come in the order of requests, so the connection ends when one is overdue. */
  #check(): void {
    this.#stopCheck = undefined;
    const now = this.#options.clock.now();
    for (const pending of this.#pending.values()) {
      if (pending.dueMs > now) continue;
      const error = new TimeoutError(`${pending.name} was not answered in time`);
      pending.fail(error);
      this.#end(error.message);
      return;
    }
    if (this.#pending.size > 0) this.#stopCheck = this.#options.clock.after(checkMs, () => this.#check());
  }

  #end(reason: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = new NetworkError(reason);
    this.#stopCheck?.();
    this.#stream?.close();
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { fail } of pending) fail(this.#failure);
    this.#options.onClose();
  }
}
