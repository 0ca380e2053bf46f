/**
 * Random messages for a schema in a version: what a peer could really send, and what encoding it and decoding it again must
 * answer unchanged. Fields that the version lacks hold their default.
 */
import * as fc from "fast-check";
import { apis } from "../../protocol/apis.ts";
import { defaultOf } from "../../protocol/compile.ts";
import { consumerProtocolAssignment, consumerProtocolSubscription } from "../../protocol/messages/consumer-protocol.ts";
import { isWithin, type Field, type Fields, type MessageSchema } from "../../protocol/schema.ts";

export const dataMessages: readonly MessageSchema[] = [consumerProtocolSubscription, consumerProtocolAssignment];
export const messages: readonly MessageSchema[] = [...apis.flatMap((api) => [api.request, api.response]), ...dataMessages];

export function versionsOf(message: { readonly versions: readonly [min: number, max: number] }): number[] {
  const [min, max] = message.versions;
  return Array.from({ length: max - min + 1 }, (_, index) => min + index);
}

export function messageArbitrary(fields: Fields, version: number): fc.Arbitrary<Record<string, unknown>> {
  return fc.record(Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, fieldArbitrary(field, version)])));
}

function fieldArbitrary(field: Field, version: number): fc.Arbitrary<unknown> {
  if (!isWithin(version, field.versions)) return fc.constant(defaultOf(field));
  const present = presentArbitrary(field, version);
  const isNullable = field.nullable !== undefined && isWithin(version, field.nullable);
  const given = isNullable ? fc.oneof({ weight: 1, arbitrary: fc.constant(null) }, { weight: 4, arbitrary: present }) : present;
  return field.tag === undefined ? given : fc.oneof(fc.constant(defaultOf(field)), given);
}

function presentArbitrary(field: Field, version: number): fc.Arbitrary<unknown> {
  switch (field.kind) {
    case "bool":
      return fc.boolean();
    case "int8":
      return fc.integer({ min: -128, max: 127 });
    case "int16":
      return fc.integer({ min: -32_768, max: 32_767 });
    case "uint16":
      return fc.nat(65_535);
    case "int32":
      return fc.integer();
    case "int64":
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
    case "float64":
      return fc.double({ noNaN: true });
    case "uuid":
      return fc.uuid();
    case "string":
      return fc.oneof(fc.string({ maxLength: 12 }), fc.string({ unit: "binary", maxLength: 200 }));
    case "bytes":
    case "records":
      return fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 1024, maxLength: 1400 }));
    case "array":
      return field.item === undefined ? fc.constant([]) : fc.array(fieldArbitrary(field.item, version), { maxLength: 3 });
    case "struct":
      return messageArbitrary(field.fields ?? {}, version);
  }
}
