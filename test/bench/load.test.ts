/** The load generator's own parts: a wrong cutter would make a wrong rate, not an error. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { pipeline } from "../../bench/load/load-connection.ts";
import { type CutResponse, ResponseCutter } from "../../bench/load/response-cutter.ts";
import { MessageUnwrapper, messageHeader } from "../../bench/load/websocket-wire.ts";

/** The stream cut at random places. */
function chunked(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.byteLength + 1)).sort((one, other) => one - other), bytes.byteLength];
  return places.slice(1).map((end, index) => bytes.slice(places[index], end));
}

function framed(bodies: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(
    bodies.flatMap((body) => [...new Uint8Array(new Int32Array([body.byteLength]).buffer).toReversed(), ...body]),
  );
}

const bodies = fc.array(fc.uint8Array({ minLength: 0, maxLength: 300 }), { maxLength: 12 });
const cuts = fc.array(fc.nat(), { maxLength: 20 });

describe("responses are cut out of a stream", () => {
  it("in order, each with its length and the bytes that are kept, however the stream is split", () => {
    fc.assert(
      fc.property(bodies, cuts, fc.integer({ min: 0, max: 64 }), (sent, places, headBytesMax) => {
        const seen: CutResponse[] = [];
        const cutter = new ResponseCutter(headBytesMax, (response) => seen.push(response));
        for (const chunk of chunked(framed(sent), places)) cutter.push(chunk);
        expect(seen).toEqual(sent.map((body) => ({ byteLength: body.byteLength, head: body.slice(0, headBytesMax) })));
      }),
    );
  });
});

describe("WebSocket messages", () => {
  it.each([0, 1, 125, 126, 65_535, 65_536, 1 << 20])("of %i bytes carry a masked header with the mask zero", (byteLength) => {
    const header = messageHeader(byteLength);
    const view = new DataView(header.buffer);
    const short = header[1]! & 0x7f;
    expect(header[1]! & 0x80, "a client must mask").toBe(0x80);
    expect(short === 126 ? view.getUint16(2) : short === 127 ? Number(view.getBigUint64(2)) : short).toBe(byteLength);
    expect([...header.subarray(-4)]).toEqual([0, 0, 0, 0]);
  });

  it("are unwrapped to their payload, text and pings left out, however the stream is split", () => {
    const message = fc.record({ opcode: fc.constantFrom(0, 1, 2, 9), body: fc.uint8Array({ maxLength: 400 }) });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 10 }), cuts, (messages, places) => {
        const stream = messages.flatMap(({ opcode, body }) => [
          0x80 | opcode,
          ...(body.byteLength < 126 ? [body.byteLength] : [126, body.byteLength >> 8, body.byteLength & 0xff]),
          ...body,
        ]);
        const payload: number[] = [];
        const unwrapper = new MessageUnwrapper((bytes) => payload.push(...bytes));
        for (const chunk of chunked(Uint8Array.from(stream), places)) unwrapper.push(chunk);
        expect(payload).toEqual(messages.flatMap(({ opcode, body }) => (opcode === 0 || opcode === 2 ? [...body] : [])));
      }),
    );
  });
});

it("a pipeline keeps so many requests under way and no more, until all were answered", async () => {
  let underWay = 0;
  const seen: number[] = [];
  await pipeline(20, 5, async (index) => {
    underWay += 1;
    seen.push(index);
    expect(underWay).toBeLessThanOrEqual(5);
    await Promise.resolve();
    underWay -= 1;
  });
  expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => index));
});
