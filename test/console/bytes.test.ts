/** How bytes are shown: what they are taken for, one line of them, hex, and JSON that keeps every digit. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hexDump, kindOf, parseHex, previewOf } from "../../console/lib/bytes-view.ts";
import { layOut } from "../../console/lib/json-layout.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("bytes are taken for", () => {
  test.each([
    [null, "null"],
    [new Uint8Array(), "empty"],
    [encode('{"a": 1}'), "json"],
    [encode("  [1, 2]"), "json"],
    [encode("12"), "text"],
    [encode('{"a": '), "text"],
    [encode("grüße\n\tan alle"), "text"],
    [encode("a\u0000b"), "binary"],
    [Uint8Array.of(0xff, 0xfe), "binary"],
    [Uint8Array.of(0xc3), "binary"],
  ] as const)("%s: %s", (bytes, kind) => {
    expect(kindOf(bytes)).toBe(kind);
  });
});

describe("one line of bytes", () => {
  test.each([
    [null, "null"],
    [encode("one\n two"), "one two"],
    [encode("abcdefghijk"), "abcdefghij…"],
    [Uint8Array.of(0, 1, 255), "00 01 ff"],
    [new Uint8Array(20), "00 00 00 00…"],
  ] as const)("%s: %j", (bytes, line) => {
    expect(previewOf(bytes, 10)).toBe(line);
  });

  test("does not take text for binary because a character was cut", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 30, maxLength: 90 }), (text) => {
        const bytes = encode(text);
        if (kindOf(bytes) !== "text") return;
        expect(previewOf(bytes, 10)).not.toMatch(/^[\da-f]{2}( [\da-f]{2}){3}…$/);
      }),
    );
  });
});

describe("hex", () => {
  test("has offset, bytes and what can be read", () => {
    expect(hexDump(encode("Kante, 16 bytes!\u0001x"))).toBe(
      [
        "00000000  4b 61 6e 74 65 2c 20 31  36 20 62 79 74 65 73 21  Kante, 16 bytes!",
        `00000010  01 78${" ".repeat(18)}  ${" ".repeat(23)}  .x`,
      ].join("\n"),
    );
  });

  test("comes back as bytes, and what is none does not", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
        expect(parseHex(text)).toEqual(bytes);
      }),
    );
    for (const text of ["0", "0g", "0x00", "-1"]) expect(parseHex(text)).toBeUndefined();
  });
});

describe("JSON laid out", () => {
  test("that is nested without end stays about as large as it is", () => {
    const levels = 20_000;
    const text = `${"[".repeat(levels)}1,2${"]".repeat(levels)}`;
    const laidOut = layOut(text)
      .map((piece) => piece.text)
      .join("");
    expect(laidOut.replaceAll(/\s/g, "")).toBe(text);
    expect(laidOut.length).toBeLessThan(text.length + 10_000);
    expect(laidOut.split("\n").every((line) => line.length - line.trimStart().length <= 64)).toBe(true);
  });

  test("is the same JSON, whatever it is", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.boolean(), (value, isSpaced) => {
        const text = JSON.stringify(value, null, isSpaced ? 3 : undefined);
        const laidOut = layOut(text)
          .map((piece) => piece.text)
          .join("");
        expect(JSON.parse(laidOut)).toEqual(JSON.parse(text));
        expect(laidOut).toBe(JSON.stringify(value, null, 2));
      }),
    );
  });

  test("keeps digits that a number would lose, and both of two names", () => {
    const laidOut = layOut('{"id":70000000000003220001,"a":1.10,"a":1e400}')
      .map(({ text }) => text)
      .join("");
    expect(laidOut).toBe('{\n  "id": 70000000000003220001,\n  "a": 1.10,\n  "a": 1e400\n}');
  });

  test("says what each piece is", () => {
    expect(layOut('{"a":["b",-1,true]}').filter(({ kind }) => kind !== "plain")).toEqual([
      { kind: "name", text: '"a"' },
      { kind: "string", text: '"b"' },
      { kind: "number", text: "-1" },
      { kind: "word", text: "true" },
    ]);
  });
});
