/** Which quotas DescribeClientQuotas asks for, and what is wrong with a filter, in Kafka's order of checks and Kafka's words. */
import { errorCodes } from "../../protocol/errors.ts";
import { type ClientQuota, invalidRequest, isEntityType, type QuotaEntity, type QuotaEntityType } from "./quota-entities.ts";
import type { QuotaRefusal } from "./quota-entities.ts";

export interface FilterComponent {
  readonly entityType: string;
  readonly matchType: number;
  readonly match: string | null;
}

/** Kafka's numbers. */
const matchTypes = ["EXACT", "DEFAULT", "SPECIFIED"] as const;

/** The name that an entity must have of each type; "any" for every name, the default included. */
type Filter = Map<QuotaEntityType, { readonly name: string | null } | "any">;

export function findQuotas(
  quotas: readonly ClientQuota[],
  components: readonly FilterComponent[],
  strict: boolean,
): { readonly found: readonly ClientQuota[] } | QuotaRefusal {
  const filter: Filter = new Map();
  for (const component of components) {
    const refusal = addComponent(filter, component);
    if (refusal !== undefined) return refusal;
  }
  if (filter.has("ip") && filter.size > 1) {
    return invalidRequest(
      "Invalid entity filter component combination. IP filter component should not be used with user or clientId filter component.",
    );
  }
  return { found: quotas.filter(({ entity }) => matches(entity, filter, strict)) };
}

function addComponent(filter: Filter, { entityType, matchType, match }: FilterComponent): QuotaRefusal | undefined {
  if (entityType === "") return invalidRequest("Invalid empty entity type.");
  if (isEntityType(entityType) && filter.has(entityType)) {
    return invalidRequest(`Entity type ${entityType} cannot appear more than once in the filter.`);
  }
  if (!isEntityType(entityType)) {
    return { errorCode: errorCodes.UNSUPPORTED_VERSION, errorMessage: `Unsupported entity type ${entityType}` };
  }
  const type = matchTypes[matchType];
  if (type === undefined) return invalidRequest(`Unknown match type ${matchType}`);
  if (type === "EXACT" && match === null) {
    return invalidRequest("Request specified MATCH_TYPE_EXACT, but set match string to null.");
  }
  if (type !== "EXACT" && match !== null) {
    return invalidRequest(`Request specified MATCH_TYPE_${type}, but also specified a match string.`);
  }
  filter.set(entityType, type === "SPECIFIED" ? "any" : { name: match });
  return undefined;
}

/** Strict: an entity that names more types than the filter does not match. */
function matches(entity: QuotaEntity, filter: Filter, strict: boolean): boolean {
  if (strict && Object.keys(entity).length !== filter.size) return false;
  return [...filter].every(([type, wanted]) => {
    const name = entity[type];
    return name !== undefined && (wanted === "any" || wanted.name === name);
  });
}
