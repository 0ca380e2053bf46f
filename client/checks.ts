/**
 * Wrong options are refused where they are given and by their names, not found out when something hangs on them or a timer gets no number.
 * Types say the same to those who compile; these are for those who don't, and for numbers that came out of a calculation.
 */
import { ArgumentError } from "./errors.ts";

export type Limits = readonly [min: number, max?: number];

/** What has 32 bits on the wire. */
export const int32Max = 0x7fff_ffff;

/** Those that were given, each from `min` to `max`. */
export function checkNumbers(options: object, limits: Readonly<Record<string, Limits>>): void {
  for (const [name, [min, max = Infinity]] of Object.entries(limits)) {
    const given = (options as Readonly<Record<string, unknown>>)[name];
    if (given === undefined || (typeof given === "number" && given >= min && given <= max)) continue;
    const range = max === Infinity ? `of at least ${min}` : `from ${min} to ${max}`;
    throw new ArgumentError(`${name} must be a number ${range}, not ${shown(given)}`);
  }
}

/** Those that were given, each one of a few words. */
export function checkWords(options: object, words: Readonly<Record<string, readonly unknown[]>>): void {
  for (const [name, known] of Object.entries(words)) {
    const given = (options as Readonly<Record<string, unknown>>)[name];
    if (given === undefined || known.includes(given)) continue;
    throw new ArgumentError(`${name} must be one of ${known.map(shown).join(", ")}, not ${shown(given)}`);
  }
}

/** Those that were given, each with the methods it is called by; without any, functions. */
export function checkMethods(options: object, methods: Readonly<Record<string, readonly string[]>>): void {
  for (const [name, called] of Object.entries(methods)) {
    const given = (options as Readonly<Record<string, unknown>>)[name];
    if (given === undefined) continue;
    if (called.length === 0 && typeof given !== "function")
      throw new ArgumentError(`${name} must be a function, not ${shown(given)}`);
    for (const method of called)
      if (typeof (given as Readonly<Record<string, unknown>> | null)?.[method] !== "function")
        throw new ArgumentError(`${name} must have a method ${method}, unlike ${shown(given)}`);
  }
}

/** Ids and names: text that is not empty. */
export function checkTexts(options: object, names: readonly string[]): void {
  for (const name of names) {
    const given = (options as Readonly<Record<string, unknown>>)[name];
    if (given !== undefined && (typeof given !== "string" || given === ""))
      throw new ArgumentError(`${name} must be text that is not empty, not ${shown(given)}`);
  }
}

/** An offset of a log, or a little less where that has a meaning. */
export function checkOffset(offset: unknown, min = 0): void {
  if (!Number.isSafeInteger(offset) || (offset as number) < min) throw new ArgumentError(`${shown(offset)} is no offset`);
}

function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  return typeof value === "object" && value !== null ? `an object (${value.constructor?.name ?? "of no class"})` : String(value);
}
