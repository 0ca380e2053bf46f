/** What is kept of things that clients name. */
import { expect, test } from "vitest";
import { Recent } from "../../durable-objects/recent.ts";

test("[I8] the things used last are kept, however many are named", () => {
  const made: string[] = [];
  const recent = new Recent(2, (name) => ({ name, number: made.push(name) }));
  const a = recent.get("a");
  recent.get("b");
  expect(recent.get("a")).toBe(a);
  recent.get("c");
  expect(recent.get("a")).toBe(a);
  expect(recent.get("b")).not.toBe(undefined);
  expect(made).toEqual(["a", "b", "c", "b"]);
});
