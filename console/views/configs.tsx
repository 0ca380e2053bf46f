/** A topic's configs, each with what it means, changed where they stand. The broker judges; what it says stands below the value. */
import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ConfigEntry } from "../../client/client.ts";
import { useSession } from "../parts/context.ts";
import { Form } from "../parts/dialog.tsx";
import { CheckField, TextField } from "../parts/fields.tsx";
import { Empty, FaultNote, Shown } from "../parts/states.tsx";
import { Badge } from "../parts/table.tsx";
import { useAction, useLoad } from "../parts/use-load.ts";

export function Configs({ topic }: { readonly topic: string }): VNode {
  const { admin } = useSession();
  const [search, setSearch] = useState("");
  const [isChangedOnly, setChangedOnly] = useState(false);
  const configs = useLoad((signal) => admin.describeConfigs({ type: "topic", name: topic }, { signal }), `configs ${topic}`);
  return (
    <Shown of={configs} what="configs">
      {(entries) => {
        const shown = entries
          .filter(({ name, isDefault }) => name.includes(search.trim()) && !(isChangedOnly && isDefault))
          .sort((left, right) => Number(left.isDefault) - Number(right.isDefault) || left.name.localeCompare(right.name));
        return (
          <>
            <div class="controls">
              <TextField label="Find" type="search" value={search} onInput={setSearch} placeholder="part of a name" />
              <CheckField label="changed ones only" isChecked={isChangedOnly} onChange={setChangedOnly} />
            </div>
            {shown.length === 0 ? (
              <Empty title="No such config">
                {isChangedOnly ? "Nothing was changed from its default." : "Nothing is called so."}
              </Empty>
            ) : (
              <ul class="configs" aria-label="Configs">
                {shown.map((entry) => (
                  <Config key={entry.name} topic={topic} entry={entry} onDone={configs.reload} />
                ))}
              </ul>
            )}
          </>
        );
      }}
    </Shown>
  );
}

function Config(props: { readonly topic: string; readonly entry: ConfigEntry; readonly onDone: () => void }): VNode {
  const { topic, entry, onDone } = props;
  const { name, value, isDefault, isReadOnly, isSensitive, documentation } = entry;
  const { admin } = useSession();
  const [draft, setDraft] = useState<string>();
  const alter = useAction(async (next: string | null) => {
    await admin.alterConfigs({ type: "topic", name: topic }, { [name]: next });
    setDraft(undefined);
    onDone();
  });
  const cancel = (): void => {
    setDraft(undefined);
    alter.forget();
  };
  const edit = useRef<HTMLButtonElement>(null);
  const wasEdited = useRef(false);
  useEffect(() => {
    // The form that had the focus is gone; and what was changed may have got another place in the list, which loses it once more.
    if (draft !== undefined) wasEdited.current = true;
    else if (wasEdited.current && document.activeElement === document.body) edit.current?.focus();
  }, [draft, entry]);
  return (
    <li class={isDefault ? undefined : "changed"}>
      <div class="config">
        <h2 class="mono">{name}</h2>
        {!isDefault && <Badge tone="accent">changed</Badge>}
        {draft === undefined ? (
          <>
            <span class="value mono">{isSensitive ? "hidden" : value === "" ? <span class="null">empty</span> : value}</span>
            {!isReadOnly && (
              <button ref={edit} type="button" class="quiet" aria-label={`Edit ${name}`} onClick={() => setDraft(value ?? "")}>
                edit
              </button>
            )}
            {!isReadOnly && !isDefault && (
              <button
                type="button"
                class="quiet"
                aria-label={`Reset ${name} to its default`}
                disabled={alter.isBusy}
                onClick={() => {
                  wasEdited.current = true;
                  alter.run(null);
                }}
              >
                reset
              </button>
            )}
          </>
        ) : (
          <Form class="inline" label={`Edit ${name}`} onSubmit={() => alter.run(draft)}>
            <input
              class="mono"
              value={draft}
              aria-label={`Value of ${name}`}
              autofocus
              ref={focusOnce}
              onInput={(event) => setDraft(event.currentTarget.value)}
              onKeyDown={(event) => {
                if (event.key === "Escape") cancel();
              }}
            />
            <button type="submit" class="primary" disabled={alter.isBusy}>
              Save
            </button>
            <button type="button" onClick={cancel}>
              Cancel
            </button>
          </Form>
        )}
      </div>
      {alter.fault !== undefined && <FaultNote fault={alter.fault} />}
      {documentation !== null && <p class="hint">{documentation}</p>}
    </li>
  );
}

/** `autofocus` speaks to the parser alone. */
function focusOnce(input: HTMLInputElement | null): void {
  if (input === null || input.dataset["focused"] !== undefined) return;
  input.dataset["focused"] = "";
  input.focus();
  input.select();
}
