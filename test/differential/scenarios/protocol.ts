/** The connection itself: versions and keys that nobody serves, bytes that are no request, and what ApiVersions says. */
import { apiVersions } from "../../../protocol/messages/18-api-versions.ts";
import { saslHandshake } from "../../../protocol/messages/17-sasl-handshake.ts";
import { heartbeat } from "../../../protocol/messages/12-heartbeat.ts";
import { scenario, type Scenario, type Script } from "../script.ts";

/** Sends bytes after their length on a connection of their own; what is compared is the answer after its correlation id. */
async function raw(script: Script, label: string, bytes: readonly number[], size = bytes.length): Promise<void> {
  const frame = new Uint8Array(4 + bytes.length);
  new DataView(frame.buffer).setInt32(0, size);
  frame.set(bytes, 4);
  const answer = await script.wire(label).exchange(frame, 1500);
  script.record(label, typeof answer === "string" ? answer : answer.subarray(4));
}

function header(key: number, version: number, rest: readonly number[] = []): number[] {
  return [key >> 8, key & 255, version >> 8, version & 255, 0, 0, 0, 7, 255, 255, ...rest];
}

export const protocolScenarios: readonly Scenario[] = [
  scenario(apiVersions, "what is served", async (script, version) => {
    await script.call("a good name", apiVersions, { clientSoftwareName: "suite", clientSoftwareVersion: "1.0" });
    if (version < 3) return;
    for (const [label, clientSoftwareName, clientSoftwareVersion] of [
      ["a name with a space", "a suite", "1"],
      ["no name", "", "1"],
      ["no version", "suite", ""],
      ["a name that ends in a dash", "suite-", "1"],
      ["a version with a slash", "suite", "1/2"],
    ] as const) {
      await script.call(label, apiVersions, { clientSoftwareName, clientSoftwareVersion });
    }
  }),
  scenario(
    apiVersions,
    "what nobody serves",
    async (script) => {
      await raw(script, "ApiVersions 5", header(18, 5, [0]));
      await raw(script, "ApiVersions 99", header(18, 99, [0]));
      await raw(script, "ApiVersions -1", header(18, 0xffff, [0]));
      await raw(script, "a key that does not exist", header(999, 0));
      await raw(script, "key -1", header(0xffff, 0));
      await raw(script, "Produce 2", header(0, 2));
      await raw(script, "Fetch 3", header(1, 3));
      await raw(script, "ListOffsets 0", header(2, 0));
      await raw(script, "Metadata 99", header(3, 99));
      await raw(script, "LeaderAndIsr", header(4, 0));
      await raw(script, "CreateTopics 1", header(19, 1));
      await raw(script, "OffsetCommit 1", header(8, 1));
      await raw(script, "ConsumerGroupHeartbeat 2", header(68, 2, [0]));
    },
    [4, 4],
  ),
  scenario(
    apiVersions,
    "bytes that are no request",
    async (script) => {
      await raw(script, "an empty frame", []);
      await raw(script, "half a header", [0, 3, 0, 1]);
      await raw(script, "a negative length", [], -1);
      await raw(script, "an absurd length", [], 0x7fffffff);
      await raw(script, "a body that is missing", header(3, 1));
      await raw(script, "an array longer than the frame", header(3, 1, [0x7f, 0xff, 0xff, 0xff]));
      await raw(script, "an array of negative length", header(3, 0, [0xff, 0xff, 0xff, 0xfe]));
      await raw(script, "a null array that must not be", header(3, 0, [0xff, 0xff, 0xff, 0xff]));
      await raw(script, "bytes behind the body", header(12, 0, [0, 1, 65, 0, 0, 0, 1, 0, 1, 65, 1, 2, 3]));
      await raw(script, "a client id longer than the frame", [0, 3, 0, 1, 0, 0, 0, 7, 0x7f, 0xff]);
      await raw(script, "ApiVersions 3 with a broken body", header(18, 3, [0, 200]));
      await raw(script, "a null string that must not be", header(12, 0, [0xff, 0xff, 0, 0, 0, 1, 0, 1, 65]));
    },
    [4, 4],
  ),
  scenario(saslHandshake, "on a listener without SASL", async (script) => {
    await script.tryCall("a known mechanism", saslHandshake, { mechanism: "PLAIN" });
    await script.tryCall("an unknown mechanism", saslHandshake, { mechanism: "NONSENSE" });
  }),
  scenario(heartbeat, "requests that do not wait for their answers", async (script) => {
    const wire = script.wire();
    const body = { groupId: script.unique("g"), memberId: "nobody", generationId: 1 };
    const frames = [1, 2, 3].map(() => wire.encode(heartbeat, script.versionOf(heartbeat), body));
    const answers = await Promise.all(frames.map((frame) => wire.exchange(frame)));
    script.record("in their order", answers);
  }),
];
