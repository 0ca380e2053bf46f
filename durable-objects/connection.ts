/**
 * One client connection without its transport: frames go in, chunks of bytes come out. Requests are worked on side by side and
 * answered in the order in which they came; whatever goes wrong with one ends this connection only, after the answers before it
 * [I9]. A client beyond its quota hears so in its answers and is not heard for a while. Cutting frames and writing bytes is the front
 * ends' part, what an API does its handler's.
 */
import { operatingErrorKind } from "../core/operating-error.ts";
import { decodeRequestBody, decodeRequestHeader, encodeResponse } from "../protocol/codec.ts";
import { apiVersions } from "../protocol/messages/18-api-versions.ts";
import { type BrokerServices, type ConnectionFacts, type Handler, type RequestContext, standIn } from "./handler.ts";
import type { Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { Muting, type MutingOptions } from "./muting.ts";
import { type ReadLedger, RequestServices } from "./request-services.ts";

const produceKey = 0;
const fetchKey = 1;
const apiVersionsKey = 18;
/**
 * What changes groups, transactions, topics or configs, and is soon answered. A client that does not wait for the answer before it asks
 * or changes more (a commit, then its leave; a join that it has given up, then its leave) relies on the order of its requests.
 */
const changingKeys: ReadonlySet<number> = new Set([8, 13, 19, 20, 21, 22, 24, 25, 26, 28, 33, 37, 42, 44, 47, 49, 68]);
/** JoinGroup and SyncGroup wait for other members, for minutes if need be. */
const waitingKeys: ReadonlySet<number> = new Set([11, 14]);
const unsupportedVersion = 35;

export type HandlerTable = ReadonlyMap<number, Handler>;

export interface ConnectionOptions {
  readonly facts: ConnectionFacts;
  readonly handlers: HandlerTable;
  readonly services: BrokerServices;
  readonly reads: ReadLedger;
  readonly quotas: MutingOptions["quotas"];
  readonly requestsMax: number;
  /** Bytes of answers the client has not taken yet, above which no further request is begun. */
  readonly unsentBytesMax: number;
  /** False while the broker's memory is spent (I8): produce requests wait. */
  readonly accepts: () => boolean;
  /** Hands the answer to the transport; `left` must be called once its bytes are written or dropped. */
  readonly send: (chunks: readonly Uint8Array[], byteLength: number, left: () => void) => void;
  /** Ends the transport. Called at most once; answers sent before must still leave. */
  readonly close: (reason: string) => void;
  /** Ends the transport at once; answers that have not left are dropped. */
  readonly drop: (reason: string) => void;
  /** An answer was handed to the transport. */
  readonly onSent: () => void;
  /** There may be room again: whoever waits to read may look. */
  readonly onRoom: () => void;
  /** Called once, when the connection is over for whatever reason. */
  readonly onEnd: () => void;
  readonly now: () => number;
  readonly after: MutingOptions["after"];
  readonly log: Log;
  readonly metrics: Metrics;
}

/** The place of a request in the line of answers. */
interface Place {
  name: string;
  readonly arrivedMs: number;
  readonly byteLength: number;
  answer: readonly Uint8Array[] | "none" | "close" | undefined;
  reason: string;
  services: RequestServices | undefined;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #muting: Muting;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  readonly #places: Place[] = [];
  #unsentBytes = 0;
  #takenAtMs = 0;
  #activeAtMs: number;
  /** The produce request that has not handed over its records yet: the next one must not overtake it. */
  #unappended: Place | undefined;
  /** The fetch whose answer has not left: what the next one read would hold memory that this one may be waiting for. */
  #fetching: Place | undefined;
  /** The change that has no answer yet: all but produce and fetch waits for it. */
  #changing: Place | undefined;
  /** Requests that wait for other members of a group. */
  readonly #joining = new Set<Place>();
  #beginning = false;
  #ended = false;
  #failing = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#activeAtMs = options.now();
    const { quotas, now, after } = options;
    this.#muting = new Muting({ quotas, now, after, onOver: () => this.resume() });
  }

  get facts(): ConnectionFacts {
    return this.#options.facts;
  }

  /** Whether the transport should go on reading. */
  get hasRoom(): boolean {
    return this.#ended || this.#failing || this.#waiting.length === 0;
  }

  /** Bytes of requests that were read and not begun: what a transport that cannot stop reading has piled up. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Bytes of answers that the client has not taken. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** When the client last took something, or had nothing to take. */
  get takenAtMs(): number {
    return this.#takenAtMs;
  }

  /** When the client last sent or took something, or came. */
  get activeAtMs(): number {
    return Math.max(this.#activeAtMs, this.#takenAtMs);
  }

  /** The transport got rid of some bytes, though perhaps not of a whole answer. */
  taken(): void {
    this.#takenAtMs = this.#options.now();
  }

  /** Ends it without waiting for the client to take what was sent. */
  drop(reason: string): void {
    this.end();
    this.#options.drop(reason);
  }

  /** Nothing under way, nothing waiting, nothing unsent. */
  get isQuiet(): boolean {
    return this.#waiting.length === 0 && this.#places.length === 0 && this.#unsentBytes === 0;
  }

  /** One request without its length. */
  receive(frame: Uint8Array): void {
    if (this.#ended || this.#failing) return;
    this.#activeAtMs = this.#options.now();
    this.#waiting.push(frame);
    this.#waitingBytes += frame.byteLength;
    this.#begin();
  }

  /** The bytes that came were no frame: everything before them is answered, then it is over. */
  fail(reason: string): void {
    if (this.#ended || this.#failing) return;
    this.#failing = true;
    this.#dropWaiting();
    this.#places.push({ name: "", arrivedMs: 0, byteLength: 0, answer: "close", reason, services: undefined });
    this.#flush();
  }

  /** Begins what may begin now; called again when memory came free. */
  resume(): void {
    if (this.#waiting.length > 0) this.#begin();
  }

  /** The client is gone: answers under way go nowhere. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#muting.end();
    this.#dropWaiting();
    for (const place of this.#places) place.services?.abandon();
    this.#places.length = 0;
    this.#options.onEnd();
    this.#options.onRoom();
  }

  #dropWaiting(): void {
    this.#waiting.length = 0;
    this.#waitingBytes = 0;
  }

  #mayBegin(frame: Uint8Array): boolean {
    const { requestsMax, unsentBytesMax, accepts } = this.#options;
    if (this.#places.length >= requestsMax || this.#unsentBytes > unsentBytesMax) return false;
    if (this.#muting.holdsBack(this.#places.length)) return false;
    const key = frame.byteLength >= 2 && frame[0] === 0 ? frame[1] : undefined;
    // Behind a join the answer of a fetch could not leave, and would hold its memory for as long.
    if (key === fetchKey) return this.#fetching === undefined && this.#joining.size === 0;
    if (key !== produceKey) return this.#changing === undefined;
    return this.#unappended === undefined && accepts();
  }

  #begin(): void {
    // A handler that answers at once comes back here from below.
    if (this.#beginning) return;
    this.#beginning = true;
    const hadWaiting = this.#waiting.length > 0;
    for (let frame = this.#waiting[0]; frame !== undefined && this.#mayBegin(frame); frame = this.#waiting[0]) {
      this.#waiting.shift();
      this.#waitingBytes -= frame.byteLength;
      this.#handle(frame);
    }
    this.#beginning = false;
    if (hadWaiting && this.#waiting.length === 0) this.#options.onRoom();
  }

  #handle(frame: Uint8Array): void {
    const { handlers, facts, now } = this.#options;
    const place: Place = {
      name: "unknown",
      arrivedMs: now(),
      byteLength: frame.byteLength,
      answer: undefined,
      reason: "",
      services: undefined,
    };
    try {
      const header = decodeRequestHeader(frame);
      const handler = handlers.get(header.apiKey);
      const isServed =
        handler !== undefined && header.apiVersion >= handler.versions[0] && header.apiVersion <= handler.versions[1];
      if (handler === undefined || (!isServed && header.apiKey !== apiVersionsKey)) {
        this.fail(`no API of key ${header.apiKey}, version ${header.apiVersion}`);
        return;
      }
      this.#places.push(place);
      if (!isServed) {
        this.#answer(place, unknownApiVersions(handler, header.correlationId));
        return;
      }
      place.name = handler.api.name;
      const body = decodeRequestBody(handler.api, header.apiVersion, frame, header.position);
      const onAppended = handler.api.key === produceKey ? () => this.#appended(place) : undefined;
      if (onAppended !== undefined) this.#unappended = place;
      if (handler.api.key === fetchKey) this.#fetching = place;
      if (changingKeys.has(handler.api.key)) this.#changing = place;
      if (waitingKeys.has(handler.api.key)) this.#joining.add(place);
      place.services = new RequestServices(this.#options.services, this.#options.reads, onAppended);
      const context: RequestContext = {
        connection: facts,
        apiKey: header.apiKey,
        apiVersion: header.apiVersion,
        correlationId: header.correlationId,
        clientId: header.clientId,
        fetchBytesMax: this.#muting.fetchBytesMax(header.clientId),
        mutate: (partitions, isStrict) => this.#muting.mutate(header.clientId, partitions, isStrict),
        zone: zoneOf(header.clientId) ?? facts.zone,
        nowMs: place.arrivedMs,
        services: place.services,
      };
      this.#await(place, handler, context, body, handler.handle(body, context));
    } catch (error) {
      this.#broken(place, error);
    }
  }

  #await(place: Place, handler: Handler, context: RequestContext, request: unknown, response: unknown): void {
    if (!(response instanceof Promise)) {
      this.#respond(place, handler, context, response);
      return;
    }
    response.then(
      (body: unknown) => this.#respond(place, handler, context, body),
      (error: unknown) => {
        const body = standIn(handler, request, context, error);
        if (body === undefined) return this.#broken(place, error);
        const { facts, log } = this.#options;
        if (!this.#ended) log.warn("request-unreachable", { connection: facts.id, api: place.name, error });
        this.#respond(place, handler, context, body);
      },
    );
  }

  #respond(place: Place, handler: Handler, context: RequestContext, body: unknown): void {
    if (this.#ended) return;
    try {
      this.#answer(place, this.#held(place, handler, context, body as object | undefined));
    } catch (error) {
      this.#broken(place, error);
    }
  }

  /** The answer as it leaves: with how long the client must be silent, if it used more than its quotas. */
  #held(place: Place, handler: Handler, context: RequestContext, body: object | undefined): readonly Uint8Array[] | "none" {
    const { apiVersion, correlationId } = context;
    const encode = (given: object) => encodeResponse(handler.api, apiVersion, correlationId, given);
    const answer = body === undefined ? "none" : encode(body);
    const sentBytes = answer === "none" ? 0 : byteLengthOf(answer);
    const throttleMs = this.#muting.charge(context.clientId, handler.api.key, place.byteLength, sentBytes);
    if (throttleMs === 0) return answer;
    this.#options.metrics.count(`kante_throttled_requests_total{api="${place.name}"}`);
    if (body === undefined) return "none";
    const { throttleTimeMs = 0 } = body as { throttleTimeMs?: number };
    return encode({ ...body, throttleTimeMs: Math.max(throttleMs, throttleTimeMs) });
  }

  #answer(place: Place, answer: readonly Uint8Array[] | "none"): void {
    place.answer = answer;
    if (place === this.#changing) this.#changing = undefined;
    this.#joining.delete(place);
    this.#appended(place);
    this.#flush();
  }

  #appended(place: Place): void {
    if (this.#unappended !== place) return;
    this.#unappended = undefined;
    this.resume();
  }

  /** A request that cannot be decoded, or whose handler or answer broke: Kafka's outcomes are values, so nothing can be said. */
  #broken(place: Place, error: unknown): void {
    if (this.#ended) return;
    const { metrics, log, facts } = this.#options;
    const isClientsFault = error instanceof Error && error.name === "DecodeError";
    metrics.count(`kante_request_failures_total{api="${place.name}"}`);
    const details = { connection: facts.id, client: facts.clientAddress, api: place.name };
    if (isClientsFault) log.warn("request-undecodable", { ...details, reason: error.message });
    else if (isExpected(error)) log.warn("request-failed", { ...details, reason: error.message });
    else log.error("request-broken", { ...details, error });
    if (!this.#places.includes(place)) this.#places.push(place);
    place.answer = "close";
    place.reason = isClientsFault ? error.message : "internal error";
    this.#failing = true;
    this.#dropWaiting();
    this.#flush();
  }

  /** Sends what is ready at the head of the line. */
  #flush(): void {
    for (let place = this.#places[0]; place?.answer !== undefined; place = this.#places[0]) {
      this.#places.shift();
      if (place === this.#fetching) this.#fetching = undefined;
      if (place.answer === "close") {
        const { reason } = place;
        place.services?.abandon();
        this.end();
        this.#options.close(reason);
        return;
      }
      this.#leave(place, place.answer);
    }
    this.resume();
  }

  #leave(place: Place, answer: readonly Uint8Array[] | "none"): void {
    const { metrics, now, send } = this.#options;
    const series = seriesOf(place.name);
    metrics.count(series.requests);
    metrics.observe(series.seconds, now() - place.arrivedMs);
    if (answer === "none") {
      place.services?.abandon();
      return;
    }
    const byteLength = byteLengthOf(answer);
    metrics.count("kante_sent_bytes_total", byteLength);
    if (this.#unsentBytes === 0) this.taken();
    this.#unsentBytes += byteLength;
    send(answer, byteLength, () => {
      this.#unsentBytes -= byteLength;
      this.taken();
      place.services?.release();
      this.resume();
    });
    if (this.#unsentBytes > 0) this.#options.onSent();
  }
}

/** Nothing is wrong with this broker: somebody could not be reached, or a request without an answer (acks=0) was refused. */
function isExpected(error: unknown): error is Error {
  const kind = operatingErrorKind(error);
  return error instanceof Error && (kind === "retry" || kind === "invalid");
}

function byteLengthOf(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
}

const seriesByApi = new Map<string, { readonly requests: string; readonly seconds: string }>();

function seriesOf(api: string) {
  let series = seriesByApi.get(api);
  if (series === undefined) {
    series = { requests: `kante_requests_total{api="${api}"}`, seconds: `kante_request_seconds{api="${api}"}` };
    seriesByApi.set(api, series);
  }
  return series;
}

/** The one answer a client of the future understands: version 0, and which versions of this API there are. */
function unknownApiVersions(handler: Handler, correlationId: number): Uint8Array[] {
  const apiKeys = [{ apiKey: apiVersionsKey, minVersion: handler.versions[0], maxVersion: handler.versions[1] }];
  return encodeResponse(apiVersions, 0, correlationId, { errorCode: unsupportedVersion, apiKeys });
}

/** A client says where it is in its client id: `diskless_az=<zone>` (D14). */
export function zoneOf(clientId: string | null): string | undefined {
  return clientId === null ? undefined : /(?:^|[,;\s])diskless_az=(?<zone>[^,;\s]+)/.exec(clientId)?.groups?.["zone"];
}
