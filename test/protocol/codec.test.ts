/**
 * What the codec does beyond writing fields in order: views instead of copies, headers of both kinds, tagged fields, and what
 * becomes of fields that a version does not have.
 */
import { describe, expect, expectTypeOf, test } from "vitest";
import {
  concatenate,
  decodeData,
  decodeRequest,
  decodeRequestBody,
  decodeRequestHeader,
  decodeResponse,
  encodeData,
  encodeRequest,
  encodeResponse,
} from "../../protocol/codec.ts";
import { errorCodes, errorOf } from "../../protocol/errors.ts";
import { produce } from "../../protocol/messages/00-produce.ts";
import { fetch } from "../../protocol/messages/01-fetch.ts";
import { metadata } from "../../protocol/messages/03-metadata.ts";
import { apiVersions } from "../../protocol/messages/18-api-versions.ts";
import { createTopics } from "../../protocol/messages/19-create-topics.ts";
import { DecodeError } from "../../protocol/reader.ts";
import { bytes, defineData, type RequestOf, type ResponseInput, type ResponseOf } from "../../protocol/schema.ts";
import { EncodeError } from "../../protocol/writer.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const topicId = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9";

function produceRequest(version: number, records: Uint8Array | readonly Uint8Array[]): Uint8Array[] {
  return encodeRequest(produce, version, 1, "me", { topicData: [{ name: "t", topicId, partitionData: [{ index: 0, records }] }] });
}

describe("bytes are not copied", () => {
  test.each([7, 9, 13])("a decoded record set is a view of its frame (Produce %i)", (version) => {
    const frame = concatenate(produceRequest(version, new Uint8Array(3000).fill(7))).subarray(4);
    const { position } = decodeRequestHeader(frame);
    const body = decodeRequestBody(produce, version, frame, position);
    const records = body.topicData[0]?.partitionData[0]?.records;
    expect(records?.buffer).toBe(frame.buffer);
    expect(records).toStrictEqual(new Uint8Array(3000).fill(7));
  });

  test.each([4, 12, 18])("large record sets travel as the caller's own views, pieces one after the other (Fetch %i)", (version) => {
    const pieces = [new Uint8Array(5000).fill(1), new Uint8Array(10).fill(2), new Uint8Array(1024).fill(3)];
    const body: ResponseInput<typeof fetch> = {
      responses: [
        {
          topic: "t",
          topicId,
          partitions: [
            { partitionIndex: 0, records: pieces },
            { partitionIndex: 1, records: null },
          ],
        },
      ],
    };
    const chunks = encodeResponse(fetch, version, 9, body);
    expect(chunks).toContain(pieces[0]);
    expect(chunks).toContain(pieces[2]);
    expect(chunks).not.toContain(pieces[1]);
    const whole = concatenate(chunks);
    expect(new DataView(whole.buffer).getInt32(0)).toBe(whole.byteLength - 4);
    const partitions = decodeResponse(fetch, version, whole.subarray(4)).body.responses[0]?.partitions;
    expect(partitions?.map((partition) => partition.records)).toStrictEqual([concatenate(pieces), null]);
  });

  test("pieces are written as the same bytes as the whole", () => {
    const whole = Uint8Array.from({ length: 4000 }, (_, index) => index & 0xff);
    const pieces = [whole.subarray(0, 1500), whole.subarray(1500, 1500), whole.subarray(1500, 1600), whole.subarray(1600)];
    for (const version of [3, 13]) {
      expect(hex(concatenate(produceRequest(version, pieces)))).toBe(hex(concatenate(produceRequest(version, whole))));
    }
  });
});

test("a message larger than the writer's buffer comes out whole, and so does the next one", () => {
  const topics = Array.from({ length: 200_000 }, (_, index) => ({ name: `topic-${index}` }));
  const large = concatenate(encodeRequest(metadata, 12, 1, null, { topics }));
  const decoded = metadataRequestOf(large);
  expect(decoded.topics?.at(-1)?.name).toBe("topic-199999");
  expect(hex(concatenate(encodeRequest(metadata, 0, 2, null, {})))).toBe(
    "0000000e 0003 0000 00000002 ffff 00000000".replaceAll(" ", ""),
  );
});

function metadataRequestOf(request: Uint8Array): RequestOf<typeof metadata> {
  return decodeRequest(request.subarray(4)).body as RequestOf<typeof metadata>;
}

describe("headers", () => {
  test("the client id has an int16 length in the flexible header too", () => {
    expect(hex(concatenate(encodeRequest(apiVersions, 3, 5, "ab", {})))).toBe(
      "00000010 0012 0003 00000005 0002 6162 00 01 01 00".replaceAll(" ", ""),
    );
  });

  test("ApiVersions answers with the old header in every version, others with the flexible one from their flexible version", () => {
    const prefixes = [0, 2, 3, 4].map((version) =>
      hex(concatenate(encodeResponse(apiVersions, version, 5, { errorCode: 0 }))).slice(8, 20),
    );
    expect(new Set(prefixes)).toStrictEqual(new Set(["000000050000"]));
    expect(hex(concatenate(encodeResponse(metadata, 8, 5, {}))).slice(8, 26)).toBe("000000050000000000");
    expect(hex(concatenate(encodeResponse(metadata, 9, 5, { throttleTimeMs: 1 }))).slice(8, 26)).toBe("000000050000000001");
  });

  test("an ApiVersions of the future is understood up to its body, an unknown key up to its client id", () => {
    const future = bytesOf("0012 0063 00000007 0002 6162 01 05 02 ffff 09");
    expect(decodeRequestHeader(future)).toMatchObject({
      apiKey: 18,
      apiVersion: 99,
      correlationId: 7,
      clientId: "ab",
      position: 17,
    });
    const unknown = decodeRequestHeader(bytesOf("03e7 0001 00000007 ffff"));
    expect(unknown).toStrictEqual({ apiKey: 999, apiVersion: 1, correlationId: 7, clientId: null, api: undefined, position: 10 });
    expect(() => decodeRequest(future)).toThrow(DecodeError);
  });
});

describe("tagged fields", () => {
  const header = "00000001 00";

  test("unknown ones are skipped wherever they stand", () => {
    // Metadata 12 with no topics: throttle time, brokers, cluster id, controller, topics, tagged fields 7 and 300.
    const frame = bytesOf(`${header} 00000000 01 00 00000001 01 02 07 03 aabbcc ac02 00`);
    expect(decodeResponse(metadata, 12, frame).body).toMatchObject({ controllerId: 1, topics: [] });
  });

  test("one that is not as long as it says is refused", () => {
    const frame = (size: string) => concatenate([bytesOf("00000001"), bytesOf(`0000 01 00000000 01 01 ${size} 0000000000000009`)]);
    expect(decodeResponse(apiVersions, 3, frame("08")).body.finalizedFeaturesEpoch).toBe(9n);
    expect(() => decodeResponse(apiVersions, 3, frame("07"))).toThrow(DecodeError);
  });

  test("those at their default are left out, the others stand in the order of their tags", () => {
    const features = [{ name: "f", minVersion: 1, maxVersion: 2 }];
    const written = (body: ResponseInput<typeof apiVersions>) =>
      hex(concatenate(encodeResponse(apiVersions, 3, 1, body))).slice(16);
    expect(written({ finalizedFeaturesEpoch: -1n, zkMigrationReady: false, supportedFeatures: [] })).toBe("0000010000000000");
    expect(written({ finalizedFeaturesEpoch: 5n, supportedFeatures: features })).toBe(
      "0000 01 00000000 02 00 08 02 0266 0001 0002 00 01 08 0000000000000005".replaceAll(" ", ""),
    );
  });

  test("a struct among them is left out while all of its fields are at their default", () => {
    const size = (currentLeader: { leaderId: number; leaderEpoch: number } | undefined) =>
      concatenate(encodeResponse(produce, 10, 1, { responses: [{ name: "t", partitionResponses: [{ currentLeader }] }] }))
        .byteLength;
    expect(size({ leaderId: -1, leaderEpoch: -1 })).toBe(size(undefined));
    expect(size({ leaderId: 0, leaderEpoch: -1 })).toBe(size(undefined) + 2 + 9);
  });

  test("large bytes among them are copied, for the field moves when its size is known", () => {
    const message = defineData({ name: "Tagged", versions: "0", flexible: "0+", fields: { content: bytes({ tag: 0 }) } });
    const content = new Uint8Array(2000).fill(5);
    const written = encodeData(message, 0, { content });
    expect(hex(written.subarray(0, 8))).toBe("0000 01 00 d20f d10f".replaceAll(" ", ""));
    expect(decodeData(message, written).value).toStrictEqual({ content });
  });

  test("large ones move as a whole: a size of two bytes", () => {
    const nodeEndpoints = Array.from({ length: 40 }, (_, nodeId) => ({ nodeId, host: `host-${nodeId}`, port: 9092, rack: null }));
    const response = concatenate(encodeResponse(fetch, 16, 1, { nodeEndpoints }));
    expect(decodeResponse(fetch, 16, response.subarray(4)).body.nodeEndpoints).toStrictEqual(nodeEndpoints);
  });
});

describe("fields and versions", () => {
  test("a field that the version lacks is dropped when written and takes its default when read", () => {
    const request = concatenate(encodeRequest(createTopics, 4, 1, null, { topics: [{ name: "t" }], validateOnly: true }));
    expect(decodeRequest(request.subarray(4)).body).toMatchObject({ timeoutMs: 60_000, validateOnly: true });
    const topics = [{ name: "t", topicId, numPartitions: 4, replicationFactor: 1 }];
    const [topic] = decodeResponse(createTopics, 4, concatenate(encodeResponse(createTopics, 4, 1, { topics })).subarray(4)).body
      .topics;
    expect(topic).toMatchObject({ name: "t", topicId: "00000000-0000-0000-0000-000000000000", numPartitions: -1, configs: [] });
  });

  test("a null that an old version cannot say is written as the empty value", () => {
    const topics = [{ name: null, topicId }];
    const response = concatenate(encodeResponse(metadata, 11, 1, { topics })).subarray(4);
    expect(decodeResponse(metadata, 11, response).body.topics[0]?.name).toBe("");
    expect(decodeRequest(concatenate(encodeRequest(metadata, 0, 1, null, { topics: null })).subarray(4)).body).toMatchObject({
      topics: [],
    });
  });

  test("an unknown version is a mistake of the caller", () => {
    expect(() => encodeResponse(produce, 2, 1, {})).toThrow(RangeError);
    expect(() => encodeRequest(produce, 14, 1, null, {})).toThrow(RangeError);
  });
});

test("what does not fit its type is not written as something else", () => {
  expect(() => encodeRequest(produce, 3, 1, "x".repeat(40_000), {})).toThrow(EncodeError);
  expect(() => encodeRequest(produce, 3, 1, "ä".repeat(20_000), {})).toThrow(EncodeError);
  for (const wrong of ["", "0a1b", `${topicId}0`, "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8fg", "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8fä"]) {
    expect(() => encodeRequest(metadata, 12, 1, null, { topics: [{ topicId: wrong }] })).toThrow(EncodeError);
  }
});

test("text that is not UTF-8 is read with replacement characters, a byte order mark is kept", () => {
  const frame = (text: string) => bytesOf(`0003 0000 00000001 ffff 00000001 0004 ${text}`);
  const name = (text: string) => (decodeRequest(frame(text)).body as RequestOf<typeof metadata>).topics?.[0]?.name;
  expect(name("61 c3 a4 62")).toBe("aäb");
  expect(name("61 ff 62 63")).toBe("a\uFFFDbc");
  expect(name("efbbbf 61")).toBe("\uFEFFa");
});

test("error codes have names, and an unknown code is an unknown error", () => {
  expect(errorCodes.NOT_LEADER_OR_FOLLOWER).toBe(6);
  expect(errorOf(74)).toMatchObject({ name: "FENCED_LEADER_EPOCH", retriable: true });
  expect(errorOf(9999)).toMatchObject({ code: -1 });
});

test("types are inferred from the schemas", () => {
  type Partition = RequestOf<typeof produce>["topicData"][number]["partitionData"][number];
  expectTypeOf<Partition["records"]>().toEqualTypeOf<Uint8Array | null>();
  expectTypeOf<RequestOf<typeof produce>["transactionalId"]>().toEqualTypeOf<string | null>();
  expectTypeOf<
    ResponseOf<typeof produce>["responses"][number]["partitionResponses"][number]["baseOffset"]
  >().toEqualTypeOf<bigint>();
  type FetchPartition = NonNullable<NonNullable<ResponseInput<typeof fetch>["responses"]>[number]["partitions"]>[number];
  expectTypeOf<FetchPartition["records"]>().toEqualTypeOf<Uint8Array | readonly Uint8Array[] | null | undefined>();
  expectTypeOf<ResponseOf<typeof produce>>().toExtend<ResponseInput<typeof produce>>();
});
