/** The classic group protocol, step by step: joins, syncs, heartbeats and leaves, in order and out of it. */
import { joinGroup } from "../../../protocol/messages/11-join-group.ts";
import { heartbeat } from "../../../protocol/messages/12-heartbeat.ts";
import { leaveGroup } from "../../../protocol/messages/13-leave-group.ts";
import { syncGroup } from "../../../protocol/messages/14-sync-group.ts";
import { describeGroups } from "../../../protocol/messages/15-describe-groups.ts";
import { scenario, type Scenario, type Script } from "../script.ts";
import { join, joinRequest, lonely, rangeOfNothing, subscribedTo, syncRequest, untilRebalance } from "./group-steps.ts";

function heartbeatRequest(script: Script, groupId: string, generationId: number, memberId: string, groupInstanceId?: string) {
  return {
    groupId,
    generationId,
    memberId,
    ...(script.versionOf(heartbeat) >= 3 ? { groupInstanceId: groupInstanceId ?? null } : {}),
  };
}

function leaveRequest(script: Script, groupId: string, members: readonly { memberId: string; groupInstanceId?: string | null }[]) {
  return script.versionOf(leaveGroup) >= 3 ? { groupId, members } : { groupId, memberId: members[0]!.memberId };
}

export const classicGroupScenarios: readonly Scenario[] = [
  scenario(joinGroup, "two members", async (script) => {
    const group = script.unique("g");
    const first = await join(script, "A", group, "A");
    await script.call("A syncs", syncGroup, syncRequest(script, group, first, { [first.memberId]: "all" }), { wire: "A" });
    const second = join(script, "B", group, "B");
    await untilRebalance(script, group, first, "A heart");
    const again = await script.ask(joinGroup, joinRequest(script, group, { memberId: first.memberId }), { wire: "A" });
    const joined = await second;
    script.record("A again", again);
    const follows = script.ask(syncGroup, syncRequest(script, group, joined), { wire: "B" });
    await script.call(
      "A syncs again",
      syncGroup,
      syncRequest(script, group, again, { [first.memberId]: "half", [joined.memberId]: "other half" }),
      { wire: "A" },
    );
    script.record("B syncs", await follows);
    await script.call("the group", describeGroups, { groups: [group], includeAuthorizedOperations: true });
    await script.call("A syncs once more", syncGroup, syncRequest(script, group, again), { wire: "A" });
    await script.call("B joins once more, unchanged", joinGroup, joinRequest(script, group, { memberId: joined.memberId }), {
      wire: "B",
    });
  }),
  scenario(joinGroup, "refused", async (script, version) => {
    const group = script.unique("g");
    const ask = (label: string, of: string, given: Parameters<typeof joinRequest>[2] = {}) =>
      script.tryCall(label, joinGroup, joinRequest(script, of, given));
    await ask("no group id", "");
    await ask("an unknown member", group, { memberId: "nobody" });
    await ask("a session too short", group, { sessionTimeoutMs: 1 });
    await ask("a session too long", group, { sessionTimeoutMs: 99_999_999 });
    await ask("no protocols", group, { protocols: [] });
    await ask("no protocol type", group, { protocolType: "" });
    await ask("an unknown member, no protocols", group, { protocols: [], memberId: "nobody" });
    const member = await lonely(script, group);
    await ask("an unknown member of a group", group, { memberId: "nobody" });
    await ask("another protocol type", group, { protocolType: "connect" });
    await ask("no protocol in common", group, { protocols: [{ name: "other", metadata: Buffer.from("x") }] });
    await ask("a member changing its type", group, { memberId: member.memberId, protocolType: "connect" });
    if (version < 5) return;
    for (const [label, instance] of [
      ["that is empty", ""],
      ["with a space", "a b"],
      ["too long", "i".repeat(250)],
    ] as const) {
      await ask(`an instance id ${label}`, script.unique(label.replaceAll(" ", "-")), { instance });
    }
    await ask("an unknown instance with a member id", group, { instance: "one", memberId: "nobody" });
  }),
  scenario(joinGroup, "a lonely member", async (script) => {
    const group = script.unique("g");
    const member = await join(script, "joins", group, "A", {
      protocols: [
        { name: "roundrobin", metadata: subscribedTo("x") },
        { name: "range", metadata: subscribedTo("x", "y") },
      ],
    });
    await script.call(
      "joins again before it syncs",
      joinGroup,
      joinRequest(script, group, { memberId: member.memberId, protocols: rangeOfNothing }),
      {
        wire: "A",
      },
    );
    await script.call("the group", describeGroups, { groups: [group] });
  }),
  scenario(
    joinGroup,
    "static members",
    async (script) => {
      const group = script.unique("g");
      const first = await join(script, "A", group, "A", { instance: "one" });
      await script.call("A syncs", syncGroup, syncRequest(script, group, first, { [first.memberId]: "all" }, { instance: "one" }), {
        wire: "A",
      });
      const returned = await join(script, "A comes back", group, "A2", { instance: "one" });
      await script.call("the old id beats", heartbeat, {
        groupId: group,
        generationId: first.generationId,
        memberId: first.memberId,
        groupInstanceId: "one",
      });
      await script.call("the old id beats, without its instance", heartbeat, {
        groupId: group,
        generationId: first.generationId,
        memberId: first.memberId,
      });
      await script.call("the old id syncs", syncGroup, syncRequest(script, group, first, {}, { instance: "one" }));
      await script.call("the old id joins", joinGroup, joinRequest(script, group, { memberId: first.memberId, instance: "one" }));
      await script.call("the new id syncs", syncGroup, syncRequest(script, group, returned, {}, { instance: "one" }));
      await script.call("the new id beats", heartbeat, {
        groupId: group,
        generationId: returned.generationId,
        memberId: returned.memberId,
        groupInstanceId: "one",
      });
      await script.call("an unknown instance beats", heartbeat, {
        groupId: group,
        generationId: returned.generationId,
        memberId: returned.memberId,
        groupInstanceId: "two",
      });
      await script.call("the group", describeGroups, { groups: [group] });
      await join(script, "A comes back with another subscription", group, "A3", {
        instance: "one",
        protocols: [{ name: "range", metadata: subscribedTo("something") }],
      });
      await script.call("the old id leaves", leaveGroup, {
        groupId: group,
        members: [{ memberId: first.memberId, groupInstanceId: "one" }],
      });
      await script.call("the instance leaves", leaveGroup, {
        groupId: group,
        members: [
          { memberId: "", groupInstanceId: "one" },
          { memberId: "", groupInstanceId: "two" },
        ],
      });
      await script.call("the empty group", describeGroups, { groups: [group] });
    },
    [5, Infinity],
  ),
  scenario(syncGroup, "good and bad", async (script, version) => {
    const group = script.unique("g");
    const member = await lonely(script, group);
    const ask = (label: string, of: string, given: Parameters<typeof syncRequest>[4] = {}) =>
      script.tryCall(label, syncGroup, syncRequest(script, of, member, {}, given));
    await ask("again", group);
    await ask("a wrong generation", group, { generationId: 9 });
    await ask("an unknown member", group, { memberId: "nobody" });
    await ask("no member", group, { memberId: "" });
    await ask("an unknown group", script.unique("none"));
    await ask("no group id", "");
    if (version >= 3) await ask("an unknown instance", group, { instance: "one" });
    if (version < 5) return;
    await ask("another protocol type", group, { protocolType: "connect" });
    await ask("another protocol", group, { protocolName: "roundrobin" });
    const nameless = { ...syncRequest(script, group, member), protocolType: null, protocolName: null };
    await script.tryCall("no protocol named", syncGroup, nameless);
  }),
  scenario(heartbeat, "good and bad", async (script, version) => {
    const group = script.unique("g");
    const member = await lonely(script, group);
    const ask = (label: string, of: string, generationId = member.generationId, memberId = member.memberId, instance?: string) =>
      script.tryCall(label, heartbeat, heartbeatRequest(script, of, generationId, memberId, instance));
    await ask("good", group);
    await ask("a wrong generation", group, 9);
    await ask("generation -1", group, -1);
    await ask("an unknown member", group, 1, "nobody");
    await ask("no member", group, 1, "");
    await ask("an unknown group", script.unique("none"));
    await ask("no group id", "");
    if (version >= 3) await ask("an unknown instance", group, 1, member.memberId, "one");
    await script.ask(leaveGroup, { groupId: group, members: [{ memberId: member.memberId }] }, { version: 4 });
    await ask("after it has left", group);
    const pending = await script.ask(joinGroup, joinRequest(script, group), { version: 9 });
    script.symbols.name(pending.memberId, "pending");
    await ask("a member that has not joined yet", group, 1, pending.memberId);
    await ask("a member that has not joined yet, no generation", group, -1, pending.memberId);
  }),
  scenario(heartbeat, "before the leader has synced", async (script) => {
    const group = script.unique("g");
    const member = await join(script, "joins", group, "A");
    await script.call("beats", heartbeat, heartbeatRequest(script, group, member.generationId, member.memberId));
    await script.call("beats for another generation", heartbeat, heartbeatRequest(script, group, 7, member.memberId));
  }),
  scenario(leaveGroup, "good and bad", async (script, version) => {
    const group = script.unique("g");
    const member = await lonely(script, group);
    const ask = (label: string, of: string, ...members: { memberId: string; groupInstanceId?: string | null }[]) =>
      script.tryCall(label, leaveGroup, leaveRequest(script, of, members));
    await ask("an unknown member", group, { memberId: "nobody" });
    await ask("no member id", group, { memberId: "" });
    await ask("an unknown group", script.unique("none"), { memberId: "nobody" });
    await ask("no group id", "", { memberId: "nobody" });
    if (version >= 3) {
      await ask("an unknown instance", group, { memberId: "", groupInstanceId: "one" });
      await ask("a known member with an unknown instance", group, { memberId: member.memberId, groupInstanceId: "one" });
      await ask("one known, one not", group, { memberId: "nobody" }, { memberId: member.memberId });
      await script.tryCall("nobody", leaveGroup, { groupId: group, members: [] });
    } else {
      await ask("the member", group, { memberId: member.memberId });
    }
    await ask("again", group, { memberId: member.memberId });
    await script.call("the empty group", describeGroups, { groups: [group] });
  }),
  scenario(describeGroups, "in all states", async (script) => {
    const group = script.unique("g");
    await script.call("an unknown group", describeGroups, { groups: [group] });
    await script.call("no group id", describeGroups, { groups: [""] });
    await script.call("nothing", describeGroups, { groups: [] });
    const member = await join(script, "joins", group, "A");
    await script.call("completing", describeGroups, { groups: [group] });
    await script.ask(syncGroup, syncRequest(script, group, member, { [member.memberId]: "all" }), { wire: "A" });
    await script.call("stable", describeGroups, { groups: [group] });
    const other = script.unique("other");
    await lonely(script, other, "B", { protocolType: "connect", protocols: [{ name: "default", metadata: Buffer.from("x") }] });
    await script.call("two, one of them of another type", describeGroups, { groups: [group, other, group] });
    await script.ask(leaveGroup, { groupId: group, members: [{ memberId: member.memberId }] }, { version: 4 });
    await script.call("empty", describeGroups, { groups: [group] });
  }),
];
