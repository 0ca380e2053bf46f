/**
 * The Node side of the stores in workerd: the same interface, each call one request to store-worker.ts. The whole workerd is
 * real (the R2 simulator of wrangler, the disk service of `npm start`), so the contract holds where the product runs.
 */
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import type { ChildProcess } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compatibilityDate } from "../../bin/engine.ts";
import { OperatingError, type OperatingErrorKind } from "../../core/operating-error.ts";
import { bundleForWorkerd } from "../../scripts/bundle-for-workerd.ts";
import type { ByteRange, ListOptions, ObjectListing, ObjectStore } from "../../storage/object-store.ts";

export type RemoteCall = { readonly store: "r2" | "disk" } & (
  | { readonly operation: "put" | "putIfAbsent"; readonly key: string }
  /** The body comes in chunks of these lengths, and then breaks off or not. */
  | {
      readonly operation: "putStream";
      readonly key: string;
      readonly byteLength: number | undefined;
      readonly chunks: readonly number[];
      readonly breaks: boolean;
    }
  | { readonly operation: "get"; readonly key: string; readonly range?: ByteRange }
  | { readonly operation: "list"; readonly prefix: string; readonly options?: ListOptions }
  | { readonly operation: "delete" }
);

type Send = (call: RemoteCall, body?: Uint8Array | string) => Promise<Response>;

export interface StoreServer {
  readonly r2: ObjectStore;
  readonly disk: ObjectStore;
  /** Where the disk store keeps its objects. */
  readonly folder: string;
  /** Ends workerd as a crash would. Start another on the same `root` to see what is left. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

export function temporaryRoot(): string {
  return mkdtempSync(join(tmpdir(), "kante-store-"));
}

export async function startStoreServer(root = temporaryRoot()): Promise<StoreServer> {
  const folder = join(root, "objects");
  mkdirSync(folder, { recursive: true });
  const contents = await bundleForWorkerd("test/storage/workerd/store-worker.ts");
  const children: ChildProcess[] = [];
  const onChild = (message: unknown): unknown => children.push((message as { process: ChildProcess }).process);
  subscribe("child_process", onChild);
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: [{ type: "ESModule", path: "store-worker.js", contents }],
      compatibilityDate,
      telemetry: { enabled: false },
      cf: false,
      resourcePersistencePath: join(root, "state"),
      r2Buckets: ["BUCKET"],
      serviceBindings: { DISK: { disk: { path: folder, writable: true } } },
    }),
  );
  const send: Send = async (call, body) =>
    (await miniflare.dispatchFetch("http://store/", {
      method: "POST",
      headers: { "x-call": encodeURIComponent(JSON.stringify(call)) },
      body: body ?? "",
    })) as unknown as Response;
  await miniflare.ready;
  unsubscribe("child_process", onChild);
  const dispose = async (): Promise<void> => await miniflare.dispose().catch(() => {});
  return {
    r2: new RemoteStore(send, "r2"),
    disk: new RemoteStore(send, "disk"),
    folder,
    async kill() {
      if (children.length !== 1) throw new Error(`one workerd was expected, not ${children.length} processes`);
      children[0]!.kill("SIGKILL");
      await dispose();
    },
    async close() {
      await dispose();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

class RemoteStore implements ObjectStore {
  readonly #send: Send;
  readonly #store: "r2" | "disk";

  constructor(send: Send, store: "r2" | "disk") {
    this.#send = send;
    this.#store = store;
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await answered(await this.#send({ store: this.#store, operation: "put", key }, bytes));
  }

  async putStream(key: string, byteLength: number | undefined, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const parts: Uint8Array[] = [];
    let failure: { readonly error: unknown } | undefined;
    try {
      for await (const chunk of chunks) parts.push(chunk.slice());
    } catch (error) {
      failure = { error };
    }
    const call = {
      operation: "putStream",
      key,
      byteLength,
      chunks: parts.map(({ length }) => length),
      breaks: failure !== undefined,
    };
    const response = await this.#send({ store: this.#store, ...call } as RemoteCall, Buffer.concat(parts));
    if (failure !== undefined && response.status === 500) throw failure.error;
    await answered(response);
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    const response = await answered(await this.#send({ store: this.#store, operation: "putIfAbsent", key }, bytes));
    return (await response.json()) as boolean;
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    const response = await answered(await this.#send({ store: this.#store, operation: "get", key, range }));
    return response.status === 204 ? undefined : new Uint8Array(await response.arrayBuffer());
  }

  async list(prefix: string, options?: ListOptions): Promise<ObjectListing> {
    const response = await answered(await this.#send({ store: this.#store, operation: "list", prefix, options }));
    const listing = (await response.json()) as ObjectListing;
    return { objects: listing.objects, next: listing.next };
  }

  async delete(keys: readonly string[]): Promise<void> {
    await answered(await this.#send({ store: this.#store, operation: "delete" }, JSON.stringify(keys)));
  }
}

async function answered(response: Response): Promise<Response> {
  if (response.status !== 500) return response;
  const { kind, message } = (await response.json()) as { kind?: OperatingErrorKind; message: string };
  throw kind === undefined ? new Error(message) : new OperatingError(kind, message);
}
