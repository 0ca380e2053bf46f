/** Sends records by hand. The dialog stays open after each, with what was sent, so that the next is a small change away. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { parseHex } from "../lib/bytes-view.ts";
import { countText } from "../lib/format.ts";
import { useSession } from "../parts/context.ts";
import { Buttons, Dialog, Form } from "../parts/dialog.tsx";
import { CheckField, SelectField, TextField } from "../parts/fields.tsx";
import { FaultNote } from "../parts/states.tsx";
import { useAction } from "../parts/use-load.ts";

type Encoding = "text" | "json" | "hex";

interface HeaderDraft {
  readonly id: number;
  readonly key: string;
  readonly value: string;
}

export function Produce(props: { readonly topic: string; readonly partitions: number; readonly onClose: () => void }): VNode {
  const { topic, partitions, onClose } = props;
  const session = useSession();
  const [partition, setPartition] = useState("auto");
  const [key, setKey] = useState("");
  const [value, setValue] = useState("");
  const [encoding, setEncoding] = useState<Encoding>("text");
  const [isTombstone, setTombstone] = useState(false);
  const [headers, setHeaders] = useState<readonly HeaderDraft[]>([]);
  const [sent, setSent] = useState<string>();
  const encoded = encode(value, encoding);
  const send = useAction(async () => {
    setSent(undefined);
    const { partition: to, offset } = await session.producer.send(topic, {
      key: key === "" ? null : key,
      value: isTombstone ? null : encoded.bytes,
      headers: headers.map((header) => ({ key: header.key, value: header.value })),
      ...(partition !== "auto" && { partition: Number(partition) }),
    });
    setSent(`Partition ${to} has it at offset ${countText(offset)}.`);
  });
  const change = (id: number, part: Partial<HeaderDraft>): void =>
    setHeaders(headers.map((header) => (header.id === id ? { ...header, ...part } : header)));
  return (
    <Dialog title={`Produce to ${topic}`} onClose={onClose} isWide>
      <Form onSubmit={() => send.run()}>
        <div class="row">
          <TextField label="Key" value={key} onInput={setKey} isMono hint="Left empty: no key." />
          <SelectField
            label="Partition"
            value={partition}
            options={[
              ["auto", "by key"],
              ...Array.from({ length: partitions }, (_, index) => [String(index), String(index)] as const),
            ]}
            onChange={setPartition}
          />
        </div>
        <div class="row">
          <SelectField<Encoding>
            label="Value is"
            value={encoding}
            options={[
              ["text", "text"],
              ["json", "JSON, checked"],
              ["hex", "bytes, as hex"],
            ]}
            onChange={setEncoding}
            isDisabled={isTombstone}
          />
          <CheckField label="no value (a tombstone)" isChecked={isTombstone} onChange={setTombstone} />
        </div>
        <TextField
          label="Value"
          value={value}
          onInput={setValue}
          rows={7}
          isMono
          isFocused
          isDisabled={isTombstone}
          error={isTombstone ? undefined : encoded.error}
        />
        <fieldset>
          <legend>Headers</legend>
          {headers.map(({ id, key: name, value: text }, index) => (
            <div class="row header-row" key={id}>
              <TextField label={`Name of header ${index + 1}`} value={name} onInput={(next) => change(id, { key: next })} isMono />
              <TextField
                label={`Value of header ${index + 1}`}
                value={text}
                onInput={(next) => change(id, { value: next })}
                isMono
              />
              <button
                type="button"
                class="quiet"
                aria-label={`Remove header ${index + 1}`}
                onClick={() => setHeaders(headers.filter((header) => header.id !== id))}
              >
                ✕
              </button>
            </div>
          ))}
          <button
            type="button"
            onClick={() => setHeaders([...headers, { id: Math.max(0, ...headers.map(({ id }) => id)) + 1, key: "", value: "" }])}
          >
            Add a header
          </button>
        </fieldset>
        {send.fault !== undefined && <FaultNote fault={send.fault} />}
        <p class="sent" role="status">
          {sent}
        </p>
        <Buttons
          submit="Send"
          isBusy={send.isBusy}
          isDisabled={!isTombstone && encoded.error !== undefined}
          onClose={onClose}
          closeLabel="Close"
        />
      </Form>
    </Dialog>
  );
}

function encode(text: string, encoding: Encoding): { readonly bytes: Uint8Array | string; readonly error?: string } {
  if (encoding === "hex") {
    const bytes = parseHex(text);
    return bytes === undefined
      ? { bytes: "", error: "Not hex: pairs of the digits 0 to 9 and a to f, with or without spaces." }
      : { bytes };
  }
  if (encoding === "json") {
    try {
      JSON.parse(text);
    } catch (error) {
      return { bytes: text, error: `Not JSON: ${(error as Error).message}` };
    }
  }
  return { bytes: text };
}
