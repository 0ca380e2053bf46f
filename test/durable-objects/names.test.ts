/** Whoever asks for a broker by its node id must reach the one that has it: another of that name would be made by the asking. */
import { expect, test } from "vitest";
import { zoneNames, zoneNodes } from "../../core/cluster/placement.ts";
import { brokerName, brokerNameOf, nodeIdOf } from "../../durable-objects/names.ts";

test.each(["local", "weur,enam", "weur, enam,,fra ", " weur"])(
  "[D12] a broker's node id leads back to its name, however zones are written: %j",
  (zones) => {
    const settings = { zones, "brokers.per.zone": 3 };
    for (const zone of zoneNames(settings)) {
      for (const { nodeId, index } of zoneNodes(settings, zone)) {
        expect(nodeId).toBe(nodeIdOf(zoneNames(settings), zone, index));
        expect(brokerNameOf("shop", settings, nodeId)).toBe(brokerName({ cluster: "shop", zone, index }));
      }
    }
  },
);
