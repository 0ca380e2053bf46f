/**
 * The frame cutter: the same frames whatever the splits, memory that follows what has arrived, frames that own their buffers.
 */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FrameCutter } from "../../protocol/frames.ts";
import { DecodeError } from "../../protocol/reader.ts";

const frameSizeMax = 8 * 1024 * 1024;

function frameOf(size: number, fill = size): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (fill + index * 7) & 0xff);
}

function streamOf(frames: readonly Uint8Array[]): Uint8Array {
  const stream = new Uint8Array(frames.reduce((size, frame) => size + 4 + frame.byteLength, 0));
  let at = 0;
  for (const frame of frames) {
    new DataView(stream.buffer).setInt32(at, frame.byteLength);
    stream.set(frame, at + 4);
    at += 4 + frame.byteLength;
  }
  return stream;
}

function pieces(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...cuts.map((cut) => cut % (stream.byteLength + 1)).sort((one, other) => one - other), stream.byteLength];
  return places.slice(1).map((end, index) => stream.slice(places[index], end));
}

/** Reads as a BYOB reader does: at most so many bytes, and the buffer it was given is transferred away. */
function readInto(cutter: FrameCutter, stream: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const frames: Uint8Array[] = [];
  let at = 0;
  for (let turn = 0; at < stream.byteLength; turn++) {
    const space = cutter.space();
    expect(space.byteLength).toBeGreaterThan(0);
    const size = Math.min(space.byteLength, sizes[turn % sizes.length] ?? 1, stream.byteLength - at);
    const { byteOffset } = space;
    const view = new Uint8Array((space.buffer as ArrayBuffer).transfer(), byteOffset, size);
    view.set(stream.subarray(at, at + size));
    frames.push(...cutter.received(view));
    at += size;
  }
  return frames;
}

const small = [frameOf(0), frameOf(1), frameOf(5), frameOf(0), frameOf(300), frameOf(3)];

test("frames are the same whatever byte the stream is split at, once or twice", () => {
  const stream = streamOf(small);
  for (let first = 0; first <= stream.byteLength; first++) {
    for (const second of [first, first + 1, first + 3, first + 4, first + 5, stream.byteLength]) {
      const cutter = new FrameCutter(frameSizeMax);
      const frames = pieces(stream, [first, Math.min(second, stream.byteLength)]).flatMap((chunk) => cutter.push(chunk));
      expectSameFrames(frames, small);
      expect(cutter.isMidFrame).toBe(false);
    }
  }
});

test("frames are the same when every byte comes alone", () => {
  const cutter = new FrameCutter(frameSizeMax);
  expect([...streamOf(small)].flatMap((byte) => cutter.push(new Uint8Array([byte])))).toStrictEqual(small);
});

const sizes = fc.oneof(
  fc.nat(40),
  fc.nat(3000),
  fc.integer({ min: 15_000, max: 40_000 }),
  fc.integer({ min: 250_000, max: 700_000 }),
);

test("frames are the same for any sizes and splits, pushed or read in place", () => {
  fc.assert(
    fc.property(
      fc.array(sizes, { minLength: 1, maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 30 }),
      fc
        .array(fc.constantFrom(1, 4, 100, 5000, 65_536, 1 << 20), { minLength: 1, maxLength: 5 })
        .filter((list) => Math.max(...list) > 4),
      (frameSizes, cuts, readSizes) => {
        const frames = frameSizes.map((size) => frameOf(size));
        const stream = streamOf(frames);
        const pushed = new FrameCutter(frameSizeMax);
        expectSameFrames(
          pieces(stream, cuts).flatMap((chunk) => pushed.push(chunk)),
          frames,
        );
        expectSameFrames(readInto(new FrameCutter(frameSizeMax), stream, readSizes), frames);
      },
    ),
    { numRuns: 60 },
  );
});

/** vitest's own comparison walks large arrays byte by byte: compare their buffers. */
function expectSameFrames(actual: readonly Uint8Array[], expected: readonly Uint8Array[]): void {
  expect(actual.map((frame) => frame.byteLength)).toStrictEqual(expected.map((frame) => frame.byteLength));
  for (const [index, frame] of actual.entries()) expect(Buffer.compare(frame, expected[index] ?? new Uint8Array())).toBe(0);
}

test("a frame that is handed out keeps no buffer of more than about twice its size", () => {
  const frames = [10, 100, 5000, 20, 90_000, 7, 300_000, 1, 1_000_000, 40, 600_000].map((size) => frameOf(size));
  const stream = streamOf(frames);
  const pushed = new FrameCutter(frameSizeMax);
  const answers = [
    ...pushed.push(stream.slice()),
    ...pieces(stream, [50_000, 100_000, 150_000, 500_000, 900_000]).flatMap((chunk) => pushed.push(chunk)),
    ...readInto(new FrameCutter(frameSizeMax), stream, [1 << 20]),
  ];
  expect(answers).toHaveLength(3 * frames.length);
  for (const frame of answers) expect(frame.buffer.byteLength).toBeLessThanOrEqual(2 * frame.byteLength + 4);
});

test("a large frame in a chunk of its own is handed out without a copy", () => {
  const chunk = streamOf([frameOf(100_000)]);
  expect(new FrameCutter(frameSizeMax).push(chunk)[0]?.buffer).toBe(chunk.buffer);
});

test("Node's pooled buffers are copied, not shared", () => {
  const chunk = Buffer.from(streamOf([frameOf(10)]));
  const [frame] = new FrameCutter(frameSizeMax).push(chunk);
  chunk.fill(0);
  expect(frame).toStrictEqual(frameOf(10));
});

test("[I9] a claimed length allocates nothing by itself", () => {
  const claim = new Uint8Array([0, 0x7f, 0xff, 0xff, 1, 2, 3]);
  const pushed = new FrameCutter(frameSizeMax);
  pushed.push(claim);
  expect(pushed.isMidFrame).toBe(true);
  const read = new FrameCutter(frameSizeMax);
  readInto(read, claim, [100]);
  expect(read.space().buffer.byteLength).toBeLessThanOrEqual(16 * 1024);
});

test("[I9] the buffer of an unfinished frame is at most about twice what has arrived", () => {
  const cutter = new FrameCutter(frameSizeMax);
  const stream = streamOf([frameOf(4_000_000)]);
  let arrived = 0;
  while (arrived < 3_000_000) {
    const space = cutter.space();
    expect(space.buffer.byteLength).toBeLessThanOrEqual(Math.max(16 * 1024, 2 * arrived));
    const size = Math.min(space.byteLength, 10_000);
    space.set(stream.subarray(arrived, arrived + size));
    expect(cutter.received(space.subarray(0, size))).toStrictEqual([]);
    arrived += size;
  }
});

test("[I8] a cutter tells the memory of an unfinished frame that says to be large, and of no other", () => {
  const begun = (frameBytes: number, sentBytes: number) => {
    const cutter = new FrameCutter(1 << 20);
    const bytes = new Uint8Array(sentBytes);
    new DataView(bytes.buffer).setInt32(0, frameBytes);
    expect(cutter.push(bytes)).toEqual([]);
    return cutter.heldBeyond(1000);
  };
  expect(begun(1000, 900)).toBe(0);
  expect(begun(1001, 900)).toBeGreaterThanOrEqual(900);
  expect(begun(1001, 900)).toBeLessThanOrEqual(1005);
  expect(new FrameCutter(1 << 20).heldBeyond(1000)).toBe(0);
});

describe("[I9] a length that is negative or above the limit is refused as soon as it is known", () => {
  const lengths = {
    negative: [0xff, 0xff, 0xff, 0xff],
    "one too many": [0, 0x80, 0, 1],
    "an HTTP request": [0x47, 0x45, 0x54, 0x20],
  };
  test.each(Object.entries(lengths))("%s", (_, bytes) => {
    expect(() => new FrameCutter(frameSizeMax).push(new Uint8Array(bytes))).toThrow(DecodeError);
    const cutter = new FrameCutter(frameSizeMax);
    cutter.push(new Uint8Array(bytes.slice(0, 3)));
    expect(() => cutter.push(new Uint8Array(bytes.slice(3)))).toThrow(DecodeError);
    expect(() => readInto(new FrameCutter(frameSizeMax), new Uint8Array(bytes), [3, 1])).toThrow(DecodeError);
  });

  test("the limit itself is allowed", () => {
    expect(new FrameCutter(5).push(streamOf([frameOf(5)]))).toStrictEqual([frameOf(5)]);
  });
});

test("the partial bytes of a cutter restore another [I7]", () => {
  const frames = [frameOf(20), frameOf(5000), frameOf(3)];
  const stream = streamOf(frames);
  for (let at = 0; at <= stream.byteLength; at += 13) {
    const before = new FrameCutter(frameSizeMax);
    const first = before.push(stream.slice(0, at));
    const after = new FrameCutter(frameSizeMax);
    expect(before.isMidFrame).toBe(before.partial.byteLength > 0);
    expect(after.push(before.partial)).toStrictEqual([]);
    expectSameFrames([...first, ...after.push(stream.slice(at))], frames);
  }
});
