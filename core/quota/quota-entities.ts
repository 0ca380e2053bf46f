/**
 * Whom a quota is for, and which quotas somebody may have, in Kafka's rules and Kafka's words. A quota names a user, a client id, both,
 * or an address; a name of null is the default of its type. Storing is quota-table.ts's part, holding clients to it client-quotas.ts's.
 */
import { errorCodes } from "../../protocol/errors.ts";

/** In the order in which an entity is written down. */
const entityTypes = ["client-id", "user", "ip"] as const;
export type QuotaEntityType = (typeof entityTypes)[number];

/** A type that is absent does not matter; null stands for whoever has nothing of its own. */
export type QuotaEntity = Readonly<Partial<Record<QuotaEntityType, string | null>>>;

export interface ClientQuota {
  readonly entity: QuotaEntity;
  readonly values: Readonly<Record<string, number>>;
}

/** An entity as a request writes it: any types, perhaps the same one twice. */
export type EntityParts = readonly { readonly entityType: string; readonly entityName: string | null }[];

export interface QuotaRefusal {
  readonly errorCode: number;
  readonly errorMessage: string;
}

const clientKeys: ReadonlyMap<string, "long" | "double"> = new Map([
  ["producer_byte_rate", "long"],
  ["consumer_byte_rate", "long"],
  ["request_percentage", "double"],
  ["controller_mutation_rate", "double"],
]);
const addressKeys: ReadonlyMap<string, "long" | "double"> = new Map([["connection_creation_rate", "long"]]);
const longMax = 2 ** 63;
const fractionMax = 1e-6;
/** Kafka looks the name up; here it must look as if one could. */
const addressPattern = /^(?:[0-9A-Fa-f:.%]*:[0-9A-Fa-f:.%]*|[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252}))$/;

export function invalidRequest(errorMessage: string): QuotaRefusal {
  return { errorCode: errorCodes.INVALID_REQUEST, errorMessage };
}

export function isEntityType(type: string): type is QuotaEntityType {
  return (entityTypes as readonly string[]).includes(type);
}

/** Of a type that is named twice the last name counts, as in Kafka. */
export function distinctParts(parts: EntityParts): EntityParts {
  const names = new Map(parts.map(({ entityType, entityName }) => [entityType, entityName]));
  const order = (type: string) => (isEntityType(type) ? entityTypes.indexOf(type) : entityTypes.length);
  return [...names]
    .map(([entityType, entityName]) => ({ entityType, entityName }))
    .toSorted((a, b) => order(a.entityType) - order(b.entityType));
}

export function partsOf(entity: QuotaEntity): EntityParts {
  return entityTypes.flatMap((entityType) => {
    const entityName = entity[entityType];
    return entityName === undefined ? [] : [{ entityType, entityName }];
  });
}

/** The entity that distinct parts stand for, or what is wrong with it. */
export function entityOf(parts: EntityParts): { readonly entity: QuotaEntity } | QuotaRefusal {
  const entity: Partial<Record<QuotaEntityType, string | null>> = {};
  for (const { entityType, entityName } of parts) {
    if (!isEntityType(entityType)) return invalidRequest(`Unhandled client quota entity type: ${entityType}`);
    if (entityName === "") return invalidRequest(`Empty ${entityType} not supported`);
    entity[entityType] = entityName;
  }
  if (parts.length === 0) return invalidRequest("Invalid empty client quota entity");
  const { ip } = entity;
  if (ip === undefined) return { entity };
  if (parts.length > 1) {
    return invalidRequest("Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId");
  }
  return ip === null || addressPattern.test(ip) ? { entity } : invalidRequest(`${ip} is not a valid IP or resolvable host.`);
}

/** What is wrong with a value for a key of this entity. Kafka keeps values that are no numbers; nobody could be held to them. */
export function invalidQuota(entity: QuotaEntity, key: string, value: number): QuotaRefusal | undefined {
  const type = (entity.ip === undefined ? clientKeys : addressKeys).get(key);
  if (type === undefined) return invalidRequest(`Invalid configuration key ${key}`);
  if (!(value > 0)) return invalidRequest(`Quota ${key} must be greater than 0`);
  if (value >= longMax && (type === "long" || value === Infinity)) {
    return invalidRequest(`Proposed value for ${key} is too large for a LONG.`);
  }
  if (type === "long" && Math.abs(Math.trunc(value + fractionMax) - value) > fractionMax) {
    return invalidRequest(`${key} cannot be a fractional value.`);
  }
  return undefined;
}
