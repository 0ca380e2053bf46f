/**
 * Bytes from outside never crash the decoder [I9]: whatever is wrong with them ends in a DecodeError, and no claim in them makes
 * it allocate more than they could hold.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatenate, decodeRequest, decodeRequestHeader, encodeRequest } from "../../protocol/codec.ts";
import { codecOf } from "../../protocol/compile.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { DecodeError, elementsMax, Reader } from "../../protocol/reader.ts";
import { Writer } from "../../protocol/writer.ts";
import { messageArbitrary, messages, versionsOf } from "./arbitraries.ts";

/** Answers undefined for what is refused; anything but a DecodeError fails the test. */
function tried<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

const anyMessage = fc
  .constantFrom(...messages.flatMap((message) => versionsOf(message).map((version) => ({ message, version }))))
  .chain(({ message, version }) => messageArbitrary(message.fields, version).map((value) => ({ message, version, value })));

function encoded(message: (typeof messages)[number], version: number, value: unknown): Uint8Array {
  const writer = new Writer();
  codecOf(message, version).write(writer, value);
  return concatenate(writer.finish());
}

test("[I9] a message cut off anywhere is refused with a DecodeError", () => {
  fc.assert(
    fc.property(anyMessage, fc.double({ min: 0, max: 1, noNaN: true }), ({ message, version, value }, part) => {
      const bytes = encoded(message, version, value);
      const size = Math.floor(bytes.byteLength * part);
      if (size === bytes.byteLength) return;
      expect(() => codecOf(message, version).read(new Reader(bytes.slice(0, size)))).toThrow(DecodeError);
    }),
    { numRuns: 500 },
  );
});

test("[I9] changed bytes are read as something or refused with a DecodeError", () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 42)), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(anyMessage, changes, ({ message, version, value }, places) => {
      const bytes = encoded(message, version, value);
      for (const [at, byte] of places) if (bytes.byteLength > 0) bytes[at % bytes.byteLength] = byte;
      tried(() => codecOf(message, version).read(new Reader(bytes)));
    }),
    { numRuns: 2000 },
  );
});

test("[I9] random frames are requests or refused with a DecodeError", () => {
  const header = fc.tuple(fc.constantFrom(0, 1, 2, 3, 10, 18, 19, 75), fc.nat(18), fc.uint8Array({ maxLength: 100 }));
  const frames = fc.oneof(
    fc.uint8Array({ maxLength: 100 }),
    header.map(([key, version, rest]) => new Uint8Array([0, key, 0, version, ...rest])),
  );
  fc.assert(
    fc.property(frames, (frame) => {
      tried(() => decodeRequestHeader(frame));
      tried(() => decodeRequest(frame));
    }),
    { numRuns: 2000 },
  );
});

describe("[I9] a lie about a length or a count is refused before anything is allocated for it", () => {
  const int32Max = [0x7f, 0xff, 0xff, 0xff];
  const varintMax = [0xff, 0xff, 0xff, 0xff, 0x0f];
  const cases = [
    { what: "array of structs", message: metadata.request, version: 4, bytes: int32Max },
    { what: "array of structs, just above what fits", message: metadata.request, version: 4, bytes: [0, 0, 0, 2, 0, 0, 0] },
    { what: "compact array", message: metadata.request, version: 12, bytes: varintMax },
    {
      what: "array of int32",
      message: metadata.response,
      version: 9,
      bytes: [0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 2, 0, 0, ...varintMax],
    },
    { what: "string", message: produce.request, version: 3, bytes: [0x7f, 0xff, 65] },
    { what: "compact string", message: produce.request, version: 9, bytes: [...varintMax, 65] },
    { what: "negative length", message: produce.request, version: 3, bytes: [0xff, 0xfe] },
    { what: "varint without end", message: produce.request, version: 9, bytes: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff] },
    { what: "varint of 33 bits", message: produce.request, version: 9, bytes: [0xff, 0xff, 0xff, 0xff, 0x1f] },
    {
      what: "null that is not allowed",
      message: produce.request,
      version: 3,
      bytes: [255, 255, 0, 1, 0, 0, 0, 1, 255, 255, 255, 255],
    },
  ];
  test.each(cases)("$what", ({ what, message, version, bytes }) => {
    const error = thrownBy(() => codecOf(message, version).read(new Reader(new Uint8Array(bytes))));
    expect(error).toBeInstanceOf(DecodeError);
    if (what.includes("array")) expect(error).toHaveProperty("message", expect.stringMatching(/elements claimed/));
  });
});

function thrownBy(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

test("[I9] one request holds a limited number of elements, for each costs far more than its bytes", () => {
  const topics = (count: number) => Array.from({ length: count }, () => ({ name: "" }));
  const frame = (count: number) => concatenate(encodeRequest(metadata, 4, 1, null, { topics: topics(count) })).subarray(4);
  expect(decodeRequest(frame(elementsMax)).body).toMatchObject({ allowAutoTopicCreation: true });
  expect(() => decodeRequest(frame(elementsMax + 1))).toThrow(DecodeError);
  const partitions = (count: number) => [{ topic: "t", partitions: Array.from({ length: count }, () => 0) }];
  const forgotten = (count: number) =>
    concatenate(encodeRequest(fetch, 7, 1, null, { forgottenTopicsData: partitions(count) })).subarray(4);
  expect(decodeRequest(forgotten(elementsMax - 1)).body).toMatchObject({ sessionEpoch: -1 });
  expect(() => decodeRequest(forgotten(elementsMax))).toThrow(DecodeError);
});
