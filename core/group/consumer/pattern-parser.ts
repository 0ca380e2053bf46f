/** Reads RE2's syntax: what a pattern says, or a PatternError in RE2's words. */
import { classOf, escapedCode, isWord, namedClass, type Test } from "./pattern-classes.ts";

export type Node =
  | { readonly kind: "one"; readonly test: Test }
  | { readonly kind: "assert"; readonly test: (text: string, position: number) => boolean }
  | { readonly kind: "sequence"; readonly parts: readonly Node[] }
  | { readonly kind: "alternatives"; readonly parts: readonly Node[] }
  | { readonly kind: "repeat"; readonly part: Node; readonly min: number; readonly max: number };

export class PatternError extends Error {}

const repeatMax = 1000;
const depthMax = 200;

export function parsePattern(source: string): Node {
  const parser = new Parser(source);
  const node = parser.alternatives(0);
  if (!parser.atEnd) throw new PatternError("unexpected )");
  return node;
}

class Parser {
  readonly #source: string;
  #position = 0;
  #ignoreCase = false;
  #dotAll = false;

  constructor(source: string) {
    this.#source = source;
  }

  get atEnd(): boolean {
    return this.#position >= this.#source.length;
  }

  #take(expression: RegExp): RegExpExecArray | null {
    const sticky = new RegExp(expression, "y");
    sticky.lastIndex = this.#position;
    const found = sticky.exec(this.#source);
    if (found !== null) this.#position += found[0].length;
    return found;
  }

  alternatives(depth: number): Node {
    if (depth > depthMax) throw new PatternError("expression nests too deeply");
    const parts = [this.#sequence(depth)];
    while (this.#take(/\|/)) parts.push(this.#sequence(depth));
    return parts.length === 1 ? parts[0]! : { kind: "alternatives", parts };
  }

  #sequence(depth: number): Node {
    const parts: Node[] = [];
    while (!this.atEnd && !/[|)]/.test(this.#source[this.#position]!)) parts.push(...this.#repeated(depth));
    return { kind: "sequence", parts };
  }

  #repeated(depth: number): readonly Node[] {
    const atoms = this.#atom(depth);
    const operator = this.#take(/[*+?]\??|\{(\d+)(,(\d*))?\}\??/);
    if (operator === null) return atoms;
    const part = atoms.at(-1);
    if (part === undefined) throw new PatternError("missing argument to repetition operator");
    if (this.#take(/[*+?]|\{\d+(,\d*)?\}/)) {
      throw new PatternError("invalid nested repetition operator");
    }
    return [...atoms.slice(0, -1), { kind: "repeat", part, ...bounds(operator) }];
  }

  /** Mostly one; none for flags, several for a quotation. */
  #atom(depth: number): readonly Node[] {
    const operator = this.#take(/[*+?]/);
    if (operator) throw new PatternError("missing argument to repetition operator");
    if (this.#take(/\(/)) return this.#group(depth);
    if (this.#take(/\[/)) return [this.#class()];
    if (this.#take(/\./)) return [one(this.#dotAll ? () => true : (code) => code !== 10)];
    if (this.#take(/\^|\\A/)) return [{ kind: "assert", test: (_, position) => position === 0 }];
    if (this.#take(/\$|\\z/)) return [{ kind: "assert", test: (text, position) => position === text.length }];
    if (this.#take(/\\b/)) return [{ kind: "assert", test: isBoundary }];
    if (this.#take(/\\B/)) return [{ kind: "assert", test: (text, position) => !isBoundary(text, position) }];
    const quoted = this.#take(/\\Q([^]*?)(\\E|$)/);
    if (quoted) return Array.from(quoted[1]!, (char) => this.#literal(char.charCodeAt(0)));
    if (this.#take(/\\C/)) return [one(() => true)];
    const named = this.#named();
    if (named) return [one(named)];
    if (this.#source[this.#position] === "\\") return [this.#literal(this.#escaped())];
    return [this.#literal(this.#source.charCodeAt(this.#position++))];
  }

  #literal(code: number): Node {
    return one(this.#folded((other) => other === code));
  }

  #folded(test: Test): Test {
    if (!this.#ignoreCase) return test;
    return (code) => {
      const char = String.fromCharCode(code);
      return test(code) || test(char.toLowerCase().charCodeAt(0)) || test(char.toUpperCase().charCodeAt(0));
    };
  }

  #group(depth: number): readonly Node[] {
    const outer = { ignoreCase: this.#ignoreCase, dotAll: this.#dotAll };
    if (this.#take(/\?/)) {
      const named = this.#take(/P?<[A-Za-z0-9_]+>/);
      const flags = named ?? this.#take(/([imsU]*)(-[imsU]+)?([:)])/);
      if (flags === null) throw new PatternError("invalid or unsupported Perl syntax");
      if (named === null) {
        this.#setFlags(flags[1]!, true);
        this.#setFlags(flags[2] ?? "", false);
        if (flags[3] === ")") return [];
      }
    }
    const inside = this.alternatives(depth + 1);
    if (!this.#take(/\)/)) throw new PatternError("missing closing )");
    this.#ignoreCase = outer.ignoreCase;
    this.#dotAll = outer.dotAll;
    return [inside];
  }

  #setFlags(flags: string, value: boolean): void {
    if (flags.includes("i")) this.#ignoreCase = value;
    if (flags.includes("s")) this.#dotAll = value;
  }

  /** \d, \pL and their like. */
  #named(): Test | undefined {
    const found = this.#take(/\\[dDsSwW]|\\[pP](\{\^?\w+\}|\w)/);
    if (found === null) return undefined;
    const test = namedClass(found[0]);
    if (test === undefined) throw new PatternError("invalid character class range");
    return this.#folded(test);
  }

  #escaped(): number {
    const found = this.#take(/\\(x[0-9A-Fa-f]{2}|x\{[0-9A-Fa-f]+\}|0[0-7]{0,2}|[1-7][0-7]{1,2}|[^A-Za-z0-9]|[afnrtv])/);
    if (found !== null) return escapedCode(found[1]!);
    const end = this.#position + 1 >= this.#source.length;
    throw new PatternError(end ? "trailing backslash at end of expression" : "invalid escape sequence");
  }

  #class(): Node {
    const negated = this.#take(/\^/) !== null;
    const tests: Test[] = [];
    for (let first = true; first || !this.#take(/\]/); first = false) {
      if (this.atEnd) throw new PatternError("missing closing ]");
      tests.push(this.#classItem());
    }
    const any: Test = this.#folded((code) => tests.some((test) => test(code)));
    return one(negated ? (code) => !any(code) : any);
  }

  #classItem(): Test {
    const posix = this.#take(/\[:(\^?)(\w+):\]/);
    if (posix) {
      const test = classOf(posix[2]!);
      if (test === undefined) throw new PatternError("invalid character class range");
      return posix[1] === "^" ? (code) => !test(code) : test;
    }
    const named = this.#named();
    if (named) return named;
    const low = this.#classCode();
    if (!this.#take(/-(?!\])/)) return (code) => code === low;
    if (this.atEnd) throw new PatternError("missing closing ]");
    const high = this.#classCode();
    if (high < low) throw new PatternError("invalid character class range");
    return (code) => code >= low && code <= high;
  }

  #classCode(): number {
    return this.#source[this.#position] === "\\" ? this.#escaped() : this.#source.charCodeAt(this.#position++);
  }
}

function one(test: Test): Node {
  return { kind: "one", test };
}

function bounds([operator, least, comma, most]: RegExpExecArray): { readonly min: number; readonly max: number } {
  if (least === undefined) {
    const sign = operator[0];
    return { min: sign === "+" ? 1 : 0, max: sign === "?" ? 1 : Infinity };
  }
  const min = Number(least);
  const max = comma === undefined ? min : most === "" ? Infinity : Number(most);
  if (min > repeatMax || (max !== Infinity && max > repeatMax) || max < min) {
    throw new PatternError("invalid repeat count");
  }
  return { min, max };
}

function isBoundary(text: string, position: number): boolean {
  return isWord(text.charCodeAt(position - 1)) !== isWord(text.charCodeAt(position));
}
