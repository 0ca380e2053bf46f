/**
 * The raw path: what this machine and this runtime give without Kafka. Bytes come in by TCP or WebSocket, reach a Durable Object and
 * go to the object store in 8 MiB objects, three at once; a lone small message becomes one row in another object before it is
 * answered; small messages of a pipelining client become one object and one row for all that wait, answered by a word or as Kafka would
 * (raw-kafka.ts). Kante's sustained, lone and pipelined produce are measured against these.
 */
import { DurableObject } from "cloudflare:workers";
import { concatenate } from "../../protocol/codec.ts";
import { FrameCutter } from "../../protocol/frames.ts";
import { DiskObjectStore } from "../../storage/disk.ts";
import type { ObjectStore } from "../../storage/object-store.ts";
import { R2ObjectStore } from "../../storage/r2.ts";
import { RawKafka } from "./raw-kafka.ts";

interface Env {
  readonly BUCKET: R2Bucket;
  readonly DISK: Fetcher;
  readonly SINK: DurableObjectNamespace<Sink>;
  readonly ROWS: DurableObjectNamespace<Rows>;
  readonly BASE_PORT: number;
}

/** One TCP port each, in this order. */
const purposes = ["disk", "r2", "lone", "groups", "kafka"];
const objectBytes = 8 * 1024 * 1024;
const uploadsMax = 3;
const readBytes = 256 * 1024;
/** About what a leader writes down of some batches. */
const rowBytes = 100;
const frameBytesMax = 32 * 1024 * 1024;
/** A message out after so many bytes in: an int32 length and four bytes, so that a Kafka load generator understands it. */
const taken = Uint8Array.from([0, 0, 0, 4, 0, 0, 0, 0]);

/** Gathers bytes into objects and puts them, keeping at most three under way. */
class Uploads {
  readonly #store: ObjectStore;
  readonly #name: string;
  #buffer = new Uint8Array(objectBytes);
  #filled = 0;
  #count = 0;
  readonly #underWay = new Set<Promise<void>>();

  constructor(store: ObjectStore, name: string) {
    this.#store = store;
    this.#name = name;
  }

  async push(bytes: Uint8Array): Promise<void> {
    for (let position = 0; position < bytes.byteLength;) {
      const size = Math.min(bytes.byteLength - position, objectBytes - this.#filled);
      this.#buffer.set(bytes.subarray(position, position + size), this.#filled);
      this.#filled += size;
      position += size;
      if (this.#filled === objectBytes) {
        this.#put();
        if (this.#underWay.size >= uploadsMax) await Promise.race(this.#underWay);
      }
    }
  }

  async finish(): Promise<void> {
    if (this.#filled > 0) this.#put();
    await Promise.all(this.#underWay);
  }

  #put(): void {
    const put = this.#store.put(`raw/${this.#name}/${this.#count++}`, this.#buffer.subarray(0, this.#filled)).then(() => {
      this.#underWay.delete(put);
    });
    this.#underWay.add(put);
    this.#buffer = new Uint8Array(objectBytes);
    this.#filled = 0;
  }
}

/** What waits is stored as one object, then as one row, then answered; meanwhile the next may wait. */
class Groups {
  readonly #store: ObjectStore;
  readonly #name: string;
  readonly #insertRow: (row: Uint8Array) => Promise<void>;
  readonly #answer: (group: readonly Uint8Array[]) => Promise<void>;
  #waiting: Uint8Array[] = [];
  #count = 0;
  #isBusy = false;

  constructor(
    store: ObjectStore,
    name: string,
    insertRow: (row: Uint8Array) => Promise<void>,
    answer: (group: readonly Uint8Array[]) => Promise<void>,
  ) {
    this.#store = store;
    this.#name = name;
    this.#insertRow = insertRow;
    this.#answer = answer;
  }

  push(frames: readonly Uint8Array[]): void {
    this.#waiting.push(...frames);
    if (!this.#isBusy && this.#waiting.length > 0) void this.#run();
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0);
      await this.#store.put(`raw/${this.#name}/${this.#count++}`, concatenate(group));
      await this.#insertRow(new Uint8Array(rowBytes));
      await this.#answer(group);
    }
    this.#isBusy = false;
  }
}

export class Sink extends DurableObject<Env> {
  #count = 0;
  readonly #webSocketBytes = new Map<WebSocket, { uploads: Uploads; line: Promise<void> }>();

  #freshName(): string {
    this.#count += 1;
    return `${Date.now()}-${this.#count}`;
  }

  #uploads(store: string): Uploads {
    const objects = store === "r2" ? new R2ObjectStore(this.env.BUCKET) : new DiskObjectStore(this.env.DISK);
    return new Uploads(objects, this.#freshName());
  }

  /** Everything until the client closes its side becomes objects, then one answer; or as the port's purpose says. */
  override async connect(socket: Socket): Promise<void> {
    const { localAddress } = await socket.opened;
    const purpose = localAddress?.split(":")[0] ?? "";
    const reader = socket.readable.getReader({ mode: "byob" });
    const writer = (socket.writable as WritableStream<Uint8Array>).getWriter();
    if (purpose === "lone") {
      const rows = this.env.ROWS.getByName("rows");
      for (;;) {
        const { value, done } = await reader.read(new Uint8Array(readBytes));
        if (done) break;
        await rows.insert(value);
        await writer.write(taken);
      }
    } else if (purpose === "groups" || purpose === "kafka") {
      const kafka = new RawKafka(this.env.BASE_PORT + purposes.indexOf("kafka"));
      const rows = this.env.ROWS.getByName("rows");
      const groups = new Groups(
        new DiskObjectStore(this.env.DISK),
        this.#freshName(),
        async (row) => await rows.insert(row),
        async (group) => await writer.write(purpose === "kafka" ? kafka.answers(group) : concatenate(group.map(() => taken))),
      );
      const cutter = new FrameCutter(frameBytesMax);
      for (;;) {
        const { value, done } = await reader.read(cutter.space());
        if (done) break;
        groups.push(cutter.received(value));
      }
    } else {
      const uploads = this.#uploads(purpose);
      for (;;) {
        const { value, done } = await reader.read(new Uint8Array(readBytes));
        if (done) break;
        await uploads.push(value);
      }
      await uploads.finish();
      await writer.write(taken);
    }
    await writer.close();
  }

  override fetch(): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    return new Response(null, { status: 101, webSocket: client, headers: { "sec-websocket-protocol": "kafka" } });
  }

  /** A message of one byte ends a run and is answered when everything before it is stored. */
  override webSocketMessage(socket: WebSocket, message: ArrayBuffer | string): void {
    const open = this.#webSocketBytes.get(socket) ?? { uploads: this.#uploads("disk"), line: Promise.resolve() };
    this.#webSocketBytes.set(socket, open);
    const bytes = new Uint8Array(message as ArrayBuffer);
    open.line = open.line.then(async () => {
      if (bytes.byteLength > 1) await open.uploads.push(bytes);
      else {
        await open.uploads.finish();
        this.#webSocketBytes.delete(socket);
        socket.send(taken);
      }
      // What was taken is told, or the client would have no reason to hold back.
      if (bytes.byteLength > 1) socket.send(taken);
    });
  }

  override webSocketClose(socket: WebSocket): void {
    socket.close();
  }
}

/** The least a leader can do: one row a call. */
export class Rows extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS journal(seq INTEGER PRIMARY KEY, entry BLOB)");
  }

  insert(entry: Uint8Array): void {
    this.ctx.storage.sql.exec("INSERT INTO journal(entry) VALUES (?)", entry);
  }
}

interface Connectable {
  connect(address: string): Socket;
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    return await env.SINK.getByName("sink").fetch(request);
  },

  async connect(socket: Socket, env: Env): Promise<void> {
    const { localAddress } = await socket.opened;
    const purpose = purposes[Number(localAddress?.split(":").at(-1)) - env.BASE_PORT] ?? "disk";
    const upstream = (env.SINK.getByName("sink") as unknown as Connectable).connect(`${purpose}:1`);
    await Promise.allSettled([socket.readable.pipeTo(upstream.writable), upstream.readable.pipeTo(socket.writable)]);
  },
};
