/**
 * What has been read and is shown, each record with bytes of its own: the library hands out views of what it fetched, which would keep all
 * of that. At the newest end old records make room, within a number and a budget of bytes; a page that is read forward takes no more
 * when it is full. Counts what was read and what passed the filter.
 */
import type { ConsumerRecord } from "../../client/client.ts";
import type { RecordFilter } from "./record-filter.ts";

export type ShownRecord = ConsumerRecord<Uint8Array, Uint8Array>;

/** Each is a row of the page. */
const recordsMax = 200;
const bytesMax = 32 * 1024 * 1024;

export class RecordShelf {
  readonly #isPage: boolean;
  #records: ShownRecord[] = [];
  #bytes = 0;
  #read: number;
  #matched: number;

  constructor(isPage: boolean, read = 0, matched = 0) {
    this.#isPage = isPage;
    this.#read = read;
    this.#matched = matched;
  }

  /** A page as it was read; at the newest end the newest first. */
  get records(): readonly ShownRecord[] {
    return this.#records;
  }

  get read(): number {
    return this.#read;
  }

  get matched(): number {
    return this.#matched;
  }

  /** An empty one that goes on counting. */
  next(): RecordShelf {
    return new RecordShelf(this.#isPage, this.#read, this.#matched);
  }

  /** Answers those for which there was no room. */
  put(records: readonly ShownRecord[], filter: RecordFilter): readonly ShownRecord[] {
    return this.#isPage ? this.#putPage(records, filter) : this.#putNewest(records, filter);
  }

  #putPage(records: readonly ShownRecord[], filter: RecordFilter): readonly ShownRecord[] {
    const kept: ShownRecord[] = [];
    let index = 0;
    for (; index < records.length; index++) {
      const record = records[index]!;
      const isWanted = filter(record);
      const count = this.#records.length + kept.length;
      if (isWanted && (count >= recordsMax || (count > 0 && this.#bytes + byteLengthOf(record) > bytesMax))) break;
      this.#read += 1;
      if (!isWanted) continue;
      this.#bytes += byteLengthOf(record);
      kept.push(ownedCopy(record));
    }
    this.#matched += kept.length;
    this.#records = [...this.#records, ...kept];
    return records.slice(index);
  }

  #putNewest(records: readonly ShownRecord[], filter: RecordFilter): readonly ShownRecord[] {
    const passed = records.filter(filter);
    this.#read += records.length;
    this.#matched += passed.length;
    const kept = passed.slice(-recordsMax).map(ownedCopy);
    this.#records = [...kept.reverse(), ...this.#records];
    for (const record of kept) this.#bytes += byteLengthOf(record);
    while (this.#records.length > recordsMax || (this.#bytes > bytesMax && this.#records.length > 1))
      this.#bytes -= byteLengthOf(this.#records.pop()!);
    return [];
  }
}

function ownedCopy(record: ShownRecord): ShownRecord {
  return {
    ...record,
    key: record.key?.slice() ?? null,
    value: record.value?.slice() ?? null,
    headers: record.headers.map(({ key, value }) => ({ key, value: value?.slice() ?? null })),
  };
}

export function byteLengthOf({ key, value, headers }: ShownRecord): number {
  const ofHeaders = headers.reduce((sum, header) => sum + header.key.length + (header.value?.byteLength ?? 0), 0);
  return (key?.byteLength ?? 0) + (value?.byteLength ?? 0) + ofHeaders;
}
