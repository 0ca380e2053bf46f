/** What must be known and done before anything is compared: which versions both brokers serve, and Kafka's coordinator awake. */
import { findCoordinator } from "../../protocol/messages/10-find-coordinator.ts";
import { listGroups } from "../../protocol/messages/16-list-groups.ts";
import { apiVersions } from "../../protocol/messages/18-api-versions.ts";
import { initProducerId } from "../../protocol/messages/22-init-producer-id.ts";
import { Wire } from "./wire.ts";
import { Script, type VersionTable } from "./script.ts";

async function servedVersions(port: number): Promise<VersionTable> {
  const wire = new Wire(port, "versions");
  const answer = await wire.call(apiVersions, 3, { clientSoftwareName: "differential", clientSoftwareVersion: "1" });
  wire.close();
  if (typeof answer === "string") throw new Error(`no answer to ApiVersions: ${answer}`);
  return new Map(answer.apiKeys.map(({ apiKey, minVersion, maxVersion }) => [apiKey, [minVersion, maxVersion]]));
}

export async function commonVersions(kafka: number, kante: number): Promise<VersionTable> {
  const [theirs, ours] = await Promise.all([servedVersions(kafka), servedVersions(kante)]);
  return new Map(
    [...theirs].flatMap(([key, [min, max]]) => {
      const own = ours.get(key);
      if (own === undefined) return [];
      return [[key, [Math.max(min, own[0]), Math.min(max, own[1])] as const] as const];
    }),
  );
}

/** Kafka creates its internal topics at the first question for a coordinator. */
export async function settled(port: number): Promise<void> {
  const script = new Script(port, "settled", new Map(), apiVersions, 3);
  const isReady = ({ coordinators }: { readonly coordinators: readonly { readonly errorCode: number }[] }): boolean =>
    coordinators.every(({ errorCode }) => errorCode === 0);
  for (const keyType of [0, 1]) {
    await script.until(undefined, findCoordinator, { keyType, coordinatorKeys: ["k"] }, isReady, { version: 5 });
  }
  await script.until(undefined, listGroups, {}, ({ errorCode }) => errorCode === 0, { version: 4 });
  await script.until(undefined, initProducerId, { transactionalId: null }, ({ errorCode }) => errorCode === 0, { version: 4 });
  script.close();
}
