/** Where the console is and which view it shows, out of its address and back into one. */
import { describe, expect, test } from "vitest";
import { isClusterName as serverTells } from "../../durable-objects/names.ts";
import { isClusterName, placeOf } from "../../console/lib/place.ts";
import { type Route, hrefOf, routeOf } from "../../console/lib/route.ts";

describe("the cluster is", () => {
  test.each([
    ["https://host/", "default"],
    ["https://host/?cluster=shop", "shop"],
    ["https://host/?cluster=", "default"],
    ["https://host/c/shop/", "shop"],
    ["https://host/c/shop", "shop"],
    ["https://host/c/shop/?cluster=other", "shop"],
  ])("%s: %s", (address, cluster) => {
    const place = placeOf(new URL(address));
    expect(place.cluster).toBe(cluster);
    expect(place.kafkaUrl).toBe(`https://host/c/${cluster}/kafka`);
    expect(place.clusterUrl("metrics")).toBe(`https://host/c/${cluster}/metrics`);
  });

  test("never more of an address than a name", () => {
    expect(placeOf(new URL("https://host/?cluster=../../x%3Fy")).kafkaUrl).toBe("https://host/c/..%2F..%2Fx%3Fy/kafka");
  });

  test.each(["a", "A.b-c_9", "", "-a", "a/b", "ü", "x".repeat(63), "x".repeat(64)])("named as the server has it: %j", (name) => {
    expect(isClusterName(name)).toBe(serverTells(name));
  });
});

describe("a view", () => {
  test.each<Exclude<Route, { view: "unknown" }>>([
    { view: "overview" },
    { view: "topics" },
    { view: "groups" },
    { view: "transactions" },
    { view: "topic", topic: "orders", tab: "records" },
    { view: "topic", topic: "a/b c%", tab: "configs" },
    { view: "group", group: "ü/#" },
  ])("%j comes back from its address", (route) => {
    expect(routeOf(hrefOf(route))).toEqual(route);
  });

  test.each(["#/nowhere", "#/topics/a/b/c", "#/topics/a/unknown", "#/groups/a/members", "#/%"])("%s is none", (fragment) => {
    expect(routeOf(fragment).view).toBe("unknown");
  });
});
