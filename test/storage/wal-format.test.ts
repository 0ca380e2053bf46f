/** The WAL object: what goes in comes out, and nothing that happens to the bytes afterwards goes unseen where it matters. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batchField, viewOf } from "../../kernel/batch-layout.ts";
import { crc32c } from "../../kernel/twins/crc32c.ts";
import { batchesOf, checkBody, salvageBatches } from "../../core/wal/body.ts";
import { decodeFooter, decodeFooterOf, encodeWalObject, trailerBytes, type Damage, type WalFooter } from "../../core/wal/format.ts";
import { makeBatch, makePart, sampleObject, type SampleObject } from "./wal-samples.ts";

const topicA = "0a000000-0000-4000-8000-000000000001";
const topicB = "0b000000-0000-4000-8000-000000000002";

const example: SampleObject = {
  identity: { brokerId: 7, brokerEpoch: 3, sequence: 42 },
  parts: [
    { cell: 0, topicId: topicA, partition: 0, batches: [sampleBatch(10, 100), sampleBatch(0, 300), sampleBatch(7, 200)] },
    { cell: 0, topicId: topicA, partition: 5, batches: [sampleBatch(33, 50)] },
    { cell: 0, topicId: topicB, partition: 0, batches: [sampleBatch(1, -1)] },
    { cell: 4, topicId: topicA, partition: 1, batches: [sampleBatch(64, 999), sampleBatch(3, 1)] },
  ],
};

function sampleBatch(size: number, maxTimestamp: number): { body: Uint8Array; count: number; maxTimestamp: number } {
  return { body: new Uint8Array(size).fill(size), count: size + 1, maxTimestamp };
}

function encode(sample: SampleObject): Uint8Array {
  return encodeWalObject(sample.identity, sample.parts.map(makePart), crc32c);
}

function footerOf(object: Uint8Array): WalFooter {
  const result = decodeFooterOf(object, crc32c);
  if (!result.ok) throw new Error(result.damage.message);
  if (result.footer.kind !== "wal") throw new Error(`a ${result.footer.kind} object`);
  return result.footer;
}

/** Everything a reader would be told: of the footer, or of the body when the footer is good. */
function damageOf(object: Uint8Array): readonly Damage[] {
  const result = decodeFooterOf(object, crc32c);
  return result.ok ? checkBody(object, result.footer, crc32c) : [result.damage];
}

function flipped(object: Uint8Array, position: number, bit: number): Uint8Array {
  const copy = object.slice();
  copy[position]! ^= 1 << bit;
  return copy;
}

describe("[D9] an object describes itself", () => {
  test("identity, extents and batches come back from the bytes alone", () => {
    fc.assert(
      fc.property(sampleObject, (sample) => {
        const object = encode(sample);
        const footer = footerOf(object);
        expect(footer.identity).toEqual(sample.identity);
        expect(footer.extents.length).toBe(sample.parts.length);
        for (const [index, extent] of footer.extents.entries()) {
          const part = makePart(sample.parts[index]!);
          const { cell, topicId, partition, batchCount, maxTimestamp } = part;
          expect(extent).toMatchObject({ cell, topicId, partition, batchCount, maxTimestamp });
          const bytes = object.subarray(extent.byteStart, extent.byteStart + extent.byteLength);
          expect(Buffer.compare(bytes, Buffer.concat(part.records))).toBe(0);
          expect(batchesOf(object, extent).map(({ offsetCount }) => offsetCount)).toEqual(
            sample.parts[index]!.batches.map(({ count }) => count),
          );
        }
        expect(damageOf(object)).toEqual([]);
      }),
    );
  });

  test("[D7] the extents of a cell, and within it of a partition, are one range", () => {
    const footer = footerOf(encode(example));
    expect(footer.extents.map(({ cell, topicId, partition }) => [cell, topicId, partition])).toEqual([
      [0, topicA, 0],
      [0, topicA, 5],
      [0, topicB, 0],
      [4, topicA, 1],
    ]);
    let end = 0;
    for (const extent of footer.extents) {
      expect(extent.byteStart).toBe(end);
      end += extent.byteLength;
    }
    expect(end).toBe(footer.bodyLength);
  });

  test("the footer is found from a tail of any length", () => {
    const object = encode(example);
    const whole = footerOf(object);
    for (let length = trailerBytes; length <= object.byteLength; length++) {
      let result = decodeFooter(object.subarray(object.byteLength - length), object.byteLength, crc32c);
      if (result.ok === "more") {
        expect(result.need).toBeGreaterThan(length);
        result = decodeFooter(object.subarray(object.byteLength - result.need), object.byteLength, crc32c);
      }
      expect(result).toEqual({ ok: true, footer: whole });
    }
  });

  test("the bytes are as documented", () => {
    const object = encode({
      identity: { brokerId: 1, brokerEpoch: 2, sequence: 3 },
      parts: [{ cell: 4, topicId: topicA, partition: 5, batches: [sampleBatch(0, 6)] }],
    });
    const footer = Buffer.from(object.subarray(61));
    expect(footer.subarray(0, 88).toString("hex")).toBe(
      ["01", "01", "0020", "00000001", "0000000000000002", "0000000000000003", "000000000000003d", "00000001", "00000001"].join(
        "",
      ) +
        "0a000000000040008000000000000001" +
        ["00000004", "00000000", "00000005", "00000001", "00000000", "0000003d", "0000000000000006"].join(""),
    );
    expect(footer.subarray(88, 92).readUInt32BE()).toBe(crc32c(footer.subarray(0, 88)) >>> 0);
    expect(footer.subarray(92).toString("latin1")).toBe("\0\0\0\x68KanteObj");
  });

  test.each([
    { name: "descending cells", parts: [example.parts[3]!, example.parts[0]!] },
    { name: "descending partitions", parts: [example.parts[1]!, example.parts[0]!] },
    { name: "a partition twice", parts: [example.parts[0]!, example.parts[0]!] },
    { name: "a topic id that is none", parts: [{ ...example.parts[0]!, topicId: "topic" }] },
  ])("a writer that hands over $name is stopped", ({ parts }) => {
    expect(() => encode({ ...example, parts })).toThrow(/must ascend|not a topic id/);
  });
});

describe("[D9] damage is seen and told with its place", () => {
  test("every truncation", () => {
    const object = encode(example);
    for (let length = 0; length < object.byteLength; length++) {
      expect(["too-short", "magic"], String(length)).toContain(damageOf(object.subarray(0, length))[0]?.kind);
    }
  });

  test("every truncation from the front, and every byte too many in front", () => {
    const object = encode(example);
    for (let cut = 1; cut < object.byteLength; cut++) expect(damageOf(object.subarray(cut)).length).toBeGreaterThan(0);
    expect(damageOf(Buffer.concat([Buffer.alloc(1), object]))[0]?.kind).toBe("footer-length");
  });

  test("every flipped bit of the footer", () => {
    const object = encode(example);
    const { bodyLength } = footerOf(object);
    const kinds = new Set<string>();
    for (let position = bodyLength; position < object.byteLength; position++) {
      for (let bit = 0; bit < 8; bit++) {
        const [damage, ...more] = damageOf(flipped(object, position, bit));
        expect(more).toEqual([]);
        expect(damage?.position).toBeGreaterThanOrEqual(0);
        kinds.add(damage?.kind ?? "unseen");
      }
    }
    expect([...kinds].toSorted()).toEqual(["footer-crc", "footer-length", "magic"]);
  });

  test("every flipped bit of the body that means something, at the batch it lies in", () => {
    const object = encode(example);
    const footer = footerOf(object);
    for (const extent of footer.extents) {
      for (const { position: start, size } of batchesOf(object, extent)) {
        for (let at = 0; at < size; at++) {
          const meaningless = at < batchField.batchLength || (at >= batchField.leaderEpoch && at < batchField.magic);
          for (const bit of [0, 3, 7]) {
            const found = damageOf(flipped(object, start + at, bit));
            if (meaningless) expect(found).toEqual([]);
            else expect(found[0]).toMatchObject({ position: start });
          }
        }
      }
    }
  });

  test("a record that holds a whole object is not taken for the end of the outer one", () => {
    const inner = encode(example);
    const body = Buffer.concat([inner, Buffer.alloc(5)]);
    const outer = encode({ ...example, parts: [{ ...example.parts[0]!, batches: [{ body, count: 1, maxTimestamp: 0 }] }] });
    expect(damageOf(outer)).toEqual([]);
    expect(damageOf(outer.subarray(0, batchField.records + inner.byteLength))[0]?.kind).toBe("footer-length");
  });

  test.each([
    { field: "kind", at: 0, value: 9, kind: "kind" },
    { field: "version", at: 1, value: 2, kind: "version" },
    { field: "entry size", at: 3, value: 31, kind: "footer-layout" },
    { field: "body length", at: 31, value: 1, kind: "footer-length" },
    { field: "topic count", at: 35, value: 9, kind: "footer-layout" },
    { field: "extent count", at: 39, value: 0, kind: "footer-layout" },
    { field: "topic of an extent", at: 40 + 32 + 7, value: 2, kind: "extent" },
    { field: "start of an extent", at: 40 + 32 + 19, value: 1, kind: "extent" },
    { field: "length of an extent", at: 40 + 32 + 20, value: 1, kind: "extent" },
    { field: "order of extents", at: 40 + 32 + 3, value: 9, kind: "extent" },
  ])("a footer with a good CRC that says a wrong $field", ({ at, value, kind }) => {
    const object = encode({ ...example, parts: example.parts.slice(0, 3) });
    const { bodyLength } = footerOf(object);
    const footer = object.subarray(bodyLength);
    footer[at] = value;
    const view = viewOf(footer);
    view.setUint32(footer.byteLength - 16, crc32c(footer.subarray(0, -16)));
    expect(damageOf(object)[0]?.kind).toBe(kind);
  });

  test("damage in one extent hides none in another", () => {
    const object = encode(example);
    const { extents } = footerOf(object);
    const view = viewOf(object);
    view.setInt32(extents[0]!.byteStart + batchField.batchLength, 1_000_000);
    view.setInt8(extents[1]!.byteStart + batchField.magic, 1);
    view.setUint8(extents[3]!.byteStart + extents[3]!.byteLength - 1, 0xee);
    expect(damageOf(object).map(({ kind }) => kind)).toEqual(["batch-length", "batch-magic", "batch-crc"]);
  });

  test("a footer that counts or dates batches wrongly", () => {
    const parts = example.parts.map(makePart);
    const counted = encodeWalObject(example.identity, [{ ...parts[0]!, batchCount: 2 }, parts[1]!], crc32c);
    const dated = encodeWalObject(example.identity, [parts[0]!, { ...parts[1]!, maxTimestamp: 51 }], crc32c);
    expect(damageOf(counted)).toMatchObject([{ kind: "batch-count", position: 0 }]);
    expect(damageOf(dated)).toMatchObject([{ kind: "max-timestamp", position: footerOf(dated).extents[1]!.byteStart }]);
  });

  test("arbitrary bytes are refused, not thrown at", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(damageOf(bytes).length).toBeGreaterThan(0);
        salvageBatches(bytes, crc32c);
      }),
    );
  });
});

describe("salvage: without a footer", () => {
  test("every batch of a whole object is found, and nothing else is taken for one", () => {
    fc.assert(
      fc.property(sampleObject, (sample) => {
        const object = encode(sample);
        const footer = footerOf(object);
        const { batches, gaps } = salvageBatches(object, crc32c);
        expect(batches).toEqual(footer.extents.flatMap((extent) => batchesOf(object, extent)));
        expect(gaps).toEqual([{ position: footer.bodyLength, byteLength: object.byteLength - footer.bodyLength }]);
      }),
    );
  });

  test("the batches before a truncation are all found", () => {
    const object = encode(example);
    const ends = footerOf(object).extents.flatMap((extent) =>
      batchesOf(object, extent).map(({ position, size }) => position + size),
    );
    for (let length = 0; length <= footerOf(object).bodyLength; length++) {
      const { batches } = salvageBatches(object.subarray(0, length), crc32c);
      expect(batches.length).toBe(ends.filter((end) => end <= length).length);
    }
  });

  test("the batches behind a damaged one are found again", () => {
    const first = makeBatch(sampleBatch(50, 1));
    const second = makeBatch(sampleBatch(20, 2));
    for (const [position, bit] of [
      [batchField.batchLength + 1, 3],
      [batchField.magic, 0],
      [batchField.records, 1],
    ] as const) {
      const bytes = Buffer.concat([flipped(first, position, bit), second, first]);
      const { batches, gaps } = salvageBatches(bytes, crc32c);
      expect(gaps).toEqual([{ position: 0, byteLength: first.byteLength }]);
      expect(batches.map((batch) => batch.position)).toEqual([first.byteLength, first.byteLength + second.byteLength]);
    }
  });
});
