/** The Worker's door: which broker gets a connection, and what is refused before one is woken. */
import { describe, expect, test } from "vitest";
import type { Env } from "../../durable-objects/env.ts";
import { app } from "../../worker/app.ts";
import { brokerOfPort } from "../../worker/routes.ts";

interface Woken {
  readonly name: string;
  readonly options: unknown;
}

function deployment(settings: Record<string, unknown> = {}) {
  const woken: Woken[] = [];
  const BROKER = {
    getByName: (name: string, options: unknown) => ({
      fetch: async () => {
        woken.push({ name, options });
        return new Response("the broker");
      },
    }),
  };
  return { woken, env: { BROKER, SETTINGS: settings } as unknown as Env };
}

/** A cluster whose brokers nobody has called yet. */
function measured(settings: Record<string, unknown>, cells: readonly number[] = []) {
  const asked: Woken[] = [];
  const figures = (counters: Record<string, number>) => ({ counters, gauges: {}, histograms: {} });
  const metrics = figures({});
  const BROKER = {
    getByName: (name: string, options: unknown) => {
      asked.push({ name, options });
      return {
        metrics: async () => ({ metrics, cells, groups: [], transactions: [] }),
        traffic: async () => ({ sinceMs: 0, minutes: [] }),
      };
    },
  };
  const CONTROLLER = { getByName: () => ({ metrics: async () => metrics, snapshot: async () => undefined }) };
  const LEADER = { getByName: () => ({ metrics: async () => figures({ kante_merges_total: 1 }) }) };
  const MERGER = { getByName: () => ({ metrics: async () => figures({ kante_object_puts_total: 1 }) }) };
  return { asked, env: { BROKER, CONTROLLER, LEADER, MERGER, SETTINGS: settings } as unknown as Env };
}

const upgrade = { upgrade: "websocket", "sec-websocket-protocol": "kafka" };

async function get(path: string, env: Env, headers: Record<string, string> = upgrade, cf: object = {}) {
  return await app.fetch(new Request(`http://kante${path}`, { headers, cf } as RequestInit<RequestInitCfProperties>), env);
}

describe("a connection goes to", () => {
  const zones = { zones: "weur, enam,,fra ", "brokers.per.zone": 3 };
  test.each([
    ["the default cluster's first broker", "/kafka", {}, {}, "default/local/0"],
    ["the cluster of the path", "/c/shop/kafka", {}, {}, "shop/local/0"],
    ["the broker of the query", "/c/shop/kafka?node=2", zones, {}, "shop/weur/2"],
    [
      "[D14] the zone named like the data centre it came in through",
      "/kafka",
      zones,
      { colo: "FRA", continent: "EU" },
      "default/fra/0",
    ],
    ["[D14] a zone of its continent", "/kafka", zones, { colo: "IAD", continent: "NA" }, "default/enam/0"],
    ["[D14] the first zone when none is near", "/kafka", zones, { colo: "SYD", continent: "OC" }, "default/weur/0"],
  ])("%s", async (_title, path, settings, cf, name) => {
    const { env, woken } = deployment(settings);
    expect((await get(path, env, upgrade, cf)).status).toBe(200);
    expect(woken.map((one) => one.name)).toEqual([name]);
  });

  test("a zone that bears the name of a location hint is placed there", async () => {
    const { env, woken } = deployment({ zones: "weur,local" });
    await get("/kafka", env, upgrade, { continent: "EU" });
    expect(woken[0]?.options).toEqual({ locationHint: "weur" });
  });

  test.each(["/metrics", "/throughput", "/cost"])(
    "[D14] it is placed there also when %s is asked before any client comes",
    async (page) => {
      const { env, asked } = measured({ zones: "local, enam,apac" });
      expect((await get(page, env, {}, { continent: "EU" })).status).toBe(200);
      expect(asked).toEqual([
        { name: "default/local/0", options: {} },
        { name: "default/enam/0", options: { locationHint: "enam" } },
        { name: "default/apac/0", options: { locationHint: "apac" } },
      ]);
    },
  );

  test("[D2] port base + n is broker n, under the address that is advertised", () => {
    const { env } = deployment({ "brokers.per.zone": 3 });
    const local = { ...env, ADVERTISED: { host: "::1", basePort: 9092 } };
    expect(brokerOfPort(local, 9094)).toEqual({ broker: "default/local/2", host: "::1", port: 9092 });
    // Where the HTTP port is, for one: the method CONNECT comes the same way.
    for (const port of [9091, 9095, 8787, Number.NaN]) expect(brokerOfPort(local, port)).toBeUndefined();
  });
});

test("a merger that cells share counts once in what a cluster measures", async () => {
  const { env } = measured({ "mergers.max": 2 }, [0, 1, 2, 3, 4]);
  const text = await (await get("/metrics", env, {})).text();
  expect(text).toContain("kante_merges_total 5\n");
  expect(text).toContain("kante_object_puts_total 2\n");
});

describe("refused without waking a broker", () => {
  test.each([
    ["a request that is no upgrade", "/kafka", { "sec-websocket-protocol": "kafka" }, 426],
    ["another subprotocol", "/kafka", { upgrade: "websocket", "sec-websocket-protocol": "mqtt" }, 400],
    ["no subprotocol", "/kafka", { upgrade: "websocket" }, 400],
    ["[I10] a cluster name with a slash", "/c/a%2Fcell/kafka", upgrade, 400],
    ["a cluster name with a space", "/c/a%20b/kafka", upgrade, 400],
    ["a broker that is not there", "/kafka?node=1", upgrade, 400],
    ["a broker that is no number", "/kafka?node=-1", upgrade, 400],
    ["a port that is none", "/kafka?port=99999", upgrade, 400],
    ["a host that is none", "/kafka?host=a%20b", upgrade, 400],
    ["a host that no attachment has room for", `/kafka?host=${"a".repeat(9000)}`, upgrade, 400],
    ["an unknown page", "/nothing", upgrade, 404],
  ])("%s", async (_title, path, headers, status) => {
    const { env, woken } = deployment();
    expect((await get(path, env, headers)).status).toBe(status);
    expect(woken).toEqual([]);
  });
});

describe("the console", () => {
  const asked: string[] = [];
  const ASSETS = {
    fetch: async (url: URL) => {
      asked.push(url.pathname);
      return url.pathname.includes("main") || url.pathname === "/index.html"
        ? new Response("bytes")
        : new Response("", { status: 404 });
    },
  };
  const env = { ...deployment().env, ASSETS } as unknown as Env;
  const html = { accept: "text/html,*/*" };

  test.each(["/", "/?cluster=shop", "/c/shop/"])("is at %s for a browser", async (path) => {
    const answer = await get(path, env, html);
    expect(await answer.text()).toBe("bytes");
    expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(answer.headers.get("vary")).toBe("accept");
  });

  test("may load nothing from elsewhere, and speak to this host alone", async () => {
    const policy = (await get("/", env, html)).headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("connect-src 'self' ws://kante;");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/'unsafe-|\*/);
  });

  test("is a list of addresses for others, and where the deployment has no assets", async () => {
    expect(await (await get("/", env, { accept: "*/*" })).text()).toContain("GET /metrics");
    expect(await (await get("/", deployment().env, html)).text()).toContain("GET /metrics");
  });

  test("is found without the last slash", async () => {
    const answer = await get("/c/shop", env, html);
    expect(answer.status).toBe(302);
    expect(answer.headers.get("location")).toBe("/c/shop/");
  });

  test.each([
    ["/console/main-ABC.js", "text/javascript; charset=utf-8"],
    ["/console/main-ABC.css", "text/css; charset=utf-8"],
  ])("has %s, which may be kept for ever", async (path, contentType) => {
    const answer = await get(path, env, {});
    expect(answer.headers.get("content-type")).toBe(contentType);
    expect(answer.headers.get("cache-control")).toContain("immutable");
  });

  test("has nothing else, and asks for no file outside of its folder", async () => {
    asked.length = 0;
    for (const path of [
      "/console/gone.js",
      "/console/main.txt",
      "/console/main",
      "/console/a%2F..%2Fmain.js",
      "/console/a/main.js",
    ])
      expect((await get(path, env, {})).status).toBe(404);
    expect(asked).toEqual(["/console/gone.js"]);
    expect((await get("/c/a%20b/", env, html)).status).toBe(400);
  });
});

describe("a method that a page has not is answered 405, with those that it has", () => {
  test.each([
    ["POST", "/"],
    ["POST", "/c/shop/"],
    ["DELETE", "/console/main.js"],
    ["PUT", "/health"],
    ["DELETE", "/metrics"],
    ["POST", "/c/shop/throughput"],
    ["POST", "/kafka"],
    ["PATCH", "/c/shop/kafka"],
    ["OPTIONS", "/c/shop/metrics"],
  ])("%s %s", async (method, path) => {
    const { env, woken } = deployment();
    const answer = await app.fetch(new Request(`http://kante${path}`, { method }), env);
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("GET, HEAD");
    expect(woken).toEqual([]);
  });

  test("HEAD is one of them", async () => {
    expect((await app.fetch(new Request("http://kante/health", { method: "HEAD" }), deployment().env)).status).toBe(200);
  });

  test("an unknown page is unknown to every method", async () => {
    expect((await app.fetch(new Request("http://kante/nothing", { method: "POST" }), deployment().env)).status).toBe(404);
  });
});
