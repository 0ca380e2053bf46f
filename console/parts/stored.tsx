/** Bytes by where they rest, as a bar to scale and in words. The four kinds have the same colours wherever they are drawn. */
import type { VNode } from "preact";
import { bytesText } from "../lib/format.ts";

export const storedKinds = ["inline", "wal", "merged", "segment"] as const;
export type StoredKind = (typeof storedKinds)[number];

export const kindTexts: Readonly<Record<StoredKind, { readonly name: string; readonly text: string }>> = {
  inline: { name: "inline", text: "in the leader's journal, until they are worth an object" },
  wal: { name: "write-ahead", text: "in objects of a broker's flush, many partitions in one" },
  merged: { name: "merged", text: "in larger objects of one cell, sorted by partition" },
  segment: { name: "segments", text: "a partition's own objects, as Kafka's log files" },
};

export function Stored({ bytes }: { readonly bytes: ReadonlyMap<string, number> }): VNode {
  const shown = storedKinds.filter((kind) => bytes.has(kind));
  const total = shown.reduce((sum, kind) => sum + bytes.get(kind)!, 0);
  return (
    <>
      <p class="total">
        <b>{bytesText(total)}</b>
      </p>
      <div class="bar" aria-hidden="true">
        {shown.map((kind) => (
          <i key={kind} class={`kind ${kind}`} style={{ flexGrow: total === 0 ? 0 : bytes.get(kind)! / total }} />
        ))}
      </div>
      <ul class="legend">
        {shown.map((kind) => (
          <li key={kind}>
            <i class={`swatch kind ${kind}`} aria-hidden="true" />
            <span>{kindTexts[kind].name}</span>
            <b>{bytesText(bytes.get(kind)!)}</b>
            <small>{kindTexts[kind].text}</small>
          </li>
        ))}
      </ul>
    </>
  );
}
