/**
 * Every message in every version: what was written is read back, whole and to the last byte.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { apis } from "../../protocol/apis.ts";
import {
  concatenate,
  decodeData,
  decodeRequest,
  decodeResponse,
  encodeData,
  encodeRequest,
  encodeResponse,
} from "../../protocol/codec.ts";
import { codecOf } from "../../protocol/compile.ts";
import { Reader } from "../../protocol/reader.ts";
import { Writer } from "../../protocol/writer.ts";
import { dataMessages, messageArbitrary, messages, versionsOf } from "./arbitraries.ts";

const numRuns = 12;

describe.each(messages.map((message) => ({ name: message.name, message })))("$name", ({ message }) => {
  test.each(versionsOf(message))("version %i is read as it was written, with no byte left", (version) => {
    const codec = codecOf(message, version);
    const writer = new Writer();
    fc.assert(
      fc.property(messageArbitrary(message.fields, version), (value) => {
        writer.reset();
        codec.write(writer, value);
        const reader = new Reader(concatenate(writer.finish()));
        expect(codec.read(reader)).toStrictEqual(plain(value));
        expect(reader.remaining).toBe(0);
      }),
      { numRuns },
    );
  });
});

/** fast-check's records have no prototype: give them one, so that only contents are compared. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object" || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([name, content]) => [name, plain(content)]));
}

test("every message is written also when nothing is given: absent properties take their default", () => {
  for (const message of messages) {
    for (const version of versionsOf(message)) {
      const codec = codecOf(message, version);
      const writer = new Writer();
      codec.write(writer, {});
      const read = codec.read(new Reader(concatenate(writer.finish())));
      writer.reset();
      codec.write(writer, read);
      const again = codec.read(new Reader(concatenate(writer.finish())));
      expect(again).toStrictEqual(read);
    }
  }
});

test("requests and responses travel with header and length", () => {
  for (const api of apis) {
    for (const version of versionsOf(api)) {
      const request = concatenate(encodeRequest(api, version, 77, "me", {}));
      expect(new Reader(request).int32()).toBe(request.byteLength - 4);
      const decoded = decodeRequest(request.subarray(4));
      expect(decoded).toMatchObject({ apiKey: api.key, apiVersion: version, correlationId: 77, clientId: "me", api });
      const response = concatenate(encodeResponse(api, version, 78, {}));
      expect(new Reader(response).int32()).toBe(response.byteLength - 4);
      expect(decodeResponse(api, version, response.subarray(4)).correlationId).toBe(78);
    }
  }
});

test("values inside of bytes carry their version, and a newer one is read as our newest", () => {
  for (const message of dataMessages) {
    const [, max] = message.versions;
    const bytes = encodeData(message, max, {});
    expect(decodeData(message, bytes).version).toBe(max);
    const newer = concatenate([bytes, new Uint8Array([1, 2, 3])]);
    newer[1] = max + 5;
    expect(decodeData(message, newer)).toStrictEqual({ version: max + 5, value: decodeData(message, bytes).value });
  }
});
