/**
 * Puts the stores that exist only inside workerd before the tests that run in Node: one request is one call on the store that
 * the path names. Bodies are laid into a larger buffer first, so that every put is one of a view.
 */
import { operatingErrorKind } from "../../../core/operating-error.ts";
import { DiskObjectStore } from "../../../storage/disk.ts";
import { R2ObjectStore } from "../../../storage/r2.ts";
import type { ObjectStore } from "../../../storage/object-store.ts";
import type { RemoteCall } from "../remote-store.ts";

interface Env {
  readonly BUCKET: R2Bucket;
  readonly DISK: Fetcher;
}

let stores: { readonly r2: ObjectStore; readonly disk: ObjectStore } | undefined;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    stores ??= { r2: new R2ObjectStore(env.BUCKET), disk: new DiskObjectStore(env.DISK) };
    const call = JSON.parse(decodeURIComponent(request.headers.get("x-call")!)) as RemoteCall;
    const store = stores[call.store];
    try {
      switch (call.operation) {
        case "put":
          return Response.json((await store.put(call.key, await viewOf(request))) ?? null);
        case "putStream": {
          const body = await viewOf(request);
          await store.putStream(call.key, call.byteLength, cut(body, call.chunks, call.breaks));
          return Response.json(null);
        }
        case "putIfAbsent":
          return Response.json(await store.putIfAbsent(call.key, await viewOf(request)));
        case "get": {
          const bytes = await store.get(call.key, call.range);
          return bytes === undefined ? new Response(null, { status: 204 }) : new Response(bytes);
        }
        case "list":
          return Response.json(await store.list(call.prefix, call.options));
        case "delete":
          await store.delete(await request.json<string[]>());
          return Response.json(null);
      }
    } catch (error) {
      return Response.json({ kind: operatingErrorKind(error), message: String(error) }, { status: 500 });
    }
  },
};

async function* cut(body: Uint8Array, lengths: readonly number[], breaks: boolean): AsyncGenerator<Uint8Array> {
  let position = 0;
  for (const length of lengths) {
    yield body.subarray(position, position + length);
    position += length;
  }
  if (breaks) throw new Error("the body breaks off");
}

async function viewOf(request: Request): Promise<Uint8Array> {
  const body = new Uint8Array(await request.arrayBuffer());
  const padded = new Uint8Array(body.byteLength + 14).fill(0xaa);
  padded.set(body, 7);
  return padded.subarray(7, 7 + body.byteLength);
}
