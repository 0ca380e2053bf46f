/** The storage of a cell's leader is deleted beneath a server: what it does then, and `kante recover`, before stock clients. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { KafkaJs } from "./kafkajs-client.ts";
import { eventually, fast, kante, server, temporaryFolder } from "./kante-process.ts";

/** Every leader's: the folder of a Durable Object's class ends in the class's name. */
function loseLeaders(data: string): number {
  const files = readdirSync(join(data, "state"), { recursive: true, encoding: "utf8" }).filter((path) =>
    /Leader\/.*\.sqlite/.test(path),
  );
  for (const path of files) rmSync(join(data, "state", path));
  return files.length;
}

const large = (name: string) => ({ key: name, value: `${name} `.padEnd(100_000, "x") });
const small = (name: string) => ({ key: name, value: name });

test("[D9] [I7] a server whose cell has lost its database serves again after kante recover --write: nothing that rested is gone", async ({
  onTestFinished,
}) => {
  const data = temporaryFolder();
  const options = { data, args: [...fast, "--set", "merge.interval.ms=200", "--set", "log.level=warn"] };
  const first = await server(options);
  const topic = "kept";
  let kafka = new KafkaJs(first.bootstrap, onTestFinished);
  const admin = await kafka.admin();
  await admin.createTopics({ topics: [{ topic, numPartitions: 2 }] });
  const producer = await kafka.producer();
  const send = (partition: number, ...messages: { readonly key: string; readonly value: string }[]) =>
    producer.send({ topic, messages: messages.map((message) => ({ ...message, partition })) });
  for (const name of ["a", "b"]) await send(0, large(name));
  await send(0, small("c"));
  await send(0, large("d"));
  await eventually(async () =>
    (await (await globalThis.fetch(`${first.httpUrl}/metrics`)).text()).includes("kante_merges_total 1"),
  );
  await send(0, small("lost"));
  await producer.disconnect();
  await admin.disconnect();
  await first.stop("SIGKILL");
  expect(loseLeaders(data)).toBeGreaterThan(0);

  const again = await server(options);
  const url = ["--url", again.httpUrl, "--offset-gap", "100"];
  const plan = await kante("recover", ...url);
  expect(plan).toMatchObject({ code: 0, stderr: "" });
  expect(plan.stdout).toContain("cell 0: can be rebuilt as cell 1 (--write)");
  expect(plan.stdout).toContain("kept-0: 0 to 4 as before; goes on at 104");
  expect((await kante("recover", ...url, "--write")).stdout).toContain("cell 0: rebuilt as cell 1");
  expect((await kante("recover", ...url)).stdout).toBe("0 lost cells, 1 healthy\n");

  kafka = new KafkaJs(again.bootstrap, onTestFinished);
  const member = await kafka.member("readers", topic);
  await eventually(() => member.values.length >= 4);
  const next = await kafka.producer();
  await next.send({ topic, messages: [{ ...small("e"), partition: 0 }] });
  await eventually(() => member.values.length >= 5);
  expect(member.values.map((value) => String(value).slice(0, 2).trim())).toEqual(["a", "b", "c", "d", "e"]);
});

test("kante recover finds nothing to do where nothing is lost, and says what is wrong with its arguments", async () => {
  const { httpUrl } = await server({ data: temporaryFolder() });
  expect(await kante("recover", "--url", httpUrl)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("no such cluster") as string,
  });
  const wrong = await kante("recover", "--url", httpUrl, "--offset-gap", "many");
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("offset-gap must be a whole number") as string });
  const nobody = await kante("recover", "--url", "http://127.0.0.1:1");
  expect(nobody).toMatchObject({ code: 1, stderr: expect.stringContaining("cannot be reached") as string });
});
