/**
 * Which topic names and config values are taken, and what Kafka says of the others.
 */
import { describe, expect, test } from "vitest";
import { invalidConfigValue } from "../../../core/cluster/config-values.ts";
import { base64Url, bytesFromUuid, isUsableId, uuidFromBytes } from "../../../core/cluster/ids.ts";
import { topicConfigs } from "../../../core/cluster/topic-configs.ts";
import { collisionKey, invalidTopicName, isInternalTopic } from "../../../core/cluster/topic-names.ts";
import { effectiveSettings, invalidTopicConfigs } from "../../../core/cluster/topic-settings.ts";
import { settingDefaults } from "../../../core/settings.ts";

describe("a topic's name", () => {
  test.each(["a", "A.b_c-9", "x".repeat(249), "...", "__consumer_offsets"])("%j is taken", (name) => {
    expect(invalidTopicName(name)).toBeUndefined();
  });

  test.each([
    ["", "the empty string is not allowed"],
    [".", "'.' is not allowed"],
    ["..", "'..' is not allowed"],
    ["x".repeat(250), `the length of '${"x".repeat(250)}' is longer than the max allowed length 249`],
    ["a b", "'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"],
    ["a/b", "'a/b' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"],
    ["ä", "'ä' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"],
  ])("%j is refused in Kafka's words", (name, reason) => {
    expect(invalidTopicName(name)).toBe(`Topic name is invalid: ${reason}`);
  });

  test("'.' and '_' are one character when names are told apart", () => {
    expect(collisionKey("a.b_c")).toBe(collisionKey("a_b.c"));
    expect(collisionKey("a.b")).not.toBe(collisionKey("a-b"));
  });

  test("Kafka's own topics are internal", () => {
    expect(isInternalTopic("__consumer_offsets")).toBe(true);
    expect(isInternalTopic("__mine")).toBe(false);
  });
});

describe("a config's value", () => {
  test.each([...topicConfigs.values()].map(({ name }) => [name]))("the default of %s is valid", (name) => {
    const definition = topicConfigs.get(name)!;
    expect(invalidConfigValue(definition, definition.default!)).toBeUndefined();
  });

  test("the table is in alphabetical order and each config explains itself", () => {
    const names = [...topicConfigs.keys()];
    expect(names).toEqual(names.toSorted());
    expect(names).toHaveLength(33);
    for (const { doc } of topicConfigs.values()) expect(doc.length).toBeGreaterThan(20);
  });

  test.each([
    ["retention.ms", "x", "Invalid value x for configuration retention.ms: Not a number of type LONG"],
    ["retention.ms", "-2", "Invalid value -2 for configuration retention.ms: Value must be at least -1"],
    [
      "retention.ms",
      "9223372036854775808",
      "Invalid value 9223372036854775808 for configuration retention.ms: Not a number of type LONG",
    ],
    ["max.message.bytes", "2147483648", "Invalid value 2147483648 for configuration max.message.bytes: Not a number of type INT"],
    ["max.message.bytes", "-1", "Invalid value -1 for configuration max.message.bytes: Value must be at least 0"],
    [
      "min.cleanable.dirty.ratio",
      "1.5",
      "Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than 1",
    ],
    ["min.cleanable.dirty.ratio", "", "Invalid value  for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE"],
    ["preallocate", "yes", "Invalid value yes for configuration preallocate: Expected value to be either true or false"],
    [
      "compression.type",
      "brotli",
      "Invalid value brotli for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, gzip, producer",
    ],
    [
      "compression.gzip.level",
      "0",
      "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1",
    ],
    [
      "cleanup.policy",
      "delete,shred",
      "Invalid value shred for configuration cleanup.policy: String must be one of: compact, delete",
    ],
    ["cleanup.policy", "delete,delete", "Configuration 'cleanup.policy' values must not be duplicated."],
    ["segment.bytes", "1000", "Invalid value 1000 for configuration segment.bytes: Value must be at least 1048576"],
  ])("%s=%s is refused", (name, value, message) => {
    expect(invalidConfigValue(topicConfigs.get(name)!, value)).toBe(message);
  });

  test.each([
    ["retention.ms", " 100 "],
    ["retention.ms", "+5"],
    ["retention.bytes", "-5"],
    ["compression.gzip.level", "-1"],
    ["cleanup.policy", "compact, delete"],
    ["cleanup.policy", ""],
    ["preallocate", "TRUE"],
    ["leader.replication.throttled.replicas", "0:1,2:3"],
    ["leader.replication.throttled.replicas", "*"],
  ])("%s=%j is taken", (name, value) => {
    expect(invalidConfigValue(topicConfigs.get(name)!, value)).toBeUndefined();
  });

  test.each<[Record<string, string | null>, string]>([
    [{ "no.such": "1" }, "Unknown topic config name: no.such"],
    [{ "retention.ms": null, "flush.ms": null }, "Null value not supported for topic configs: flush.ms,retention.ms"],
    [
      { "min.compaction.lag.ms": "10", "max.compaction.lag.ms": "5" },
      "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)",
    ],
    [
      { "remote.storage.enable": "true" },
      "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.",
    ],
  ])("%j as a topic's configs is refused", (configs, message) => {
    expect(invalidTopicConfigs(configs)).toBe(message);
  });

  test("what holds for a topic is its own config, then the cluster's, then the deployment's, then Kafka's", () => {
    const settings = { ...settingDefaults, "message.max.bytes": 5 };
    expect(effectiveSettings({}, {}, settings)).toEqual({
      timestampType: "CreateTime",
      maxMessageBytes: 5,
      compacted: false,
      timestampBeforeMaxMs: Number.MAX_SAFE_INTEGER,
      timestampAfterMaxMs: 3_600_000,
      compressionType: "producer",
    });
    const defaults = { "max.message.bytes": "7", "cleanup.policy": "compact" };
    expect(effectiveSettings({}, defaults, settings)).toMatchObject({ maxMessageBytes: 7, compacted: true });
    const own = { "max.message.bytes": "9", "cleanup.policy": "delete", "message.timestamp.type": "LogAppendTime" };
    expect(effectiveSettings(own, defaults, settings)).toMatchObject({
      maxMessageBytes: 9,
      compacted: false,
      timestampType: "LogAppendTime",
    });
  });
});

describe("an id", () => {
  test("is written as Kafka writes it: 22 characters of base64url", () => {
    const bytes = Uint8Array.from({ length: 16 }, (_, index) => (index * 37 + 250) & 255);
    expect(base64Url(bytes)).toBe(Buffer.from(bytes).toString("base64url"));
    expect(base64Url(bytes)).toHaveLength(22);
    expect(bytesFromUuid(uuidFromBytes(bytes))).toEqual(bytes);
  });

  test("that would begin with '-' on a command line is not given", () => {
    expect(isUsableId("f8000000-0000-4000-8000-000000000000")).toBe(false);
    expect(isUsableId("f4000000-0000-4000-8000-000000000000")).toBe(true);
  });
});
