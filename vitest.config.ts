// Two projects: tests that Node runs, and tests that run inside the Workers runtime beside the real Durable Objects, because only
// there can one be evicted.
import { cloudflareTest } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import workerd from "workerd";

// The plugin's own runtime is older than the compatibility date that is deployed.
process.env["MINIFLARE_WORKERD_PATH"] ??= (workerd as unknown as { default?: string }).default ?? String(workerd);
process.env["CLOUDFLARE_CF_FETCH_ENABLED"] = "false";
process.env["WRANGLER_SEND_METRICS"] = "false";

export default defineConfig({
  test: {
    // No test is judged by its time: this only ends those that hang.
    testTimeout: 120_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: "node",
          include: ["test/**/*.test.ts"],
          exclude: ["test/workers/**", "node_modules/**"],
        },
      },
      {
        extends: true,
        plugins: [
          cloudflareTest({
            main: "./worker/entry.ts",
            wrangler: { configPath: "./wrangler.toml" },
            miniflare: {
              cf: false,
              bindings: { SETTINGS: { "group.initial.rebalance.delay.ms": 0, "log.level": "warn" } },
            },
          }),
        ],
        test: { name: "workers", include: ["test/workers/**/*.test.ts"] },
      },
    ],
  },
});
