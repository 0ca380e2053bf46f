/** Topic patterns: RE2's syntax, its refusals, and JavaScript's expressions as oracle for what both understand. */
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compilePattern } from "../../../core/group/consumer/pattern.ts";

function matches(source: string, name: string): boolean {
  const pattern = compilePattern(source);
  if ("problem" in pattern) throw new Error(`${source}: ${pattern.problem}`);
  return pattern.matches(name);
}

describe("matches", () => {
  test.each([
    ["a.*", "abc", true],
    ["b", "abc", false],
    ["orders-(eu|us)-[0-9]{2,3}", "orders-eu-042", true],
    ["orders-(eu|us)-[0-9]{2,3}", "orders-eu-1", false],
    ["(?i)Orders", "oRDERS", true],
    ["(?i:A)b", "aB", false],
    ["(?P<zone>eu).*", "eu.x", true],
    ["[[:alpha:]_]+", "ab_c", true],
    ["[^[:digit:]]+", "ab1", false],
    ["[]a]+", "]a", true],
    ["[a\\-z]+", "a-z", true],
    ["\\Qa.b\\E", "a.b", true],
    ["\\Qa.b\\E", "axb", false],
    ["\\pL+", "abc", true],
    ["\\p{Lu}\\PL", "A1", true],
    ["^a$", "a", true],
    ["\\Aa\\z", "a", true],
    ["a\\b-b", "a-b", true],
    ["\\x41\\x{42}", "AB", true],
    ["a{,2}", "a{,2}", true],
    ["(a|aa)*b", "aaaab", true],
    ["", "", true],
    ["(a*)*", "aaa", true],
    ["a??b", "ab", true],
  ])("%s on %s: %s", (source, name, expected) => expect(matches(source, name)).toBe(expected));

  test("takes linear time where backtracking would not end", () => {
    expect(matches("(a*)*(a*)*(a*)*b", "a".repeat(249))).toBe(false);
  });
});

describe("refuses", () => {
  test.each([
    "(?=a)",
    "(?<!a)",
    "a(?!b)",
    "(a)\\1",
    "a**",
    "*a",
    "(a",
    "a)",
    "[a",
    "[z-a]",
    "a{1001}",
    "a{3,2}",
    "\\",
    "\\y",
    "\\Z",
    "[[:nope:]]",
    "\\p{Nope}",
    "((a{1000}){1000}){1000}",
    "(".repeat(300),
  ])("%s", (source) => expect(compilePattern(source)).toHaveProperty("problem"));
});

test("agrees with JavaScript on what both understand", () => {
  const piece = fc.constantFrom(
    "a",
    "b",
    "[ab]",
    "[^a]",
    ".",
    "(a|b)",
    "(?:ab)",
    "a*",
    "b+",
    "a?",
    "(ab)*",
    "b{1,2}",
    "|",
    "\\.",
    "-",
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 8 }),
      fc.array(fc.constantFrom("a", "b", ".", "-"), { maxLength: 8 }),
      (pieces, name) => {
        const source = pieces.join("");
        const text = name.join("");
        expect(matches(source, text)).toBe(new RegExp(`^(?:${source})$`).test(text));
      },
    ),
    { numRuns: 500 },
  );
});
