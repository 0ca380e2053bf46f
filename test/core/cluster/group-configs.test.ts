/** Configs of groups at the controller: held to the deployment's limits, and seen by whoever asks for what is new. */
import { describe, expect, test } from "vitest";
import { configResources } from "../../../core/cluster/config-table.ts";
import { settingDefaults } from "../../../core/settings.ts";
import { Cluster } from "./cluster.ts";

const session = "consumer.session.timeout.ms";

function alter(cluster: Cluster, value: string | null, validateOnly = false) {
  const change = { name: session, operation: value === null ? 1 : 0, value };
  const alteration = { type: configResources.group, name: "g", replace: false, changes: [change] };
  return cluster.persist(cluster.machine.alterConfigs([alteration], validateOnly))[0]!;
}

describe("what is set on a group", () => {
  test("is news to those who know the version before it, and gone when it is removed", () => {
    const cluster = new Cluster(settingDefaults);
    const before = cluster.machine.snapshot(-1)!.version;
    expect(alter(cluster, "50000").errorCode).toBe(0);
    const { version, groupConfigs } = cluster.machine.snapshot(before)!;
    expect(groupConfigs).toEqual({ g: { [session]: "50000" } });
    expect(alter(cluster, null).errorCode).toBe(0);
    expect(cluster.machine.snapshot(version)!.groupConfigs).toEqual({});
  });

  test("changes nothing when it is only validated or refused", () => {
    const cluster = new Cluster(settingDefaults);
    const { version } = cluster.machine.snapshot(-1)!;
    expect(alter(cluster, "50000", true).errorCode).toBe(0);
    const errorMessage = `${session} must be less than or equal to group.consumer.max.session.timeout.ms`;
    expect(alter(cluster, "60001")).toEqual({ errorCode: 40, errorMessage });
    expect(alter(cluster, "soon").errorCode).toBe(40);
    expect(cluster.machine.snapshot(version)).toBeUndefined();
  });
});
