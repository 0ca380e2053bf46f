/**
 * Builds the codec of one message in one version from its schema: closures, one per field that the version carries, so that no
 * call walks a schema. Fields that a version lacks take their default when read and are dropped when written, ignorable or not:
 * a broker's answer must never fail because an old client cannot be told everything.
 */
import { DecodeError, type Reader } from "./reader.ts";
import { isWithin, type Field, type Fields, type MessageSchema, type Pieces } from "./schema.ts";
import type { Writer } from "./writer.ts";

type Read = (reader: Reader) => unknown;
type Write = (writer: Writer, value: unknown) => void;

export interface Codec {
  readonly read: Read;
  readonly write: Write;
}

interface FieldCodec extends Codec {
  /** The least number of bytes a value takes: what a claimed count is held against. */
  readonly sizeMin: number;
  /** Whether a value is what a tagged field may leave out. */
  readonly isDefault: (value: unknown) => boolean;
}

interface Version {
  readonly number: number;
  readonly compact: boolean;
}

const zeroUuid = "00000000-0000-0000-0000-000000000000";
const noBytes = new Uint8Array(0);
const noItems: readonly unknown[] = Object.freeze([]);

const codecs = new Map<MessageSchema, Codec[]>();

/** The codec of a message in a version, built at first use. */
export function codecOf(message: MessageSchema, version: number): Codec {
  let ofMessage = codecs.get(message);
  if (ofMessage === undefined) {
    ofMessage = [];
    codecs.set(message, ofMessage);
  }
  return (ofMessage[version] ??= compileMessage(message, version));
}

function compileMessage(message: MessageSchema, version: number): Codec {
  const [min, max] = message.versions;
  if (version < min || version > max) throw new RangeError(`${message.name} has no version ${version}`);
  return structCodec(message.fields, { number: version, compact: version >= message.flexibleFrom });
}

export function defaultOf(field: Field): unknown {
  if (field.default !== undefined) return field.default;
  switch (field.kind) {
    case "bool":
      return false;
    case "int64":
      return 0n;
    case "uuid":
      return zeroUuid;
    case "string":
      return "";
    case "bytes":
      return noBytes;
    case "records":
      return null;
    case "array":
      return noItems;
    case "struct":
      return Object.freeze(defaultsOf(field.fields ?? {}));
    default:
      return 0;
  }
}

function defaultsOf(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, defaultOf(field)]));
}

function fieldCodec(field: Field, version: Version): FieldCodec {
  const nullable = field.nullable !== undefined && isWithin(version.number, field.nullable);
  switch (field.kind) {
    case "string":
      return stringCodec(field, version.compact, nullable);
    case "bytes":
    case "records":
      return bytesCodec(field, version.compact, nullable);
    case "array":
      return arrayCodec(field, version, nullable);
    case "struct":
      return nullable ? nullableStructCodec(field, version) : plainStructCodec(field, version);
    default:
      return { ...scalarCodecs[field.kind], isDefault: isValue(defaultOf(field)) };
  }
}

const isValue = (expected: unknown) => (value: unknown) => value === expected;

const scalarCodecs = {
  bool: { sizeMin: 1, read: (reader) => reader.bool(), write: (writer, value) => writer.bool(value as boolean) },
  int8: { sizeMin: 1, read: (reader) => reader.int8(), write: (writer, value) => writer.int8(value as number) },
  int16: { sizeMin: 2, read: (reader) => reader.int16(), write: (writer, value) => writer.int16(value as number) },
  uint16: { sizeMin: 2, read: (reader) => reader.uint16(), write: (writer, value) => writer.int16(value as number) },
  int32: { sizeMin: 4, read: (reader) => reader.int32(), write: (writer, value) => writer.int32(value as number) },
  int64: { sizeMin: 8, read: (reader) => reader.int64(), write: (writer, value) => writer.int64(value as bigint) },
  float64: { sizeMin: 8, read: (reader) => reader.float64(), write: (writer, value) => writer.float64(value as number) },
  uuid: { sizeMin: 16, read: (reader) => reader.uuid(), write: (writer, value) => writer.uuid(value as string) },
} satisfies Record<string, Codec & { sizeMin: number }>;

/** A null in a version that knows none: wrong when read; written as the empty value, for what an old client is told had no name. */
function nullRead(nullable: boolean, what: string): null {
  if (!nullable) throw new DecodeError(`a ${what} may not be null`);
  return null;
}

function stringCodec(field: Field, compact: boolean, nullable: boolean): FieldCodec {
  return {
    sizeMin: compact ? 1 : 2,
    read: (reader) => {
      const length = compact ? reader.compactLength() : reader.shortLength();
      return length < 0 ? nullRead(nullable, "string") : reader.text(length);
    },
    write: (writer, value) => {
      if (value !== null) writer.text(value as string, compact);
      else if (!nullable) writer.text("", compact);
      else if (compact) writer.uvarint(0);
      else writer.int16(-1);
    },
    isDefault: isValue(defaultOf(field)),
  };
}

function bytesCodec(field: Field, compact: boolean, nullable: boolean): FieldCodec {
  const missing = defaultOf(field);
  return {
    sizeMin: compact ? 1 : 4,
    read: (reader) => {
      const length = compact ? reader.compactLength() : reader.length();
      return length < 0 ? nullRead(nullable, field.kind) : reader.view(length);
    },
    write: (writer, value) => {
      if (value !== null) writer.bytes(value as Pieces, compact);
      else writer.length(nullable ? -1 : 0, compact);
    },
    isDefault: (value) => (missing === null || value === null ? value === missing : (value as Pieces).length === 0),
  };
}

function arrayCodec(field: Field, version: Version, nullable: boolean): FieldCodec {
  if (field.item === undefined) throw new TypeError("an array without an item");
  const item = fieldCodec(field.item, version);
  const { compact } = version;
  const missing = defaultOf(field);
  return {
    sizeMin: compact ? 1 : 4,
    read: (reader) => {
      const count = compact ? reader.compactLength() : reader.length();
      if (count < 0) return nullRead(nullable, "array");
      reader.checkCount(count, item.sizeMin);
      const items: unknown[] = [];
      for (let index = 0; index < count; index++) items.push(item.read(reader));
      return items;
    },
    write: (writer, value) => {
      if (value === null) {
        writer.length(nullable ? -1 : 0, compact);
        return;
      }
      const items = value as readonly unknown[];
      writer.length(items.length, compact);
      for (const element of items) item.write(writer, element);
    },
    isDefault: (value) => (missing === null || value === null ? value === missing : (value as readonly unknown[]).length === 0),
  };
}

function plainStructCodec(field: Field, version: Version): FieldCodec {
  const codec = structCodec(field.fields ?? {}, version);
  return { ...codec, write: (writer, value) => codec.write(writer, value ?? {}) };
}

/** A struct that may be null has one byte before it: 1, or −1 for null. */
function nullableStructCodec(field: Field, version: Version): FieldCodec {
  const codec = structCodec(field.fields ?? {}, version);
  const missing = defaultOf(field);
  return {
    sizeMin: 1,
    read: (reader) => (reader.int8() < 0 ? null : codec.read(reader)),
    write: (writer, value) => {
      writer.int8(value === null ? -1 : 1);
      if (value !== null) codec.write(writer, value);
    },
    isDefault: (value) => (missing === null || value === null ? value === missing : codec.isDefault(value)),
  };
}

interface NamedCodec extends FieldCodec {
  readonly name: string;
  readonly missing: unknown;
  readonly tag: number | undefined;
}

function structCodec(fields: Fields, version: Version): FieldCodec {
  const carried: NamedCodec[] = Object.entries(fields)
    .filter(([, field]) => isWithin(version.number, field.versions))
    .map(([name, field]) => ({ name, missing: defaultOf(field), tag: field.tag, ...fieldCodec(field, version) }));
  const plain = carried.filter((field) => field.tag === undefined);
  const tagged = carried.filter((field) => field.tag !== undefined).sort((one, other) => (one.tag ?? 0) - (other.tag ?? 0));
  const defaults = defaultsOf(fields);
  const { compact } = version;
  return {
    sizeMin: plain.reduce((sum, field) => sum + field.sizeMin, compact ? 1 : 0),
    read: (reader) => {
      // All fields at once, in the schema's order: every message of a kind has one hidden class, whatever its version.
      const value = { ...defaults };
      for (const field of plain) value[field.name] = field.read(reader);
      if (compact) readTagged(reader, tagged, value);
      return value;
    },
    write: (writer, value) => {
      const given = value as Readonly<Record<string, unknown>>;
      for (const field of plain) {
        const content = given[field.name];
        field.write(writer, content === undefined ? field.missing : content);
      }
      if (compact) writeTagged(writer, tagged, given);
    },
    isDefault: (value) => {
      const given = value as Readonly<Record<string, unknown>>;
      return carried.every((field) => given[field.name] === undefined || field.isDefault(given[field.name]));
    },
  };
}

function readTagged(reader: Reader, tagged: readonly NamedCodec[], value: Record<string, unknown>): void {
  for (let count = reader.uvarint(); count > 0; count--) {
    const tag = reader.uvarint();
    const size = reader.uvarint();
    const field = tagged.find((candidate) => candidate.tag === tag);
    if (field === undefined) {
      reader.skip(size);
      continue;
    }
    const end = reader.position + size;
    value[field.name] = field.read(reader);
    if (reader.position !== end) throw new DecodeError(`tagged field ${field.name} is not as long as it says`);
  }
}

function writeTagged(writer: Writer, tagged: readonly NamedCodec[], given: Readonly<Record<string, unknown>>): void {
  if (tagged.length === 0) {
    writer.uvarint(0);
    return;
  }
  let present = 0;
  for (const field of tagged) if (isPresent(field, given)) present++;
  writer.uvarint(present);
  if (present === 0) return;
  for (const field of tagged) {
    if (isPresent(field, given)) writer.tagged(field.tag ?? 0, () => field.write(writer, given[field.name]));
  }
}

function isPresent(field: NamedCodec, given: Readonly<Record<string, unknown>>): boolean {
  const content = given[field.name];
  return content !== undefined && !field.isDefault(content);
}
