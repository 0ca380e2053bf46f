/** What wrangler.toml says of a deployment, as wrangler reads it: what no local run would miss. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { unstable_readConfig as readConfig } from "wrangler";
import { compatibilityDate, compatibilityFlags } from "../../bin/engine.ts";

/** What is looked at. */
interface Deployment {
  readonly compatibility_date: string;
  readonly compatibility_flags: readonly string[];
  readonly observability: unknown;
  readonly durable_objects: { readonly bindings: readonly { readonly class_name: string }[] };
  readonly migrations: readonly { readonly new_sqlite_classes?: readonly string[] }[];
}

const config: Deployment = readConfig({ config: join(import.meta.dirname, "../../wrangler.toml") });

test("it runs under the date and the flags of the local server, which all else is tested with", () => {
  expect([config.compatibility_date, config.compatibility_flags]).toEqual([compatibilityDate, compatibilityFlags]);
});

test("exceptions and the objects' own lines are logged, and not each message and each call, which would cost more than they do", () => {
  expect(config.observability).toMatchObject({ enabled: true, logs: { enabled: true, invocation_logs: false } });
});

test("each class that is bound was made by a migration, with rows", () => {
  const bound = config.durable_objects.bindings.map(({ class_name }) => class_name);
  expect(config.migrations.flatMap(({ new_sqlite_classes }) => new_sqlite_classes ?? []).toSorted()).toEqual(bound.toSorted());
});
