/**
 * A Worker that writes what it is sent into a topic: `curl -d 'hello' https://<worker>/orders?key=42`. It reaches Kante by the service
 * binding KANTE (`services = [{ binding = "KANTE", service = "kante" }]` in wrangler.toml), so nothing leaves Cloudflare.
 */
import { KafkaError, connect } from "kante/client";

interface Env {
  readonly KANTE: { fetch(url: string, init: RequestInit): Promise<Response> };
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (request.method !== "POST") return new Response("POST a record to /<topic>\n", { status: 405, headers: { allow: "POST" } });
    // Sockets belong to the request that opened them: a Worker connects for each.
    await using kafka = connect("https://kante/c/default/kafka", { fetch: async (url, init) => await env.KANTE.fetch(url, init) });
    try {
      const value = new Uint8Array(await request.arrayBuffer());
      const sent = await kafka.producer().send(pathname.slice(1), { key: searchParams.get("key"), value });
      return Response.json(sent, { status: 201 });
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      return Response.json({ error: error.codeName, message: error.message }, { status: error.retriable ? 503 : 400 });
    }
  },
};
