/**
 * How keys and values become bytes and come back. A serializer is one object for both directions, so that a producer and a consumer of
 * the same topic share it; its types flow into records. Null is Kafka's null (a tombstone, no key) and never reaches a serializer.
 */
export interface Serializer<Value> {
  serialize(value: Value, topic: string): Uint8Array;
  deserialize(bytes: Uint8Array, topic: string): Value;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/** What a producer takes when nothing is said: bytes as they are, text as UTF-8. */
export type Bytes = Uint8Array | string;

/** As they are. What a consumer hands out is a view of a larger buffer: copy what is kept for long. */
export const bytes: Serializer<Uint8Array> = {
  serialize: (value) => value,
  deserialize: (value) => value,
};

export const string: Serializer<string> = {
  serialize: (value) => encoder.encode(value),
  deserialize: (value) => decoder.decode(value),
};

/** The type is the caller's claim: pass a `parse` that checks it where the data comes from strangers. */
export function json<Value = unknown>(parse: (value: unknown) => Value = (value) => value as Value): Serializer<Value> {
  return {
    serialize: (value) => {
      const text: string | undefined = JSON.stringify(value);
      if (text === undefined) throw new TypeError("JSON has no word for it");
      return encoder.encode(text);
    },
    deserialize: (value) => parse(JSON.parse(decoder.decode(value))),
  };
}

/** Takes text too; hands out bytes. */
export const anyBytes: Serializer<Bytes> = {
  serialize: (value) => (typeof value === "string" ? encoder.encode(value) : value),
  deserialize: (value) => value,
};

export function encodeText(text: string): Uint8Array {
  return encoder.encode(text);
}
