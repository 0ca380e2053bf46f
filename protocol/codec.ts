/**
 * Whole requests and responses: the header before the body, the length before both. A broker reads the header first, because it
 * decides by key and version what becomes of the rest; the body is then read with the schema that it chose.
 */
import { apiByKey } from "./apis.ts";
import { codecOf } from "./compile.ts";
import { DecodeError, Reader } from "./reader.ts";
import type { ApiSchema, DataInput, DataOf, MessageSchema, RequestInput, RequestOf, ResponseInput, ResponseOf } from "./schema.ts";
import { Writer } from "./writer.ts";

const apiVersionsKey = 18;

export interface RequestHeader {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
  readonly clientId: string | null;
  /** Undefined: no API of that key is known. Whether the version is one of its own is for the caller to say. */
  readonly api: ApiSchema | undefined;
  /** Where the body begins. */
  readonly position: number;
}

/** `frame` is what the frame cutter hands out: a request without its length. */
export function decodeRequestHeader(frame: Uint8Array): RequestHeader {
  const reader = new Reader(frame);
  const apiKey = reader.int16();
  const apiVersion = reader.int16();
  const correlationId = reader.int32();
  // Also in the flexible header the client id has its old length, so that an ApiVersions of any version can be understood.
  const clientIdLength = reader.shortLength();
  const clientId = clientIdLength < 0 ? null : reader.text(clientIdLength);
  const api = apiByKey(apiKey);
  if (api !== undefined && apiVersion >= api.flexibleFrom) skipTagged(reader);
  return { apiKey, apiVersion, correlationId, clientId, api, position: reader.position };
}

function skipTagged(reader: Reader): void {
  for (let count = reader.uvarint(); count > 0; count--) {
    reader.uvarint();
    reader.skip(reader.uvarint());
  }
}

export function decodeRequestBody<Api extends ApiSchema>(
  api: Api,
  apiVersion: number,
  frame: Uint8Array,
  position: number,
): RequestOf<Api> {
  return codecOf(api.request, apiVersion).read(new Reader(frame, position)) as RequestOf<Api>;
}

export interface DecodedRequest extends RequestHeader {
  readonly body: unknown;
}

export function decodeRequest(frame: Uint8Array): DecodedRequest {
  const header = decodeRequestHeader(frame);
  const { api, apiKey, apiVersion } = header;
  if (api === undefined || apiVersion < api.versions[0] || apiVersion > api.versions[1]) {
    throw new DecodeError(`no API of key ${apiKey}, version ${apiVersion}`);
  }
  return { ...header, body: decodeRequestBody(api, apiVersion, frame, header.position) };
}

/** One for all: encoding never yields, so there is never more than one message under way. */
const writer = new Writer();

function finishFrame(): Uint8Array[] {
  writer.patchInt32(0, writer.size - 4);
  return writer.finish();
}

/** The first chunk begins with the length of the whole; views of large record sets are passed on as they are. */
export function encodeResponse<Api extends ApiSchema>(
  api: Api,
  apiVersion: number,
  correlationId: number,
  body: ResponseInput<Api>,
): Uint8Array[] {
  const codec = codecOf(api.response, apiVersion);
  writer.reset();
  writer.int32(0);
  writer.int32(correlationId);
  if (hasFlexibleResponseHeader(api, apiVersion)) writer.uvarint(0);
  codec.write(writer, body);
  return finishFrame();
}

/** ApiVersions answers with the old header always: a client that asks does not know yet what the broker can read. */
function hasFlexibleResponseHeader(api: ApiSchema, apiVersion: number): boolean {
  return apiVersion >= api.flexibleFrom && api.key !== apiVersionsKey;
}

export function encodeRequest<Api extends ApiSchema>(
  api: Api,
  apiVersion: number,
  correlationId: number,
  clientId: string | null,
  body: RequestInput<Api>,
): Uint8Array[] {
  const codec = codecOf(api.request, apiVersion);
  writer.reset();
  writer.int32(0);
  writer.int16(api.key);
  writer.int16(apiVersion);
  writer.int32(correlationId);
  if (clientId === null) writer.int16(-1);
  else writer.text(clientId, false);
  if (apiVersion >= api.flexibleFrom) writer.uvarint(0);
  codec.write(writer, body);
  return finishFrame();
}

/** The correlation id alone, by which a client finds the request that the rest answers. */
export function decodeCorrelationId(frame: Uint8Array): number {
  return new Reader(frame).int32();
}

export interface DecodedResponse<Api> {
  readonly correlationId: number;
  readonly body: ResponseOf<Api>;
}

/** A broker is trusted further than a client: the answer about a large cluster may have any number of elements. */
export function decodeResponse<Api extends ApiSchema>(api: Api, apiVersion: number, frame: Uint8Array): DecodedResponse<Api> {
  const reader = new Reader(frame, 0, Infinity);
  const correlationId = reader.int32();
  if (hasFlexibleResponseHeader(api, apiVersion)) skipTagged(reader);
  return { correlationId, body: codecOf(api.response, apiVersion).read(reader) as ResponseOf<Api> };
}

/** A value that Kafka puts inside of bytes, after its version: consumers' subscriptions and assignments. */
export function encodeData<Message extends MessageSchema>(
  message: Message,
  version: number,
  value: DataInput<Message>,
): Uint8Array {
  writer.reset();
  writer.int16(version);
  codecOf(message, version).write(writer, value);
  return concatenate(writer.finish());
}

/** A version newer than ours only has more at its end: it is read as our newest. */
export function decodeData<Message extends MessageSchema>(
  message: Message,
  bytes: Uint8Array,
): { readonly version: number; readonly value: DataOf<Message> } {
  const reader = new Reader(bytes);
  const version = reader.int16();
  if (version < message.versions[0]) throw new DecodeError(`${message.name} of version ${version}`);
  const codec = codecOf(message, Math.min(version, message.versions[1]));
  return { version, value: codec.read(reader) as DataOf<Message> };
}

export function concatenate(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1 && chunks[0] !== undefined) return chunks[0];
  const whole = new Uint8Array(chunks.reduce((size, chunk) => size + chunk.byteLength, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
