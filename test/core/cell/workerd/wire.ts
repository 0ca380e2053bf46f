/** Calls of a coordinator as text: JSON in which bytes are written as base 64. */
import type { BatchCoordinator } from "../../../../core/coordinator.ts";
import type { MetricsSnapshot } from "../../../../durable-objects/metrics.ts";

export interface LeaderCalls extends BatchCoordinator {
  metrics(): Promise<MetricsSnapshot>;
}

export interface RemoteCall {
  readonly cell: number;
  readonly name: keyof LeaderCalls | "crash" | "tables" | "followers" | "commitAndCrash";
  readonly args: readonly unknown[];
}

export function encodeCall(call: RemoteCall): string {
  return JSON.stringify(call, writeBytes);
}

export function decodeCall(text: string): RemoteCall {
  return JSON.parse(text, readBytes) as RemoteCall;
}

export function encodeAnswer(answer: unknown): string {
  return JSON.stringify(answer, writeBytes);
}

export function decodeAnswer(text: string): unknown {
  return JSON.parse(text, readBytes);
}

function writeBytes(_: string, value: unknown): unknown {
  if (!(value instanceof Uint8Array)) return value;
  let binary = "";
  for (const byte of value) binary += String.fromCharCode(byte);
  return { base64: btoa(binary) };
}

function readBytes(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("base64" in value)) return value;
  return Uint8Array.from(atob(value.base64 as string), (character) => character.charCodeAt(0));
}
