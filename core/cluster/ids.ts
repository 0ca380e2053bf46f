/**
 * The forms of Kafka's 16 byte ids. Cluster ids travel as 22 characters of base64url, topic ids as UUIDs; both begin as random
 * bytes that the shell brings.
 */
import type { TopicId } from "../coordinator.ts";

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

export const zeroId: TopicId = "00000000-0000-0000-0000-000000000000";

export function base64Url(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const group = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    const characters = Math.min(4, bytes.length - i + 1);
    for (let c = 0; c < characters; c++) text += alphabet[(group >> (18 - 6 * c)) & 63];
  }
  return text;
}

export function uuidFromBytes(bytes: Uint8Array): TopicId {
  let hex = "";
  for (let i = 0; i < 16; i++) hex += bytes[i]!.toString(16).padStart(2, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export function bytesFromUuid(id: TopicId): Uint8Array {
  const hex = id.replaceAll("-", "");
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 16; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** The 22 characters that Kafka's tools print for a topic id. */
export function printedId(id: TopicId): string {
  return base64Url(bytesFromUuid(id));
}

/** Kafka gives no id whose printed form begins with '-': command lines would take it for an option. */
export function isUsableId(id: TopicId): boolean {
  return !printedId(id).startsWith("-") && id !== zeroId;
}
