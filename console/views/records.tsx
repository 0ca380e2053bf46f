/** The records of a topic: the newest as they come, or forward from anywhere, those that a filter lets pass, one of them opened. */
import { Component, type VNode } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { previewOf } from "../lib/bytes-view.ts";
import { bytesText, countText, localInputText, timeText } from "../lib/format.ts";
import { type FilterField, recordFilter } from "../lib/record-filter.ts";
import type { ShownRecord } from "../lib/record-shelf.ts";
import { type ReadFrom, type Reading, Tail } from "../lib/tail.ts";
import { useSession } from "../parts/context.ts";
import { CheckField, SelectField, TextField } from "../parts/fields.tsx";
import { Empty, FaultPanel, Loading, Slow } from "../parts/states.tsx";
import { Cell, Table, useNarrow } from "../parts/table.tsx";
import { retryAfterMs, slowAfterMs } from "../parts/use-load.ts";
import { RecordDetails } from "./record-details.tsx";

/** Typing goes on; reading begins anew when it pauses. */
const settleMs = 350;
const keyCharacters = 40;
const valueCharacters = 160;

/** Of the table, and those that the stylesheet leaves out where there is little room. */
const columns = 5;
const extras = 2;

type FromKind = ReadFrom["kind"];

export function Records({ topic, partitions }: { readonly topic: string; readonly partitions: number }): VNode {
  const [fromKind, setFromKind] = useState<FromKind>("newest");
  const [offset, setOffset] = useState("0");
  const [time, setTime] = useState(() => localInputText(Date.now() - 3_600_000));
  const [partition, setPartition] = useState("all");
  const [field, setField] = useState<FilterField>("any");
  const [text, setText] = useState("");
  const [isUncommitted, setUncommitted] = useState(false);
  const order = useSettled(JSON.stringify({ fromKind, offset, time, partition, field, text, isUncommitted, partitions }), settleMs);
  const [attempt, setAttempt] = useState(0);
  const { reading, tail, isSlow } = useTail(topic, order, attempt);
  const isFiltered = text.trim() !== "";
  const isUnreachable = reading?.fault?.kind === "unreachable";
  useEffect(() => {
    const timer = isUnreachable ? setTimeout(() => setAttempt((count) => count + 1), retryAfterMs) : undefined;
    return () => clearTimeout(timer);
  }, [isUnreachable]);
  return (
    <>
      <div class="controls" role="group" aria-label="What is read">
        <SelectField<FromKind>
          label="Read from"
          value={fromKind}
          options={[
            ["newest", "the newest, live"],
            ["oldest", "the start"],
            ["offset", "an offset"],
            ["time", "a time"],
          ]}
          onChange={setFromKind}
        />
        {fromKind === "offset" && <TextField label="Offset" type="number" min={0} value={offset} onInput={setOffset} />}
        {fromKind === "time" && <TextField label="Time" type="datetime-local" step={1} value={time} onInput={setTime} />}
        <SelectField
          label="Partition"
          value={partition}
          options={[["all", "all"], ...Array.from({ length: partitions }, (_, index) => [String(index), String(index)] as const)]}
          onChange={setPartition}
        />
        <SelectField<FilterField>
          label="Filter by"
          value={field}
          options={[
            ["any", "anything"],
            ["key", "key"],
            ["value", "value"],
            ["header", "header"],
          ]}
          onChange={setField}
        />
        <TextField label="Contains" type="search" value={text} onInput={setText} placeholder={'word -without "two words"'} />
        <CheckField label="with open and aborted transactions" isChecked={isUncommitted} onChange={setUncommitted} />
      </div>
      {reading?.fault !== undefined ? (
        <FaultPanel fault={reading.fault} onRetry={() => setAttempt(attempt + 1)} />
      ) : reading === undefined ? (
        isSlow ? (
          <Slow what="records" />
        ) : (
          <Loading what="records" />
        )
      ) : (
        <>
          <Progress reading={reading} tail={tail} isFiltered={isFiltered} />
          <RecordTable topic={topic} reading={reading} isFiltered={isFiltered} isFromStart={fromKind === "oldest"} />
        </>
      )}
    </>
  );
}

function Progress(props: { readonly reading: Reading; readonly tail: Tail | undefined; readonly isFiltered: boolean }): VNode {
  const { reading, tail, isFiltered } = props;
  const { read, matched, isPaused, isFull, isAtEnd, records } = reading;
  const doing = isFull ? "stopped: the page is full" : isPaused ? "paused" : isAtEnd ? "at the end, waiting for more" : "reading";
  return (
    <div class="progress">
      <p role="status">
        <span class={`dot ${isFull || isPaused ? "still" : "live"}`} aria-hidden="true" />
        {countText(read)} read{isFiltered && `, ${countText(matched)} matched`}, {countText(records.length)} shown: {doing}
      </p>
      {isFull && (
        <button type="button" onClick={() => tail?.readOn()}>
          Read on
        </button>
      )}
      <button type="button" onClick={() => (isPaused ? tail?.resume() : tail?.pause())}>
        {isPaused ? "Go on" : "Pause"}
      </button>
    </div>
  );
}

function RecordTable(props: {
  readonly topic: string;
  readonly reading: Reading;
  readonly isFiltered: boolean;
  readonly isFromStart: boolean;
}): VNode {
  const { topic, reading, isFiltered, isFromStart } = props;
  const { records, isAtEnd, isEmpty, read } = reading;
  const [openKey, setOpenKey] = useState<string>();
  const isNarrow = useNarrow();
  const toggle = (record: ShownRecord): void => setOpenKey((open) => (open === keyOf(record) ? undefined : keyOf(record)));
  if (records.length === 0) {
    if (!isAtEnd) return <Loading what="records" />;
    return isFiltered && read > 0 ? (
      <Empty title="Nothing matches so far">
        {countText(read)} records were looked at, and new ones are as they come.
        {!isFromStart && " Read from the start to search everything."}
      </Empty>
    ) : isEmpty ? (
      <Empty title="No records here">
        New ones appear as they come. Produce one by the button above, or with any Kafka client.
      </Empty>
    ) : (
      <Empty title="Nothing to be seen from here on">
        New records appear as they come.{!isFromStart && " Earlier ones are found by reading from the start."} Those of open and
        aborted transactions are shown when the box above is ticked.
      </Empty>
    );
  }
  return (
    <Table
      label={`Records of ${topic}`}
      class="records"
      columns={[
        { name: "Place" },
        { name: "Time", isExtra: true },
        { name: "Key" },
        { name: "Value" },
        { name: "Size", isNumber: true, isExtra: true },
      ]}
    >
      {records.map((record) => {
        const key = keyOf(record);
        return <Row key={key} record={record} isNarrow={isNarrow} isOpen={key === openKey} onToggle={toggle} />;
      })}
    </Table>
  );
}

function keyOf({ partition, offset }: ShownRecord): string {
  return `${partition}:${offset}`;
}

interface RowProps {
  readonly record: ShownRecord;
  readonly isNarrow: boolean;
  readonly isOpen: boolean;
  readonly onToggle: (record: ShownRecord) => void;
}

/** Many records come a second, and each stays as it is: only what is new is looked at anew. */
class Row extends Component<RowProps> {
  override shouldComponentUpdate({ record, isNarrow, isOpen }: RowProps): boolean {
    return record !== this.props.record || isNarrow !== this.props.isNarrow || isOpen !== this.props.isOpen;
  }

  override render(): VNode {
    return rowOf(this.props);
  }
}

function rowOf({ record, isNarrow, isOpen, onToggle }: RowProps): VNode {
  const { partition, offset, timestamp, key, value } = record;
  const size = (key?.byteLength ?? 0) + (value?.byteLength ?? 0);
  return (
    <>
      <tr class={isOpen ? "open" : undefined} onClick={() => onToggle(record)}>
        <th scope="row">
          <button
            type="button"
            class="quiet place mono"
            aria-expanded={isOpen}
            onClick={(event) => {
              event.stopPropagation();
              onToggle(record);
            }}
          >
            <span class="visually-hidden">Partition </span>
            <span class="partition">{partition}</span>
            <span class="visually-hidden">, record </span>
            {offset}
          </button>
        </th>
        <Cell isExtra isMono>
          {timeText(timestamp, Date.now())}
        </Cell>
        <Preview bytes={key} characters={keyCharacters} />
        <Preview bytes={value} characters={valueCharacters} />
        <Cell isNumber isExtra>
          {bytesText(size)}
        </Cell>
      </tr>
      {isOpen && (
        <tr class="details">
          <td colSpan={isNarrow ? columns - extras : columns}>
            <RecordDetails record={record} />
          </td>
        </tr>
      )}
    </>
  );
}

function Preview({ bytes, characters }: { readonly bytes: Uint8Array | null; readonly characters: number }): VNode {
  return (
    <td class={`mono preview ${bytes === null ? "null" : ""}`}>
      {bytes?.byteLength === 0 ? <span class="null">empty</span> : previewOf(bytes, characters)}
    </td>
  );
}

function useTail(topic: string, order: string, attempt: number) {
  const { client } = useSession();
  const [reading, setReading] = useState<Reading>();
  const [isSlow, setSlow] = useState(false);
  const tail = useRef<Tail | undefined>(undefined);
  useEffect(() => {
    setReading(undefined);
    setSlow(false);
    const slow = setTimeout(() => setSlow(true), slowAfterMs);
    const { partition, partitions, field, text, isUncommitted, ...from } = JSON.parse(order) as {
      fromKind: FromKind;
      offset: string;
      time: string;
      partition: string;
      partitions: number;
      field: FilterField;
      text: string;
      isUncommitted: boolean;
    };
    const reader = new Tail(
      client,
      {
        topic,
        partitions: partition === "all" ? Array.from({ length: partitions }, (_, index) => index) : [Number(partition)],
        from: readFrom(from),
        isolation: isUncommitted ? "read_uncommitted" : "read_committed",
        filter: recordFilter(text, field),
      },
      setReading,
    );
    tail.current = reader;
    return () => {
      clearTimeout(slow);
      reader.stop();
    };
  }, [client, topic, order, attempt]);
  return { reading, tail: tail.current, isSlow };
}

function readFrom({ fromKind, offset, time }: { fromKind: FromKind; offset: string; time: string }): ReadFrom {
  if (fromKind === "offset") return { kind: "offset", offset: Math.max(0, Math.floor(Number(offset)) || 0) };
  if (fromKind === "time") return { kind: "time", atMs: new Date(time).getTime() || 0 };
  return { kind: fromKind };
}

function useSettled(value: string, ms: number): string {
  const [settled, setSettled] = useState(value);
  const first = useMemo(() => value, []);
  useEffect(() => {
    if (value === settled) return;
    const timer = setTimeout(() => setSettled(value), value === first ? 0 : ms);
    return () => clearTimeout(timer);
  }, [value, settled, ms]);
  return settled;
}
