/**
 * Which records are shown: text that must be found in the key, the value, a header or any of them, capitals or not. Several words must all
 * be found; a word after a dash must not. Headers are looked at as `name: value`.
 */
import { laxText } from "./bytes-view.ts";

export type FilterField = "any" | "key" | "value" | "header";

export interface Filterable {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[];
}

export type RecordFilter = (record: Filterable) => boolean;

export function recordFilter(text: string, field: FilterField): RecordFilter {
  const words = wordsOf(text.toLowerCase());
  if (words.length === 0) return () => true;
  return (record) => {
    const places = placesOf(record, field);
    return words.every(({ word, isWanted }) => places.some((place) => place.includes(word)) === isWanted);
  };
}

/** `"two words"` is one. */
function wordsOf(text: string): readonly { readonly word: string; readonly isWanted: boolean }[] {
  return Array.from(text.matchAll(/(?<not>-?)(?:"(?<quoted>[^"]*)"|(?<word>\S+))/g), ({ groups }) => ({
    word: groups!["quoted"] ?? groups!["word"] ?? "",
    isWanted: groups!["not"] === "",
  })).filter(({ word }) => word !== "");
}

function placesOf({ key, value, headers }: Filterable, field: FilterField): readonly string[] {
  const places: string[] = [];
  if (key !== null && (field === "any" || field === "key")) places.push(laxText(key).toLowerCase());
  if (value !== null && (field === "any" || field === "value")) places.push(laxText(value).toLowerCase());
  if (field === "any" || field === "header")
    for (const header of headers) places.push(`${header.key}: ${header.value === null ? "" : laxText(header.value)}`.toLowerCase());
  return places;
}
