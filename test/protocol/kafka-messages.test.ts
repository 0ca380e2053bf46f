/**
 * Our schemas against Kafka's own message descriptions, field by field: names, order, types, versions, null, tags, defaults.
 * The descriptions are not part of the repository: KANTE_KAFKA_PROTOCOL names their folder, and without it this is skipped.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { apis } from "../../protocol/apis.ts";
import { kafkaErrors } from "../../protocol/errors.ts";
import { kafkaApis } from "../../scripts/kafka-apis.ts";
import { isWithin, parseVersions, type Field, type Fields, type MessageSchema, type Versions } from "../../protocol/schema.ts";
import { dataMessages, versionsOf } from "./arbitraries.ts";

const folder = process.env["KANTE_KAFKA_PROTOCOL"] ?? join(import.meta.dirname, "../../../shared/kafka-protocol");
const isAbsent = !existsSync(folder);
if (isAbsent) console.log(`skipped: no Kafka message descriptions in ${folder} (KANTE_KAFKA_PROTOCOL)`);

interface KafkaField {
  readonly name: string;
  readonly type: string;
  readonly versions: Versions | "none";
  readonly nullableVersions?: Versions | "none";
  readonly taggedVersions?: Versions;
  readonly tag?: number;
  readonly default?: string | number | boolean;
  readonly fields?: readonly KafkaField[];
}

interface KafkaMessage {
  readonly apiKey?: number;
  readonly listeners?: readonly string[];
  readonly latestVersionUnstable?: boolean;
  readonly validVersions: Versions;
  readonly flexibleVersions: Versions | "none";
  readonly fields: readonly KafkaField[];
  readonly commonStructs?: readonly { readonly name: string; readonly fields: readonly KafkaField[] }[];
}

function kafkaMessage(name: string): KafkaMessage {
  const text = readFileSync(join(folder, "messages", `${name}.json`), "utf8");
  return JSON.parse(text.replaceAll(/^\s*\/\/.*$/gm, "")) as KafkaMessage;
}

/** The structs of a message by name, wherever in it they are described. */
function structsOf(message: KafkaMessage): Map<string, readonly KafkaField[]> {
  const structs = new Map((message.commonStructs ?? []).map((struct) => [struct.name, struct.fields]));
  const visit = (fields: readonly KafkaField[]): void => {
    for (const field of fields) {
      if (field.fields === undefined) continue;
      structs.set(field.type.replace("[]", ""), field.fields);
      visit(field.fields);
    }
  };
  visit(message.fields);
  return structs;
}

const scalars = new Set(["bool", "int8", "int16", "uint16", "int32", "int64", "float64", "uuid", "string", "bytes", "records"]);
const zeroUuid = "00000000-0000-0000-0000-000000000000";

/** What of a field is on the wire in one version, in a form that both descriptions can be brought to. */
interface Wire {
  readonly name: string;
  readonly type: string;
  readonly isNullable: boolean;
  readonly tag: number | undefined;
  readonly default: unknown;
  readonly inside: readonly Wire[] | undefined;
}

function kafkaWire(fields: readonly KafkaField[], structs: Map<string, readonly KafkaField[]>, version: number): Wire[] {
  const within = (versions: Versions | "none" | undefined) =>
    versions !== undefined && versions !== "none" && isWithin(version, versions);
  return fields
    .filter((field) => within(field.versions))
    .map((field) => {
      const item = field.type.replace("[]", "");
      const isArray = item !== field.type;
      const kind = scalars.has(item) ? item : "struct";
      return {
        name: field.name.slice(0, 1).toLowerCase() + field.name.slice(1),
        type: isArray ? `[]${kind}` : kind,
        isNullable: within(field.nullableVersions),
        tag: within(field.taggedVersions) ? field.tag : undefined,
        default: kafkaDefault(field),
        inside: kind === "struct" ? kafkaWire(structs.get(item) ?? [], structs, version) : undefined,
      };
    });
}

function kafkaDefault(field: KafkaField): unknown {
  const given = field.default;
  if (given === "null") return null;
  switch (field.type) {
    case "bool":
      return String(given) === "true";
    case "int64":
      return BigInt(given ?? 0);
    case "uuid":
      return zeroUuid;
    case "string":
      return given ?? "";
    case "records":
      return null;
    default:
      return scalars.has(field.type) && field.type !== "bytes" ? Number(given ?? 0) : "empty";
  }
}

function ourWire(fields: Fields, version: number): Wire[] {
  return Object.entries(fields)
    .filter(([, field]) => isWithin(version, field.versions))
    .map(([name, field]) => {
      const inside = field.kind === "array" ? field.item?.fields : field.fields;
      return {
        name,
        type: field.kind === "array" ? `[]${field.item?.kind}` : field.kind,
        isNullable: field.nullable !== undefined && isWithin(version, field.nullable),
        tag: field.tag,
        default: ourDefault(field),
        inside: inside === undefined ? undefined : ourWire(inside, version),
      };
    });
}

function ourDefault(field: Field): unknown {
  if (field.default !== undefined) return field.default;
  const zeros: Partial<Record<Field["kind"], unknown>> = {
    bool: false,
    int64: 0n,
    uuid: zeroUuid,
    string: "",
    records: null,
    bytes: "empty",
    array: "empty",
    struct: "empty",
  };
  return field.kind in zeros ? zeros[field.kind] : 0;
}

function expectSame(ours: MessageSchema, kafkas: KafkaMessage): void {
  expect(ours.versions).toStrictEqual(parseVersions(kafkas.validVersions));
  expect(ours.flexibleFrom).toBe(kafkas.flexibleVersions === "none" ? Infinity : parseVersions(kafkas.flexibleVersions)[0]);
  for (const version of versionsOf(ours)) {
    expect(ourWire(ours.fields, version), `version ${version}`).toStrictEqual(kafkaWire(kafkas.fields, structsOf(kafkas), version));
  }
}

describe.skipIf(isAbsent)("beside Kafka's own descriptions", () => {
  test.each(apis.map((api) => ({ name: api.name, api })))("$name is the same", ({ name, api }) => {
    const request = kafkaMessage(`${name}Request`);
    expect(request.apiKey).toBe(api.key);
    expectSame(api.request, request);
    expectSame(api.response, kafkaMessage(`${name}Response`));
  });

  test.each(dataMessages.map((message) => ({ name: message.name, message })))("$name is the same", ({ name, message }) => {
    expectSame(message, kafkaMessage(name));
  });

  test("what brokers serve is what docs/COMPATIBILITY.md says that they serve", () => {
    const requests = readdirSync(join(folder, "messages"))
      .filter((file) => file.endsWith("Request.json"))
      .map((file) => ({ name: file.replace("Request.json", ""), message: kafkaMessage(file.replace(".json", "")) }))
      .filter(({ message }) => message.listeners?.includes("broker") === true && message.validVersions !== ("none" as string));
    const theirs = requests.map(({ name, message: { apiKey = -1, validVersions, latestVersionUnstable } }) => {
      const [min, max] = parseVersions(validVersions);
      return [apiKey, name, min, latestVersionUnstable === true ? max - 1 : max] as const;
    });
    const ours = kafkaApis.map(([key, name, min, max]) => [key, name, min, max] as const);
    expect(ours).toStrictEqual(theirs.toSorted(([one], [other]) => one - other));
  });

  test("error codes are the same", () => {
    const lines = readFileSync(join(folder, "errors.tsv"), "utf8").trim().split("\n").slice(1);
    const ours = kafkaErrors.map((error) => `${error.code}\t${error.name}\t${error.retriable ? "yes" : "no"}`);
    expect(ours).toStrictEqual(lines);
  });
});
