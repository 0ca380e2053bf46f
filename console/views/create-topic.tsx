/** The dialog that makes a topic. The broker judges the name and the configs; what it says stands below. */
import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { hrefOf } from "../lib/route.ts";
import { useSession } from "../parts/context.ts";
import { Buttons, Dialog, Form } from "../parts/dialog.tsx";
import { TextField } from "../parts/fields.tsx";
import { FaultNote } from "../parts/states.tsx";
import { useAction } from "../parts/use-load.ts";

export function CreateTopic({ onClose, onCreated }: { readonly onClose: () => void; readonly onCreated: () => void }): VNode {
  const { admin } = useSession();
  const [name, setName] = useState("");
  const [partitions, setPartitions] = useState("");
  const [configs, setConfigs] = useState("");
  const parsed = configsOf(configs);
  const create = useAction(async () => {
    const count = partitions === "" ? undefined : Number(partitions);
    await admin.createTopics([{ name, partitions: count, configs: typeof parsed === "string" ? {} : parsed }]);
    onCreated();
    onClose();
    location.hash = hrefOf({ view: "topic", topic: name, tab: "records" });
  });
  return (
    <Dialog title="Create a topic" onClose={onClose}>
      <Form onSubmit={() => create.run()}>
        <TextField label="Name" value={name} onInput={setName} isFocused isMono />
        <TextField
          label="Partitions"
          type="number"
          min={1}
          value={partitions}
          onInput={setPartitions}
          hint="Left empty: as many as the cluster's setting num.partitions says. They can be added later, never taken away."
        />
        <TextField
          label="Configs"
          value={configs}
          onInput={setConfigs}
          rows={3}
          isMono
          placeholder={"retention.ms=604800000"}
          hint="One name=value a line. All can be changed later."
          error={typeof parsed === "string" ? parsed : undefined}
        />
        {create.fault !== undefined && <FaultNote fault={create.fault} />}
        <Buttons submit="Create" isBusy={create.isBusy} isDisabled={name === "" || typeof parsed === "string"} onClose={onClose} />
      </Form>
    </Dialog>
  );
}

/** What is wrong, as text. */
function configsOf(text: string): Readonly<Record<string, string>> | string {
  const configs: Record<string, string> = {};
  for (const line of text.split("\n").map((each) => each.trim())) {
    if (line === "") continue;
    const at = line.indexOf("=");
    if (at < 1) return `Not name=value: ${line}`;
    configs[line.slice(0, at).trim()] = line.slice(at + 1).trim();
  }
  return configs;
}
