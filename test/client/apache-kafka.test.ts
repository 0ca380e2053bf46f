/**
 * The same contract against Apache Kafka itself: the library is a Kafka client, not only a Kante client. It takes a JVM half a minute,
 * so it runs when it is asked for: KANTE_APACHE_KAFKA=1.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe } from "vitest";
import { connect } from "../../client/client.ts";
import { type RunningKafka, missingJava, startApacheKafka } from "../clients/apache-kafka.ts";
import { freePorts } from "../clients/kante.ts";
import { clientContract } from "./contract.ts";
import { tcpTransport } from "../../client/tcp.ts";

describe.runIf(process.env["KANTE_APACHE_KAFKA"] === "1" && missingJava() === undefined)("Apache Kafka", () => {
  const folder = mkdtempSync(join(tmpdir(), "kante-client-"));
  let kafka: RunningKafka;

  beforeAll(async () => {
    kafka = await startApacheKafka(folder, await freePorts(2));
  }, 120_000);
  afterAll(async () => {
    await kafka.stop();
    rmSync(folder, { recursive: true, force: true });
  }, 30_000);

  clientContract((options) => connect("", { ...options, transport: tcpTransport(kafka.bootstrap) }));
});
