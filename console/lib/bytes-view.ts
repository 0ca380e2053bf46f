/**
 * How bytes of a key, value or header are shown: as JSON where they are JSON, as text where they are text, else as hex. JSON is laid out
 * anew without being read into numbers, which would round those beyond 2^53.
 */
export type BytesKind = "null" | "empty" | "json" | "text" | "binary";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lax = new TextDecoder("utf-8", { ignoreBOM: true });
/** More than this is not looked through to say what it is. */
const sniffBytesMax = 4 * 1024 * 1024;

export function kindOf(bytes: Uint8Array | null): BytesKind {
  if (bytes === null) return "null";
  if (bytes.byteLength === 0) return "empty";
  const text = bytes.byteLength > sniffBytesMax ? undefined : textOf(bytes);
  if (text === undefined) return "binary";
  return isJson(text) ? "json" : "text";
}

/** Undefined: no UTF-8, or with control characters that no text has. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = strict.decode(bytes);
    // eslint-disable-next-line no-control-regex
    return /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Objects and lists: a lone number or word is text to whoever reads it. */
function isJson(text: string): boolean {
  const start = text.trimStart()[0];
  if (start !== "{" && start !== "[") return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** One line for a table: text without line breaks, or hex. */
export function previewOf(bytes: Uint8Array | null, charactersMax: number): string {
  if (bytes === null) return "null";
  if (bytes.byteLength === 0) return "";
  // A character has at most four bytes, and a cut one at the end is no reason to call it binary.
  const start = bytes.subarray(0, charactersMax * 4);
  const text = textOf(start.byteLength === bytes.byteLength ? start : whole(start));
  if (text === undefined) return hexOf(bytes.subarray(0, Math.ceil(charactersMax / 3)), bytes.byteLength);
  const line = text.replaceAll(/\s+/g, " ");
  return line.length > charactersMax || start.byteLength < bytes.byteLength ? `${line.slice(0, charactersMax)}…` : line;
}

/** Without a character that was cut at the end. */
function whole(bytes: Uint8Array): Uint8Array {
  const end = bytes.byteLength;
  for (let back = 1; back <= 3 && end - back >= 0; back++) {
    const byte = bytes[end - back]!;
    if (byte >= 0xc0) return bytes.subarray(0, end - back);
    if (byte < 0x80) break;
  }
  return bytes;
}

function hexOf(bytes: Uint8Array, byteLength: number): string {
  const text = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return bytes.byteLength < byteLength ? `${text}…` : text;
}

/** As hex editors show it: offset, sixteen bytes, what of them can be read. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.byteLength; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const hex = Array.from(row, (byte) => byte.toString(16).padStart(2, "0"));
    const readable = Array.from(row, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    const halves = `${hex.slice(0, 8).join(" ").padEnd(23)}  ${hex.slice(8).join(" ").padEnd(23)}`;
    lines.push(`${at.toString(16).padStart(8, "0")}  ${halves}  ${readable}`);
  }
  return lines.join("\n");
}

export function laxText(bytes: Uint8Array): string {
  return lax.decode(bytes);
}

/** "0a 0B0c" as bytes; undefined when it is no hex. */
export function parseHex(text: string): Uint8Array<ArrayBuffer> | undefined {
  const digits = text.replaceAll(/\s+/g, "");
  if (digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits)) return undefined;
  return Uint8Array.from({ length: digits.length / 2 }, (_, index) => Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16));
}
