/**
 * Topic patterns in RE2's syntax (KIP-848), matched as a whole. JavaScript's own expressions know things that RE2 does not, lack
 * others, and can be made to run for ever; this runs in time linear in the name, whatever the pattern: all threads step together.
 */
import { parsePattern, PatternError, type Node } from "./pattern-parser.ts";

export interface Pattern {
  matches(name: string): boolean;
}

type Instruction =
  | { readonly op: "one"; readonly test: (code: number) => boolean }
  | { readonly op: "assert"; readonly test: (text: string, position: number) => boolean }
  | { readonly op: "split"; first: number; second: number }
  | { readonly op: "jump"; to: number }
  | { readonly op: "match" };

const programMax = 20_000;

/** The pattern, or what is wrong with it. */
export function compilePattern(source: string): Pattern | { readonly problem: string } {
  try {
    const program: Instruction[] = [];
    emit(parsePattern(source), program);
    program.push({ op: "match" });
    return { matches: (name) => run(program, name) };
  } catch (error) {
    if (error instanceof PatternError) return { problem: error.message };
    throw error;
  }
}

function emit(node: Node, program: Instruction[]): void {
  if (program.length > programMax) throw new PatternError("expression too large");
  switch (node.kind) {
    case "one":
      program.push({ op: "one", test: node.test });
      break;
    case "assert":
      program.push({ op: "assert", test: node.test });
      break;
    case "sequence":
      for (const part of node.parts) emit(part, program);
      break;
    case "alternatives":
      emitAlternatives(node.parts, program);
      break;
    case "repeat":
      for (let count = 0; count < node.min; count++) emit(node.part, program);
      if (node.max === Infinity) emitStar(node.part, program);
      else emitOptional(node.part, node.max - node.min, program);
  }
}

function emitAlternatives(parts: readonly Node[], program: Instruction[]): void {
  const exits: { op: "jump"; to: number }[] = [];
  parts.forEach((part, index) => {
    if (index === parts.length - 1) return emit(part, program);
    const split = { op: "split" as const, first: program.length + 1, second: 0 };
    program.push(split);
    emit(part, program);
    const exit = { op: "jump" as const, to: 0 };
    exits.push(exit);
    program.push(exit);
    split.second = program.length;
  });
  for (const exit of exits) exit.to = program.length;
}

function emitStar(part: Node, program: Instruction[]): void {
  const split = { op: "split" as const, first: program.length + 1, second: 0 };
  program.push(split);
  emit(part, program);
  program.push({ op: "jump", to: program.indexOf(split) });
  split.second = program.length;
}

function emitOptional(part: Node, times: number, program: Instruction[]): void {
  const splits: { op: "split"; first: number; second: number }[] = [];
  for (let count = 0; count < times; count++) {
    const split = { op: "split" as const, first: program.length + 1, second: 0 };
    splits.push(split);
    program.push(split);
    emit(part, program);
  }
  for (const split of splits) split.second = program.length;
}

function run(program: readonly Instruction[], text: string): boolean {
  let threads = reach(program, [0], text, 0);
  for (let position = 0; position < text.length; position++) {
    const next: number[] = [];
    for (const at of threads) {
      const instruction = program[at]!;
      if (instruction.op === "one" && instruction.test(text.charCodeAt(position))) next.push(at + 1);
    }
    if (next.length === 0) return false;
    threads = reach(program, next, text, position + 1);
  }
  return [...threads].some((at) => program[at]!.op === "match");
}

/** Everywhere one gets without reading a character. */
function reach(program: readonly Instruction[], from: readonly number[], text: string, position: number): Set<number> {
  const reached = new Set(from);
  for (const at of reached) {
    const instruction = program[at]!;
    if (instruction.op === "jump") reached.add(instruction.to);
    if (instruction.op === "split") reached.add(instruction.first).add(instruction.second);
    if (instruction.op === "assert" && instruction.test(text, position)) reached.add(at + 1);
  }
  return reached;
}
