/** Bytes by where they rest, as a bar to scale and in words. The four kinds have the same colours wherever they are drawn. */
import type { VNode } from "preact";
import { bytesText } from "../lib/format.ts";
import { kindTexts, storedKinds } from "../lib/stored-kinds.ts";

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
