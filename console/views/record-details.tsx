/**
 * One record opened: where and when, its headers, its key and its value, each as what it is or as hex. A big value is cut, because nobody
 * reads a megabyte and laying it out would stop the page; all of it can be saved.
 */
import type { VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type BytesKind, hexDump, kindOf, laxText } from "../lib/bytes-view.ts";
import { bytesText, countText } from "../lib/format.ts";
import { layOut } from "../lib/json-layout.ts";
import type { ShownRecord } from "../lib/record-shelf.ts";

const shownBytesMax = 16 * 1024;
/** Laying out more than this would be felt, and so would colours for more pieces. */
const jsonBytesMax = 256 * 1024;
const jsonPiecesMax = 10_000;
const headerBytesMax = 1024;

export function RecordDetails({ record }: { readonly record: ShownRecord }): VNode {
  const { topic, partition, offset, timestamp, key, value, headers } = record;
  const name = `${topic}-${partition}-${offset}`;
  return (
    <div class="record">
      <p class="hint">
        Partition {partition}, offset {countText(offset)}
        {timestamp >= 0 && `, ${new Date(timestamp).toISOString()}`}
      </p>
      <BytesView title="Key" bytes={key} fileName={`${name}-key`} />
      {headers.length > 0 && (
        <dl class="headers">
          {headers.map((header, index) => (
            <div key={index}>
              <dt class="mono">{header.key}</dt>
              <dd class="mono">{header.value === null ? <span class="null">null</span> : <Short bytes={header.value} />}</dd>
            </div>
          ))}
        </dl>
      )}
      <BytesView title="Value" bytes={value} fileName={name} />
    </div>
  );
}

function Short({ bytes }: { readonly bytes: Uint8Array }): VNode {
  const kind = kindOf(bytes);
  const shown = bytes.subarray(0, headerBytesMax);
  return (
    <>
      {kind === "binary" ? Array.from(shown, (byte) => byte.toString(16).padStart(2, "0")).join(" ") : laxText(shown)}
      {shown.byteLength < bytes.byteLength && <span class="null">… of {bytesText(bytes.byteLength)}</span>}
    </>
  );
}

type Look = "json" | "text" | "hex";

function BytesView(props: { readonly title: string; readonly bytes: Uint8Array | null; readonly fileName: string }): VNode {
  const { title, bytes, fileName } = props;
  const kind = useMemo(() => kindOf(bytes), [bytes]);
  const [chosen, setChosen] = useState<Look>();
  if (bytes === null || bytes.byteLength === 0)
    return (
      <section class="bytes">
        <h2>{title}</h2>
        <p class="null">{bytes === null ? (title === "Value" ? "null, a tombstone" : "null") : "empty"}</p>
      </section>
    );
  const looks = looksOf(kind, bytes.byteLength);
  const look = chosen !== undefined && looks.includes(chosen) ? chosen : looks[0]!;
  return (
    <section class="bytes">
      <header>
        <h2>
          {title} <small>{bytesText(bytes.byteLength)}</small>
        </h2>
        <span role="group" aria-label={`How the ${title.toLowerCase()} is shown`}>
          {looks.map((each) => (
            <button key={each} type="button" class="quiet" aria-pressed={each === look} onClick={() => setChosen(each)}>
              {each}
            </button>
          ))}
        </span>
        <Save bytes={bytes} fileName={`${fileName}.${kind === "json" ? "json" : kind === "text" ? "txt" : "bin"}`} />
      </header>
      <Body bytes={bytes} look={look} />
    </section>
  );
}

function looksOf(kind: BytesKind, byteLength: number): readonly Look[] {
  if (kind === "json" && byteLength <= jsonBytesMax) return ["json", "text", "hex"];
  return kind === "binary" ? ["hex", "text"] : ["text", "hex"];
}

function Body({ bytes, look }: { readonly bytes: Uint8Array; readonly look: Look }): VNode {
  const shown = bytes.subarray(0, look === "hex" ? shownBytesMax / 4 : look === "json" ? jsonBytesMax : shownBytesMax);
  return (
    <>
      <pre tabIndex={0} aria-label="Contents">
        {look === "hex" ? hexDump(shown) : look === "json" ? <Json text={laxText(shown)} /> : laxText(shown)}
      </pre>
      {shown.byteLength < bytes.byteLength && (
        <p class="hint">
          The first {bytesText(shown.byteLength)} of {bytesText(bytes.byteLength)}. Save it to see all of it.
        </p>
      )}
    </>
  );
}

function Json({ text }: { readonly text: string }): VNode {
  const pieces = useMemo(() => layOut(text), [text]);
  if (pieces.length > jsonPiecesMax) return <>{pieces.map((piece) => piece.text).join("")}</>;
  return (
    <>
      {pieces.map(({ kind, text: piece }, index) =>
        kind === "plain" ? (
          piece
        ) : (
          <span key={index} class={`json-${kind}`}>
            {piece}
          </span>
        ),
      )}
    </>
  );
}

function Save({ bytes, fileName }: { readonly bytes: Uint8Array; readonly fileName: string }): VNode {
  const made = useRef<string | undefined>(undefined);
  useEffect(() => () => (made.current === undefined ? undefined : URL.revokeObjectURL(made.current)), [bytes]);
  const save = (): void => {
    made.current ??= URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type: "application/octet-stream" }));
    const link = document.createElement("a");
    link.href = made.current;
    link.download = fileName;
    link.click();
  };
  return (
    <button type="button" class="quiet" onClick={save}>
      save
    </button>
  );
}
