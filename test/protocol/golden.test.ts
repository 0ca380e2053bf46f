/**
 * Bytes that stock clients and Apache Kafka exchanged (scripts/capture-golden.ts): we read every one of them to its last byte,
 * and writing what we read gives the same bytes again.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { apis } from "../../protocol/apis.ts";
import {
  concatenate,
  decodeRequestBody,
  decodeRequestHeader,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from "../../protocol/codec.ts";

interface Sample {
  readonly api: string;
  readonly version: number;
  readonly request: string;
  readonly response: string;
}

const folder = join(import.meta.dirname, "golden");
const samples = readdirSync(folder).flatMap((file) =>
  (JSON.parse(readFileSync(join(folder, file), "utf8")) as Sample[]).map((sample) => ({ client: file.slice(0, -5), ...sample })),
);

function apiOf(name: string) {
  const api = apis.find((candidate) => candidate.name === name);
  if (api === undefined) throw new Error(`no API ${name}`);
  return api;
}

const hexOf = (frame: Uint8Array) => Buffer.from(frame.subarray(4)).toString("hex");

test("there are golden bytes of the first APIs from every client", () => {
  for (const client of ["kcat", "kafkajs", "platformatic", "java", "python", "go"]) {
    const recorded = samples.filter((sample) => sample.client === client).map((sample) => sample.api);
    expect(recorded).toEqual(expect.arrayContaining(["ApiVersions", "Metadata", "Produce", "Fetch", "ListOffsets"]));
  }
});

describe.each(samples)("$client $api $version", ({ api: name, version, request, response }) => {
  const api = apiOf(name);

  test("the client's request is read, and written the same", () => {
    const frame = new Uint8Array(Buffer.from(request, "hex"));
    const header = decodeRequestHeader(frame);
    expect(header).toMatchObject({ api, apiVersion: version });
    const body = decodeRequestBody(api, version, frame, header.position);
    expect(hexOf(concatenate(encodeRequest(api, version, header.correlationId, header.clientId, body)))).toBe(request);
  });

  test("Kafka's response is read, and written the same", () => {
    const { correlationId, body } = decodeResponse(api, version, new Uint8Array(Buffer.from(response, "hex")));
    expect(hexOf(concatenate(encodeResponse(api, version, correlationId, body)))).toBe(response);
  });
});
