/**
 * How a merger reads what it copies (D11): the inputs of a claim in their order, a window at a time, and of every object in a window one
 * range where possible, as objects are sorted the same way. Windows bound the memory, whatever the claim holds.
 */
import type { MergeInput } from "../coordinator.ts";

/** Bytes of one range of one object. */
export interface Read {
  readonly key: string;
  readonly start: number;
  end: number;
}

/** Bytes of one input, all of them or the next ones. */
export interface Piece {
  readonly input: number;
  /** -1: the records are in the claim. */
  readonly read: number;
  readonly start: number;
  readonly byteLength: number;
}

export interface Window {
  readonly reads: readonly Read[];
  /** In the order of the object to be. */
  readonly pieces: readonly Piece[];
}

/** What is read at once for it. */
export function readBytesOf({ reads }: Window): number {
  return reads.reduce((sum, { start, end }) => sum + end - start, 0);
}

export const windowBytesMax = 24 * 1024 * 1024;
/** What lies between two inputs is read along when that costs less than another GET, as long as a window has not read too much of it. */
const gapBytesMax = 64 * 1024;
const gapShareOfWindow = 1 / 12;

export function* windowsOf(inputs: readonly MergeInput[], bytesMax = windowBytesMax): Generator<Window> {
  let from = 0;
  while (from < inputs.length) {
    if (inputs[from]!.byteLength > bytesMax && inputs[from]!.records === undefined) {
      yield* slicesOf(inputs[from]!, from, bytesMax);
      from += 1;
      continue;
    }
    let to = from;
    let bytes = 0;
    while (to < inputs.length && (inputs[to]!.records !== undefined || bytes + inputs[to]!.byteLength <= bytesMax)) {
      bytes += inputs[to]!.records === undefined ? inputs[to]!.byteLength : 0;
      to += 1;
    }
    yield windowOf(inputs, from, to, bytesMax * gapShareOfWindow);
    from = to;
  }
}

/** An input that is larger than a window is a few windows of its own. */
function* slicesOf({ key, byteStart, byteLength }: MergeInput, input: number, bytesMax: number): Generator<Window> {
  for (let at = 0; at < byteLength; at += bytesMax) {
    const start = byteStart + at;
    const length = Math.min(bytesMax, byteLength - at);
    yield { reads: [{ key, start, end: start + length }], pieces: [{ input, read: 0, start, byteLength: length }] };
  }
}

function windowOf(inputs: readonly MergeInput[], from: number, to: number, gapBytesOfWindow: number): Window {
  const all = Array.from({ length: to - from }, (_, index) => from + index);
  const order = all.filter((input) => inputs[input]!.records === undefined);
  order.sort((left, right) => {
    const [a, b] = [inputs[left]!, inputs[right]!];
    return a.key === b.key ? a.byteStart - b.byteStart : a.key < b.key ? -1 : 1;
  });
  const reads: Read[] = [];
  const readOf = new Map<number, number>();
  let gaps = 0;
  for (const input of order) {
    const { key, byteStart, byteLength } = inputs[input]!;
    const last = reads.at(-1);
    const gap = last?.key === key ? byteStart - last.end : Infinity;
    if (last !== undefined && gap >= 0 && gap <= gapBytesMax && gaps + gap <= gapBytesOfWindow) {
      gaps += gap;
      last.end = byteStart + byteLength;
    } else reads.push({ key, start: byteStart, end: byteStart + byteLength });
    readOf.set(input, reads.length - 1);
  }
  const pieces = [];
  for (let input = from; input < to; input++) {
    const { byteStart, byteLength } = inputs[input]!;
    pieces.push({ input, read: readOf.get(input) ?? -1, start: byteStart, byteLength });
  }
  return { reads, pieces };
}
