/**
 * The quotas of a cluster, as the controller keeps them: one row an entity, and what a request to alter them comes to. Brokers get the
 * whole list with the list of topics.
 */
import { errorCodes } from "../../protocol/errors.ts";
import { putRow, quotaKey, type RowChange } from "../cluster/controller-rows.ts";
import { distinctParts, entityOf, invalidQuota, invalidRequest, partsOf } from "./quota-entities.ts";
import type { ClientQuota, EntityParts, QuotaEntity, QuotaRefusal } from "./quota-entities.ts";

export interface QuotaAlteration {
  readonly entity: EntityParts;
  readonly ops: readonly { readonly key: string; readonly value: number; readonly remove: boolean }[];
}

export interface QuotaOutcome {
  readonly entity: EntityParts;
  readonly errorCode: number;
  readonly errorMessage: string | null;
}

export class QuotaTable {
  /** By row. */
  readonly #quotas = new Map<string, ClientQuota>();

  load(key: string, value: string): void {
    const entity = JSON.parse(key.slice(quotaKey("").length)) as QuotaEntity;
    this.#quotas.set(key, { entity, values: JSON.parse(value) as ClientQuota["values"] });
  }

  all(): readonly ClientQuota[] {
    return [...this.#quotas.values()];
  }

  /** One outcome an entity. The first alteration of an entity that is named twice holds, and is answered with an error, as in Kafka. */
  alter(
    alterations: readonly QuotaAlteration[],
    validateOnly: boolean,
  ): { readonly result: readonly QuotaOutcome[]; readonly rows: readonly RowChange[] } {
    const outcomes = new Map<string, QuotaOutcome>();
    const rows: RowChange[] = [];
    for (const { entity, ops } of alterations) {
      const parts = distinctParts(entity);
      const name = JSON.stringify(parts);
      const keys = ops.map(({ key }) => key);
      const isRepeated = outcomes.has(name) || new Set(keys).size < keys.length;
      const decided = isRepeated ? invalidRequest(`Ignoring duplicate entity ${inWords(parts)}`) : this.#decide(parts, ops);
      if ("errorCode" in decided) outcomes.set(name, { entity: parts, ...decided });
      else outcomes.set(name, { entity: parts, errorCode: errorCodes.NONE, errorMessage: null });
      if (!("errorCode" in decided) && !validateOnly) rows.push(...this.#set(decided));
    }
    return { result: [...outcomes.values()], rows };
  }

  #decide(parts: EntityParts, ops: QuotaAlteration["ops"]): ClientQuota | QuotaRefusal {
    const named = entityOf(parts);
    if ("errorCode" in named) return named;
    const { entity } = named;
    const values = new Map(Object.entries(this.#quotas.get(keyOf(entity))?.values ?? {}));
    for (const { key, value, remove } of ops) {
      const refusal = remove ? undefined : invalidQuota(entity, key, value);
      if (refusal !== undefined) return refusal;
      if (remove) values.delete(key);
      else values.set(key, value);
    }
    return { entity, values: Object.fromEntries([...values].sort(([a], [b]) => (a < b ? -1 : 1))) };
  }

  #set(quota: ClientQuota): readonly RowChange[] {
    const key = keyOf(quota.entity);
    const before = this.#quotas.get(key);
    if (Object.keys(quota.values).length === 0) return this.#quotas.delete(key) ? [{ key, value: null }] : [];
    if (JSON.stringify(before?.values) === JSON.stringify(quota.values)) return [];
    this.#quotas.set(key, quota);
    return [putRow(key, quota.values)];
  }
}

function keyOf(entity: QuotaEntity): string {
  const parts = partsOf(entity).map(({ entityType, entityName }) => [entityType, entityName] as const);
  return quotaKey(JSON.stringify(Object.fromEntries(parts)));
}

function inWords(parts: EntityParts): string {
  return `ClientQuotaEntity(entries={${parts.map(({ entityType, entityName }) => `${entityType}=${entityName}`).join(", ")}})`;
}
