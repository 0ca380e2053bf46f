/**
 * Reading a command's flags: a table says what there is, and from it come the parser, the checks and the help text, so that the
 * three cannot disagree. A wrong flag or value is a usage failure that names it.
 */
import { isIPv6 } from "node:net";
import { parseArgs } from "node:util";
import { errorCodeOf, messageOf, usageFailure } from "./failure.ts";

export interface Flag {
  readonly value?: string;
  readonly standard?: string;
  readonly repeated?: boolean;
  readonly help: string;
}

export type Flags = Readonly<Record<string, Flag>>;

export interface ParsedFlags {
  readonly positionals: readonly string[];
  text(name: string): string;
  given(name: string): boolean;
  all(name: string): readonly string[];
  integer(name: string, min: number, max: number): number;
  oneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice;
  /** What clients are told to connect to: --advertised-host, or the address listened on unless that stands for all of them. */
  advertisedHost(listenedOn: string): string;
}

const hostNamePattern = /^[a-zA-Z0-9._-]{1,253}$/;

export function parseFlags(command: string, flags: Flags, args: readonly string[], positionalsMax = 0): ParsedFlags {
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [
      name,
      { type: flag.value === undefined ? ("boolean" as const) : ("string" as const), multiple: flag.repeated ?? false },
    ]),
  );
  const { values, positionals } = parse(command, options, args);
  const extra = positionals[positionalsMax];
  if (extra !== undefined) throw usageFailure(`unexpected argument ${extra}`, command);

  const all = (name: string): readonly string[] => {
    const value = values[name];
    return Array.isArray(value) ? value.map(String) : value === undefined ? [] : [String(value)];
  };
  const text = (name: string): string => all(name)[0] ?? flags[name]?.standard ?? "";
  return {
    positionals,
    text,
    all,
    given: (name) => values[name] !== undefined,
    integer: (name, min, max) => {
      const value = Number(text(name));
      if (!/^\d+$/.test(text(name)) || value < min || value > max)
        throw usageFailure(`--${name} must be a whole number from ${min} to ${max}, not ${JSON.stringify(text(name))}`, command);
      return value;
    },
    oneOf: (name, choices) => {
      const choice = choices.find((candidate) => candidate === text(name));
      if (choice === undefined)
        throw usageFailure(`--${name} must be one of ${choices.join(", ")}, not ${JSON.stringify(text(name))}`, command);
      return choice;
    },
    advertisedHost: (listenedOn) => {
      if (values["advertised-host"] === undefined) return ["0.0.0.0", "::"].includes(listenedOn) ? "127.0.0.1" : listenedOn;
      const host = text("advertised-host").replace(/^\[(?<address>.*)\]$/, "$<address>");
      if (!hostNamePattern.test(host) && !isIPv6(host))
        throw usageFailure(`--advertised-host must be a name or an address, not ${JSON.stringify(host)}`, command);
      return host;
    },
  };
}

type ParseOptions = Record<string, { type: "boolean" | "string"; multiple: boolean }>;

function parse(command: string, options: ParseOptions, args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: true });
  } catch (error) {
    if (!errorCodeOf(error).startsWith("ERR_PARSE_ARGS")) throw error;
    const sentence = messageOf(error).split(/\.\s/)[0] ?? "";
    throw usageFailure(sentence.charAt(0).toLowerCase() + sentence.slice(1), command);
  }
}

export function describeFlags(flags: Flags): string {
  const rows = Object.entries(flags).map(([name, flag]) => {
    const left = `--${name}${flag.value === undefined ? "" : ` <${flag.value}>`}`;
    return [left, `${flag.help}${flag.standard === undefined ? "" : ` (default ${flag.standard})`}`] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join("\n");
}
