/**
 * Takes out of an answer what two clusters cannot have in common, and nothing else: every id becomes a name (the same id always the
 * same name, so that mixing them up still shows), addresses, sizes of disks and the present time become a word. Record sets are
 * opened, because compressors differ in their bytes, and become what a consumer would see.
 */
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { kernel } from "../../kernel/kernel.ts";

const uuidPattern = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const zeroUuid = "00000000-0000-0000-0000-000000000000";
/** Milliseconds within a message: the present, or as far before it as an int64 reaches. */
const timePattern = /\b1[7-9]\d{11}\b|-92233702\d{11}\b/g;
/** What is this near to the clock of the suite was read from a clock. */
const presentMs = 3_600_000;

/** Fields that hold a fact of the machine. */
const machineFacts: Readonly<Record<string, string>> = {
  port: "a port",
  clusterId: "the cluster id",
  logDir: "a folder",
  totalBytes: "a disk's size",
  usableBytes: "a disk's size",
  sessionId: "a session",
  finalizedFeaturesEpoch: "an offset of the metadata",
};
const nothing: ReadonlySet<unknown> = new Set([null, "", -1, -1n]);

/** Epochs of consumer groups: each broker counts them from where it likes. */
const epochFields: ReadonlySet<string> = new Set(["memberEpoch", "groupEpoch", "assignmentEpoch"]);
const epochPattern = /(member epoch |group coordinator )\((\d+)\)/g;

export class Symbols {
  readonly #names = new Map<string, string>();
  readonly #producers = new Map<bigint, string>();
  #unnamed = 0;
  #firstEpoch: number | undefined;

  /** From now on this id is called so, wherever it stands. */
  name(id: string, name: string): void {
    if (id === "" || id === zeroUuid) return;
    this.#names.set(id, `‹${name}›`);
    if (/^[0-9a-f-]{36}$/.test(id)) this.#names.set(shortUuid(id), `‹${name}›`);
  }

  /** The answer in plain data: objects, arrays, strings, numbers, booleans, null. */
  plain(value: unknown, field = ""): unknown {
    if (value instanceof Uint8Array) return field === "records" ? this.#recordSet(value) : this.#text(textOf(value));
    if (Array.isArray(value)) return value.map((item) => this.plain(item, field));
    if (value !== null && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, this.plain(inner, name)]));
    }
    if (field in machineFacts && !nothing.has(value)) return field === "sessionId" && value === 0 ? 0 : machineFacts[field];
    if (epochFields.has(field)) return this.#epoch(Number(value));
    if (field === "producerId") return this.#producer(value as bigint);
    if (typeof value === "bigint" || typeof value === "number") return present(Number(value));
    return typeof value === "string" ? this.#text(value) : value;
  }

  #epoch(value: number): string | number {
    if (value <= 0) return value;
    this.#firstEpoch ??= value;
    return value === this.#firstEpoch ? "the first epoch" : `the first epoch + ${value - this.#firstEpoch}`;
  }

  #producer(id: bigint): string | number {
    if (id < 0n) return Number(id);
    const known = this.#producers.get(id) ?? `‹producer ${this.#producers.size + 1}›`;
    this.#producers.set(id, known);
    return known;
  }

  #text(text: string): string {
    let result = text;
    for (const [id, name] of this.#names) result = result.replaceAll(id, name);
    for (const [id, name] of this.#producers) result = result.replace(new RegExp(`producerId:? ${id}\\b`), `producerId ${name}`);
    result = result.replace(epochPattern, (_, before: string, epoch: string) => `${before}(${this.#epoch(Number(epoch))})`);
    return result.replace(timePattern, aTime).replace(uuidPattern, (id) => {
      if (id === zeroUuid) return id;
      this.#unnamed += 1;
      this.name(id, `id ${this.#unnamed}`);
      return `‹id ${this.#unnamed}›`;
    });
  }

  /** Whole batches only: a cut last one is what clients leave away. */
  #recordSet(bytes: Uint8Array): unknown[] {
    const batches: unknown[] = [];
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at + 61 <= bytes.byteLength;) {
      const end = at + 12 + view.getInt32(at + 8);
      if (end > bytes.byteLength) break;
      const attributes = view.getInt16(at + 21);
      batches.push({
        baseOffset: Number(view.getBigInt64(at)),
        leaderEpoch: view.getInt32(at + 12),
        magic: view.getInt8(at + 16),
        attributes,
        lastOffsetDelta: view.getInt32(at + 23),
        baseTimestamp: present(Number(view.getBigInt64(at + 27))),
        maxTimestamp: present(Number(view.getBigInt64(at + 35))),
        producerId: this.#producer(view.getBigInt64(at + 43)),
        producerEpoch: view.getInt16(at + 51),
        baseSequence: view.getInt32(at + 53),
        count: view.getInt32(at + 57),
        body: Buffer.from(opened(attributes & 7, bytes.subarray(at + 61, end))).toString("hex"),
      });
      at = end;
    }
    return batches;
  }
}

function opened(codec: number, body: Uint8Array): Uint8Array {
  if (codec === 1) return gunzipSync(body);
  if (codec === 2) return kernel.decompressSnappy(body, 1 << 24);
  if (codec === 3) return kernel.decompressLz4(body, 1 << 24);
  return codec === 4 ? zstdDecompressSync(body) : body;
}

function aTime(text: string): string {
  return text.startsWith("-") || typeof present(Number(text), 1000 * presentMs) === "string" ? "‹time›" : text;
}

function present(value: number, toleranceMs = presentMs): number | string {
  return Math.abs(value - Date.now()) < toleranceMs ? "now" : value;
}

/** Bytes that are readable are shown as text. */
function textOf(bytes: Uint8Array): string {
  return bytes.every((byte) => byte >= 32 && byte < 127) ? Buffer.from(bytes).toString() : Buffer.from(bytes).toString("hex");
}

/** As Kafka writes ids in messages. */
function shortUuid(id: string): string {
  return Buffer.from(id.replaceAll("-", ""), "hex").toString("base64url");
}
