/** Which quota holds for whom, who shares it, and what it comes to. */
import { describe, expect, test } from "vitest";
import { ClientQuotas } from "../../../core/quota/client-quotas.ts";
import type { ClientQuota, QuotaEntity } from "../../../core/quota/quota-entities.ts";
import { settingDefaults } from "../../../core/settings.ts";

const produced = (bytes: number) => ({ producedBytes: bytes, fetchedBytes: 0, movedBytes: 0 });
const fetched = (bytes: number) => ({ producedBytes: 0, fetchedBytes: bytes, movedBytes: 0 });
const moved = (bytes: number) => ({ producedBytes: 0, fetchedBytes: 0, movedBytes: bytes });
const ann = { user: "ann", clientId: "app" };

function holding(...quotas: readonly (readonly [QuotaEntity, ClientQuota["values"]])[]): ClientQuotas {
  const list = quotas.map(([entity, values]) => ({ entity, values }));
  return new ClientQuotas(() => list, settingDefaults);
}

/** From the strongest to the weakest, as Kafka orders them. */
const levels: readonly QuotaEntity[] = [
  { user: "ann", "client-id": "app" },
  { user: "ann", "client-id": null },
  { user: "ann" },
  { user: null, "client-id": "app" },
  { user: null, "client-id": null },
  { user: null },
  { "client-id": "app" },
  { "client-id": null },
];

describe("precedence", () => {
  test.each(levels.map((level, index) => [JSON.stringify(level), index] as const))("%s wins over all below", (_level, index) => {
    const all = levels.map((entity, rank) => [entity, { consumer_byte_rate: 100 + rank }] as const);
    expect(holding(...all.slice(index)).fetchBytesMax(ann)).toBe((100 + index) * 10);
  });

  test("each key looks for its own nearest quota", () => {
    const quotas = holding([{ user: "ann" }, { producer_byte_rate: 1 }], [{ "client-id": null }, { consumer_byte_rate: 7 }]);
    expect(quotas.fetchBytesMax(ann)).toBe(70);
    expect(quotas.record(ann, produced(11), 0)).toBe(1000);
  });

  test("quotas of others and of addresses do not matter", () => {
    const quotas = holding(
      [{ user: "bob" }, { producer_byte_rate: 1 }],
      [{ "client-id": "other" }, { producer_byte_rate: 1 }],
      [{ user: "ann", "client-id": "other" }, { producer_byte_rate: 1 }],
      [{ ip: null }, { connection_creation_rate: 1 }],
    );
    expect(quotas.record(ann, produced(1e9), 0)).toBe(0);
    expect(quotas.fetchBytesMax(ann)).toBe(Infinity);
  });
});

describe("sharing", () => {
  const bob = { user: "bob", clientId: "app" };
  const annElsewhere = { user: "ann", clientId: "else" };
  test.each<[string, QuotaEntity, boolean, boolean]>([
    ["a user's quota is shared by its client ids", { user: "ann" }, true, false],
    ["under a default each user has their own", { user: null }, true, false],
    ["a client id's quota is shared by its users", { "client-id": "app" }, false, true],
    ["under a default each client id has its own", { "client-id": null }, false, true],
    ["a user and client id share with nobody", { user: null, "client-id": null }, false, false],
  ])("%s", (_title, entity, withClientIds, withUsers) => {
    const quotas = holding([entity, { producer_byte_rate: 100 }]);
    expect(quotas.record(ann, produced(1100), 0)).toBe(1000);
    expect(quotas.record(annElsewhere, produced(100), 0) > 0).toBe(withClientIds);
    expect(quotas.record(bob, produced(100), 0) > 0).toBe(withUsers);
  });
});

describe("what is held", () => {
  test("bytes produced and fetched apart from each other", () => {
    const quotas = holding([{ user: "ann" }, { producer_byte_rate: 100, consumer_byte_rate: 1000 }]);
    expect(quotas.record(ann, produced(1500), 0)).toBe(5000);
    expect(quotas.record(ann, fetched(1500), 0)).toBe(0);
    expect(quotas.record(ann, fetched(10_000), 0)).toBe(1500);
    expect(quotas.record(ann, moved(1e9), 0)).toBe(0);
  });

  test("requests by reckoned time, never for longer than a window", () => {
    const quotas = holding([{ user: "ann" }, { request_percentage: 1 }]);
    const throttles = Array.from({ length: 1200 }, () => quotas.record(ann, moved(0), 0));
    // A tenth of a millisecond each: a hundred a second, the ten seconds before counted.
    expect(throttles.findIndex((throttleMs) => throttleMs > 0)).toBe(1000);
    expect(quotas.record(ann, moved(64 * 1024 * 1024), 0)).toBe(1000);
  });

  test("partitions made and deleted: a debt is allowed once, then the newer versions are refused until it is paid", () => {
    const quotas = holding([{ user: "ann" }, { controller_mutation_rate: 2 }]);
    expect(quotas.mutate(ann, 20, true, 0)).toEqual({ isAccepted: true, throttleMs: 0 });
    expect(quotas.mutate(ann, 10, true, 0)).toEqual({ isAccepted: true, throttleMs: 0 });
    expect(quotas.mutate(ann, 1, true, 0)).toEqual({ isAccepted: false, throttleMs: 4000 });
    expect(quotas.mutate(ann, 1, true, 3999)).toEqual({ isAccepted: false, throttleMs: 1 });
    expect(quotas.mutate(ann, 1, true, 4000)).toEqual({ isAccepted: true, throttleMs: 0 });
  });

  test("older versions are let through, and wait longer each time; tokens come back only up to the burst", () => {
    const quotas = holding([{ user: "ann" }, { controller_mutation_rate: 2 }]);
    expect(quotas.mutate(ann, 30, false, 0)).toEqual({ isAccepted: true, throttleMs: 4000 });
    expect(quotas.mutate(ann, 2, false, 0)).toEqual({ isAccepted: true, throttleMs: 5000 });
    expect(quotas.mutate(ann, 24, false, 1_000_000)).toEqual({ isAccepted: true, throttleMs: 1000 });
    expect(quotas.mutate({ ...ann, user: "bob" }, 1000, true, 0)).toEqual({ isAccepted: true, throttleMs: 0 });
  });

  test("a silence is never longer than an answer can say", () => {
    const quotas = holding([{ user: "ann" }, { producer_byte_rate: 1 }]);
    expect(quotas.record(ann, produced(32 * 1024 * 1024), 0)).toBe(2 ** 31 - 1);
  });

  test("a changed quota holds from the next request on, with what was used before", () => {
    let list: readonly ClientQuota[] = [{ entity: { user: "ann" }, values: { producer_byte_rate: 1000 } }];
    const quotas = new ClientQuotas(() => list, settingDefaults);
    expect(quotas.record(ann, produced(5000), 0)).toBe(0);
    list = [{ entity: { user: "ann" }, values: { producer_byte_rate: 100 } }];
    expect(quotas.record(ann, produced(1), 0)).toBe(40_010);
    list = [];
    expect(quotas.record(ann, produced(5000), 0)).toBe(0);
  });

  test("[I8] client ids without end are forgotten, those that are over first", () => {
    const quotas = holding([{ "client-id": null }, { producer_byte_rate: 100 }]);
    const client = (index: number) => ({ user: "ann", clientId: `c${index}` });
    for (let index = 0; index < 6000; index++) quotas.record(client(index), produced(1100), 0);
    for (let index = 6000; index < 12_000; index++) quotas.record(client(index), produced(1100), 11_000);
    expect(quotas.record(client(11_999), produced(100), 11_000)).toBe(2000);
    expect(quotas.record(client(6000), produced(100), 11_000)).toBe(2000);
  });
});
