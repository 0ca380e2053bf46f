/**
 * The bindings of a deployment: wrangler.toml names them for Cloudflare, bin/engine.ts for the local server. Settings come as one
 * object of overrides; which store holds the objects follows from what is bound.
 */
import { type Settings, settingsFrom } from "../core/settings.ts";

export interface Env {
  readonly BROKER: DurableObjectNamespace;
  readonly LEADER: DurableObjectNamespace;
  readonly MERGER: DurableObjectNamespace;
  readonly CONTROLLER: DurableObjectNamespace;
  readonly GROUP: DurableObjectNamespace;
  readonly TRANSACTION: DurableObjectNamespace;
  readonly BUCKET?: R2Bucket;
  /** workerd's disk service: local server only. */
  readonly DISK?: Fetcher;
  /** The console's page and files. */
  readonly ASSETS?: Fetcher;
  /** Overrides of core/settings.ts by name. */
  readonly SETTINGS?: Readonly<Record<string, unknown>>;
  /** Local server only: what TCP clients are told to connect to. */
  readonly ADVERTISED?: { readonly host: string; readonly basePort: number };
  /** Tests and benches only: what the object store is to do wrong. */
  readonly FAULTS?: { readonly putDelayMs?: number };
}

export function settingsOf(env: Env): Settings {
  return settingsFrom(env.SETTINGS ?? {}).settings;
}
