/** What is set on one group: it holds from the next heartbeat on, within what the deployment allows. */
import { describe, expect, test } from "vitest";
import { chosenGroupDefaults, invalidGroupConfigs } from "../../../core/cluster/group-configs.ts";
import { settingDefaults, settingsFrom } from "../../../core/settings.ts";
import { Consumers } from "./consumers.ts";

const session = "consumer.session.timeout.ms";
const interval = "consumer.heartbeat.interval.ms";

describe("the configs of a group", () => {
  test("change how often its members are to beat, and how long they may be silent", () => {
    const group = new Consumers();
    expect(group.come("m").heartbeatIntervalMs).toBe(5000);
    group.configs = { [session]: "60000", [interval]: "9000" };
    expect(group.beat("m", 1).heartbeatIntervalMs).toBe(9000);
    group.advance(59_999);
    expect(group.groups().members).toHaveLength(1);
    group.advance(1);
    expect(group.groups().members).toHaveLength(0);
  });

  test("hold no longer once they are removed", () => {
    const group = new Consumers();
    group.configs = { [session]: "60000" };
    group.come("m");
    group.configs = {};
    group.beat("m", 1);
    group.advance(45_000);
    expect(group.groups().members).toHaveLength(0);
  });

  test("leave classic members the session they asked for", () => {
    const group = new Consumers();
    group.configs = { [session]: "60000" };
    group.come("k");
    group.rejoin("c", [], { session: 10_000 });
    group.advance(10_000);
    expect(group.groups().members.map(({ memberId }) => memberId)).toEqual(["k"]);
  });

  test.each([
    ["1000", 45_000],
    ["99999", 60_000],
  ])("of %s, which the deployment no longer allows, count as the nearest that it does", (value, ms) => {
    const group = new Consumers();
    group.configs = { [session]: value };
    group.come("m");
    group.advance(ms - 1);
    expect(group.groups().members).toHaveLength(1);
    group.advance(1);
    expect(group.groups().members).toHaveLength(0);
  });
});

describe("an alteration is held to the deployment's limits", () => {
  const wide = { "group.consumer.min.session.timeout.ms": 1000, "group.consumer.max.heartbeat.interval.ms": 60_000 };
  test.each([
    [{ [session]: "45000" }, {}, undefined],
    [{ [session]: "44999" }, {}, `${session} must be greater than or equal to group.consumer.min.session.timeout.ms`],
    [{ [session]: "60001" }, {}, `${session} must be less than or equal to group.consumer.max.session.timeout.ms`],
    [{ [interval]: "4999" }, {}, `${interval} must be greater than or equal to group.consumer.min.heartbeat.interval.ms`],
    [{ [interval]: "15001" }, {}, `${interval} must be less than or equal to group.consumer.max.heartbeat.interval.ms`],
    [{ [session]: "1000", [interval]: "5000" }, wide, `${session} must be greater than ${interval}`],
    [{ [interval]: "45000" }, wide, `${session} must be greater than ${interval}`],
    [{ [session]: "1000", [interval]: "999" }, { ...wide, "group.consumer.min.heartbeat.interval.ms": 1 }, undefined],
  ])("%o with %o", (configs, settings, expected) => {
    expect(invalidGroupConfigs(configs, { ...settingDefaults, ...settings })).toBe(expected);
  });

  test("a deployment's own default is shown as such", () => {
    expect(chosenGroupDefaults(settingDefaults)).toEqual({});
    const chosen = { ...settingDefaults, "group.consumer.session.timeout.ms": 50_000 };
    expect(chosenGroupDefaults(chosen)).toEqual({ [session]: "50000" });
  });

  test.each(["bidirectional", "UPGRADE", "downgrade", "disabled"])("%s is a migration policy", (policy) => {
    expect(settingsFrom({ "group.consumer.migration.policy": policy }).problems).toEqual([]);
  });

  test("anything else is none", () => {
    expect(settingsFrom({ "group.consumer.migration.policy": "sideways" }).problems).toHaveLength(1);
  });
});
