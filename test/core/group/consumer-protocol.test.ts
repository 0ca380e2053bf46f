/** The bytes that consumers exchange through a classic group, in every version and damaged. */
import { describe, expect, test } from "vitest";
import { readAssignment, readSubscription, writeAssignment } from "../../../core/group/consumer-protocol.ts";

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

/** Topics "a" and "bc", user data 0x07; owned a-1 and a-2; generation 5; rack "r". */
const topics = "00000002 0001 61 0002 6263 00000001 07";
const owned = "00000001 0001 61 00000002 00000001 00000002";
const generation = "00000005";
const rack = "0001 72";

describe("a subscription", () => {
  const ownedPartitions = [{ topic: "a", partitions: [1, 2] }];
  test.each([
    ["0000" + topics, { version: 0, ownedPartitions: [], generationId: -1, rackId: null }],
    ["0001" + topics + owned, { version: 1, ownedPartitions, generationId: -1, rackId: null }],
    ["0002" + topics + owned + generation, { version: 2, ownedPartitions, generationId: 5, rackId: null }],
    ["0003" + topics + owned + generation + rack, { version: 3, ownedPartitions, generationId: 5, rackId: "r" }],
    ["0003" + topics + owned + generation + "ffff", { version: 3, ownedPartitions, generationId: 5, rackId: null }],
    ["0009" + topics + owned + generation + rack + "0102", { version: 9, ownedPartitions, generationId: 5, rackId: "r" }],
  ])("%s", (hex, expected) => {
    expect(readSubscription(bytes(hex))).toEqual({ topics: ["a", "bc"], ...expected });
  });

  test.each([
    ["nothing", ""],
    ["a negative version", "ffff" + topics],
    ["topics that are null", "0000 ffffffff ffffffff"],
    ["a count that is a lie", "0000 7fffffff"],
    ["owned partitions that are missing", "0001" + topics],
    ["a name that ends early", "0000 00000001 0009 61"],
  ])("that is %s is none", (_, hex) => expect(readSubscription(bytes(hex))).toBeUndefined());
});

describe("an assignment", () => {
  test("is written in the version asked for, without user data", () => {
    const written = writeAssignment([{ topic: "a", partitions: [1, 2] }], 2);
    expect(Buffer.from(written).toString("hex")).toBe(("0002" + owned + "ffffffff").replaceAll(" ", ""));
  });

  test.each([
    ["0001" + owned + "ffffffff", false],
    ["0001" + owned + "00000000", false],
    ["0001" + owned + "00000001 00", true],
  ])("%s tells partitions and whether there is user data", (hex, hasUserData) => {
    expect(readAssignment(bytes(hex))).toEqual({ partitions: [{ topic: "a", partitions: [1, 2] }], hasUserData });
  });

  test("of no bytes is one of nothing, and one that ends early is none", () => {
    expect(readAssignment(bytes(""))).toEqual({ partitions: [], hasUserData: false });
    expect(readAssignment(bytes("0001" + owned))).toBeUndefined();
  });
});
