/**
 * The words in which the files of messages/ describe Kafka's wire: a field is a kind, the versions that carry it, and what it is
 * where they don't. Everything is plain data; TypeScript's types of a message are inferred from it, and compile.ts builds its
 * codecs from it. Version ranges are written as Kafka writes them: "3+", "0-12", "4".
 */

export type Versions = `${number}+` | `${number}-${number}` | `${number}`;

export type Kind =
  | "bool"
  | "int8"
  | "int16"
  | "uint16"
  | "int32"
  | "int64"
  | "float64"
  | "uuid"
  | "string"
  | "bytes"
  | "records"
  | "array"
  | "struct";

/** `Decoded` is what reading answers, `Encodable` what writing takes. */
export interface Field<Decoded = unknown, Encodable = unknown> {
  readonly kind: Kind;
  /** The versions that carry the field; undefined means all versions that carry what it stands in. */
  readonly versions: Versions | undefined;
  /** The versions in which it may be null; true means all that carry it. */
  readonly nullable: Versions | true | undefined;
  /** What an absent field is; undefined means the zero of its kind. */
  readonly default: unknown;
  /** Set: the field travels among the tagged fields, under this number. */
  readonly tag: number | undefined;
  readonly item: Field | undefined;
  readonly fields: Fields | undefined;
  /** For the type checker alone, never there. */
  readonly types?: { readonly decoded: Decoded; readonly encodable: Encodable };
}

export interface Fields {
  readonly [name: string]: Field;
}

export type Decoded<F extends Fields> = { readonly [Name in keyof F]: F[Name] extends Field<infer T> ? T : never };
/** Every property may be left out: it takes its default. */
export type Encodable<F extends Fields> = { readonly [Name in keyof F]?: F[Name] extends Field<unknown, infer T> ? T : never };

/** A record set to be written may lie in pieces: their bytes follow one another, under one length. */
export type Pieces = Uint8Array | readonly Uint8Array[];

interface PlainOptions<T> {
  readonly versions?: Versions;
  readonly default?: T;
  readonly tag?: number;
}

interface NullableOptions<T> extends PlainOptions<T | null> {
  readonly nullable?: Versions | true;
}

interface AnyOptions {
  readonly versions?: Versions;
  readonly nullable?: Versions | true;
  readonly default?: unknown;
  readonly tag?: number;
}

type NullIn<Options> = Options extends { readonly nullable: Versions | true } ? null : never;

function field(kind: Kind, options: Versions | AnyOptions | undefined, inside?: { item?: Field; fields?: Fields }): Field {
  const given: AnyOptions = typeof options === "string" ? { versions: options } : (options ?? {});
  return {
    kind,
    versions: given.versions,
    nullable: given.nullable,
    default: given.default,
    tag: given.tag,
    item: inside?.item,
    fields: inside?.fields,
  };
}

export const bool = (options?: Versions | PlainOptions<boolean>) => field("bool", options) as Field<boolean, boolean>;
export const int8 = (options?: Versions | PlainOptions<number>) => field("int8", options) as Field<number, number>;
export const int16 = (options?: Versions | PlainOptions<number>) => field("int16", options) as Field<number, number>;
export const uint16 = (options?: Versions | PlainOptions<number>) => field("uint16", options) as Field<number, number>;
export const int32 = (options?: Versions | PlainOptions<number>) => field("int32", options) as Field<number, number>;
export const int64 = (options?: Versions | PlainOptions<bigint>) => field("int64", options) as Field<bigint, bigint>;
export const float64 = (options?: Versions | PlainOptions<number>) => field("float64", options) as Field<number, number>;
/** 36 characters in lower case. */
export const uuid = (options?: Versions | PlainOptions<string>) => field("uuid", options) as Field<string, string>;

export function string<const O extends NullableOptions<string>>(options?: Versions | O) {
  return field("string", options) as Field<string | NullIn<O>, string | NullIn<O>>;
}

/** Reading answers a view of the frame. */
export function bytes<const O extends NullableOptions<Uint8Array>>(options?: Versions | O) {
  return field("bytes", options) as Field<Uint8Array | NullIn<O>, Uint8Array | NullIn<O>>;
}

/** A record set: like bytes, but null when absent, and written without copying also from pieces. */
export function records<const O extends NullableOptions<Uint8Array>>(options?: Versions | O) {
  return field("records", options) as Field<Uint8Array | NullIn<O>, Pieces | NullIn<O>>;
}

type ItemDecoded<Item> = Item extends Field<infer T> ? T : Item extends Fields ? Decoded<Item> : never;
type ItemEncodable<Item> = Item extends Field<unknown, infer T> ? T : Item extends Fields ? Encodable<Item> : never;
type ArrayField<Item, O> = Field<readonly ItemDecoded<Item>[] | NullIn<O>, readonly ItemEncodable<Item>[] | NullIn<O>>;

/** An array of `item`: a field, or the fields of a struct. What Kafka calls a map key is an ordinary field on the wire. */
export function array<const Item extends Field | Fields>(item: Item): ArrayField<Item, unknown>;
export function array<const Item extends Field | Fields, const O extends NullableOptions<never>>(
  options: Versions | O,
  item: Item,
): ArrayField<Item, O>;
export function array(...given: [Field | Fields] | [Versions | AnyOptions, Field | Fields]): Field {
  const [options, item] = given.length === 1 ? [undefined, given[0]] : given;
  return field("array", options, { item: isField(item) ? item : field("struct", undefined, { fields: item }) });
}

export function struct<const F extends Fields>(fields: F): Field<Decoded<F>, Encodable<F>>;
export function struct<const F extends Fields, const O extends NullableOptions<never>>(
  options: Versions | O,
  fields: F,
): Field<Decoded<F> | NullIn<O>, Encodable<F> | NullIn<O>>;
export function struct(...given: [Fields] | [Versions | AnyOptions, Fields]): Field {
  const [options, fields] = given.length === 1 ? [undefined, given[0]] : given;
  return field("struct", options, { fields });
}

function isField(item: Field | Fields): item is Field {
  return typeof item.kind === "string";
}

/** One message: a request, a response, or a value that Kafka puts inside of bytes. */
export interface MessageSchema<F extends Fields = Fields> {
  readonly name: string;
  readonly versions: readonly [min: number, max: number];
  /** The first version with compact lengths and tagged fields; Infinity when there is none. */
  readonly flexibleFrom: number;
  readonly fields: F;
}

export interface ApiSchema<Request extends Fields = Fields, Response extends Fields = Fields> {
  readonly key: number;
  readonly name: string;
  readonly versions: readonly [min: number, max: number];
  readonly flexibleFrom: number;
  readonly request: MessageSchema<Request>;
  readonly response: MessageSchema<Response>;
}

/** What decoding a request answers, and what a handler gets. */
export type RequestOf<Api> = Api extends ApiSchema<infer F> ? Decoded<F> : never;
/** What decoding a response answers: what a client gets. */
export type ResponseOf<Api> = Api extends ApiSchema<Fields, infer F> ? Decoded<F> : never;
/** What a client gives to be encoded. */
export type RequestInput<Api> = Api extends ApiSchema<infer F> ? Encodable<F> : never;
/** What a handler answers. */
export type ResponseInput<Api> = Api extends ApiSchema<Fields, infer F> ? Encodable<F> : never;
export type DataOf<Message> = Message extends MessageSchema<infer F> ? Decoded<F> : never;
export type DataInput<Message> = Message extends MessageSchema<infer F> ? Encodable<F> : never;

interface Described {
  readonly name: string;
  readonly versions: Versions;
  readonly flexible: Versions | "none";
}

function rangeOf(described: Described) {
  const flexibleFrom = described.flexible === "none" ? Infinity : parseVersions(described.flexible)[0];
  return { versions: parseVersions(described.versions), flexibleFrom };
}

export function defineApi<const Request extends Fields, const Response extends Fields>(
  described: Described & { readonly key: number; readonly request: Request; readonly response: Response },
): ApiSchema<Request, Response> {
  const range = rangeOf(described);
  const { key, name } = described;
  return {
    key,
    name,
    ...range,
    request: { name: `${name}Request`, ...range, fields: described.request },
    response: { name: `${name}Response`, ...range, fields: described.response },
  };
}

export function defineData<const F extends Fields>(described: Described & { readonly fields: F }): MessageSchema<F> {
  return { name: described.name, ...rangeOf(described), fields: described.fields };
}

export function parseVersions(versions: Versions): readonly [min: number, max: number] {
  if (versions.endsWith("+")) return [Number(versions.slice(0, -1)), Infinity];
  const [min, max] = versions.split("-");
  return [Number(min), Number(max ?? min)];
}

export function isWithin(version: number, versions: Versions | true | undefined): boolean {
  if (versions === undefined || versions === true) return true;
  const [min, max] = parseVersions(versions);
  return version >= min && version <= max;
}
