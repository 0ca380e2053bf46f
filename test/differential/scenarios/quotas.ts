/** Client quotas: how they are set, found, taken back and refused. Names are of this scenario alone, since quotas hold for all. */
import { describeClientQuotas } from "../../../protocol/messages/48-describe-client-quotas.ts";
import { alterClientQuotas } from "../../../protocol/messages/49-alter-client-quotas.ts";
import { scenario, type Scenario, type Script } from "../script.ts";

type Entity = Readonly<Record<string, string | null>>;
type Op = readonly [key: string, value: number | undefined];
type Component = readonly [entityType: string, matchType: number, match: string | null];

const [exact, byDefault, any] = [0, 1, 2];

async function alter(script: Script, label: string, entity: Entity, ops: readonly Op[], validateOnly = false): Promise<void> {
  await script.tryCall(label, alterClientQuotas, {
    entries: [
      {
        entity: Object.entries(entity).map(([entityType, entityName]) => ({ entityType, entityName })),
        ops: ops.map(([key, value]) => ({ key, value: value ?? 0, remove: value === undefined })),
      },
    ],
    validateOnly,
  });
}

/** Kafka's brokers hear of a change a moment later: asks until so many entries are found. */
async function described(script: Script, label: string, components: readonly Component[], count: number, strict = false) {
  await script.until(
    label,
    describeClientQuotas,
    { components: components.map(([entityType, matchType, match]) => ({ entityType, matchType, match })), strict },
    ({ entries }) => (entries?.length ?? 0) === count,
  );
}

export const quotaScenarios: readonly Scenario[] = [
  scenario(alterClientQuotas, "set and taken back", async (script) => {
    const [client, user] = [script.unique("client"), script.unique("user")];
    await alter(script, "a client's", { "client-id": client }, [
      ["producer_byte_rate", 1000],
      ["consumer_byte_rate", 2000],
    ]);
    await script.until(
      "a client's, described",
      describeClientQuotas,
      { components: [{ entityType: "client-id", matchType: exact, match: client }], strict: true },
      ({ entries }) => entries?.[0]?.values.length === 2,
    );
    await alter(script, "a user's client's", { user, "client-id": client }, [["request_percentage", 50.5]]);
    await described(script, "both", [["client-id", exact, client]], 2);
    await described(script, "strictly the client's", [["client-id", exact, client]], 1, true);
    await described(script, "the user's", [["user", exact, user]], 1);
    await described(
      script,
      "the user's with any client",
      [
        ["user", exact, user],
        ["client-id", any, null],
      ],
      1,
      true,
    );
    await described(
      script,
      "the user's with the default client",
      [
        ["user", exact, user],
        ["client-id", byDefault, null],
      ],
      0,
      true,
    );
    await alter(script, "validated only", { "client-id": client }, [["producer_byte_rate", 5]], true);
    await alter(script, "one taken back", { "client-id": client }, [["producer_byte_rate", undefined]]);
    await alter(script, "one taken back that is not set", { "client-id": client }, [["request_percentage", undefined]]);
    await alter(script, "all taken back", { "client-id": client }, [["consumer_byte_rate", undefined]]);
    await alter(script, "the user's taken back", { user, "client-id": client }, [["request_percentage", undefined]]);
    await described(script, "nothing left", [["client-id", exact, client]], 0);
  }),
  scenario(alterClientQuotas, "refused", async (script) => {
    const client = script.unique("client");
    const id = { "client-id": client };
    await alter(script, "an unknown quota", id, [["no_such_rate", 1]]);
    await alter(script, "a negative rate", id, [["producer_byte_rate", -1]]);
    await alter(script, "a rate of nothing", id, [["producer_byte_rate", 0]]);
    await alter(script, "a fraction of a byte", id, [["producer_byte_rate", 0.5]], true);
    await alter(script, "an unknown kind of entity", { nobody: client }, [["producer_byte_rate", 1]]);
    await alter(script, "no entity", {}, [["producer_byte_rate", 1]]);
    await alter(script, "an empty name", { "client-id": "" }, [["producer_byte_rate", 1]], true);
    await alter(script, "an address with a client", { ip: "1.2.3.4", "client-id": client }, [["connection_creation_rate", 1]]);
    await alter(script, "an address that is none", { ip: "no address at all" }, [["connection_creation_rate", 1]]);
    await alter(script, "a client's connections", id, [["connection_creation_rate", 1]]);
    await alter(script, "nothing", id, []);
    await script.tryCall("no entries", alterClientQuotas, { entries: [] });
  }),
  scenario(describeClientQuotas, "questions that are none", async (script) => {
    const ask = (label: string, ...components: readonly Component[]) =>
      script.tryCall(label, describeClientQuotas, {
        components: components.map(([entityType, matchType, match]) => ({ entityType, matchType, match })),
        strict: true,
      });
    await ask("nobody's", ["client-id", exact, script.unique("nobody")]);
    await ask("an unknown kind of entity", ["nobody", exact, "x"]);
    await ask("an empty kind of entity", ["", exact, "x"]);
    await ask("an unknown way to match", ["client-id", 7, null]);
    await ask("exactly nothing", ["client-id", exact, null]);
    await ask("the default by name", ["client-id", byDefault, "x"]);
    await ask("any by name", ["client-id", any, "x"]);
    await ask("a kind twice", ["client-id", exact, "x"], ["client-id", exact, "y"]);
    await ask("an address with a user", ["ip", exact, "1.2.3.4"], ["user", exact, "u"]);
  }),
];
