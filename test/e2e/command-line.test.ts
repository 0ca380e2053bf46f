/** What the command line says and does: help, refusals in one line with an exit code, and that nothing outlives its end. */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { freePort } from "../clients/kante.ts";
import {
  eventually,
  httpPortOf,
  isListening,
  kante,
  launcher,
  portOf,
  runtimePid,
  server,
  temporaryFolder,
} from "./kante-process.ts";

describe("help", () => {
  test.each([
    [["--help"], ["start", "bridge", "inspect"]],
    [
      ["start", "--help"],
      ["--kafka-port", "--http-port", "--data", "--store", "wal.buffer.bytes"],
    ],
    [
      ["bridge", "--help"],
      ["--url", "--listen"],
    ],
    [["inspect", "--help"], ["file"]],
  ])("kante %j names %j and ends with 0", async (args, words) => {
    const { code, stdout } = await kante(...args);
    expect(code).toBe(0);
    for (const word of words) expect(stdout).toContain(word);
  });
});

test.each(["--version", "-v"])("kante %s names the version of the package", async (flag) => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")) as { version: string };
  expect(await kante(flag)).toMatchObject({ code: 0, stdout: `kante ${version}\n` });
});

describe("a wrong call gets one line and exit code 2", () => {
  test.each([
    [["nonsense"], /unknown command nonsense/],
    [["constructor"], /unknown command constructor/],
    [["start", "--nonsense"], /--nonsense/],
    [["start", "--advertised-host", "broker.test:9092"], /--advertised-host must be a name or an address/],
    [["bridge", "--url", "ws://kafka.test", "--advertised-host", "a b"], /--advertised-host must be a name or an address/],
    [["start", "extra"], /extra/],
    [["start", "--brokers", "0"], /--brokers/],
    [["start", "--kafka-port", "99999"], /--kafka-port/],
    [["start", "--kafka-port"], /kafka-port/],
    [["start", "--kafka-port", "8787"], /8787/],
    [["start", "--store", "tape"], /--store must be one of disk, r2/],
    [["start", "--log-level", "loud"], /--log-level/],
    [["start", "--put-delay-ms", "-5"], /--put-delay-ms' argument is ambiguous/],
    [["start", "--data", ""], /--data is empty/],
    [["start", "--host", ""], /--host is empty/],
    [["start", "--set", "log.level=loud"], /setting log\.level cannot be "loud"/],
    [["start", "--set", "nonsense=1"], /unknown setting nonsense/],
    [["start", "--set", "wal.buffer.bytes=many"], /wal\.buffer\.bytes/],
    [["start", "--set", "wal.buffer.bytes"], /name=value/],
    [["start", "--set", "cell.partitions.max=0"], /setting cell\.partitions\.max cannot be "0"/],
    [["bridge"], /--url/],
    [["bridge", "--url", "nonsense"], /--url/],
    [["bridge", "--url", "ws://127.0.0.1/", "--listen", "nowhere"], /--listen/],
    [["bridge", "--url", "ws://127.0.0.1/", "--listen", "1e3"], /--listen must look like/],
    [["bridge", "--url", "ws://127.0.0.1/", "--listen", "0x2384"], /--listen must look like/],
    [["bridge", "--url", "ws://127.0.0.1/", "--listen", " 9092"], /--listen must look like/],
    [["bridge", "--url", "ws://127.0.0.1/", "--listen", ""], /--listen must look like/],
    [["bridge", "--url", "ws://127.0.0.1/", "--listen", "127.0.0.1:99999"], /--listen must look like/],
  ])("kante %j", async (args, line) => {
    const { code, stdout, stderr } = await kante(...args);
    expect(stderr).toMatch(line);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });
});

describe("what stands in the way gets one line and exit code 1", () => {
  async function expectRefusal(args: string[], line: RegExp): Promise<void> {
    const { code, stderr } = await kante(...args);
    expect(stderr).toMatch(line);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(code).toBe(1);
  }

  async function busyPort(): Promise<number> {
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void holder.close());
    return (holder.address() as AddressInfo).port;
  }

  test("a busy Kafka port", async () => {
    const port = await busyPort();
    await expectRefusal(
      ["start", "--data", temporaryFolder(), "--kafka-port", String(port), "--http-port", String(await freePort())],
      new RegExp(`port ${port} .*--kafka-port`),
    );
  });

  test("a busy HTTP port", async () => {
    const port = await busyPort();
    await expectRefusal(
      ["start", "--data", temporaryFolder(), "--kafka-port", String(await freePort()), "--http-port", String(port)],
      new RegExp(`port ${port} .*--http-port`),
    );
  });

  test.each([
    ["192.0.2.1", /cannot listen on --host "192\.0\.2\.1": it is no address of this machine/],
    ["a b", /cannot listen on --host "a b": there is no such name/],
  ])("a host %j that nobody can listen on", async (host, line) => {
    const ports = ["--kafka-port", String(await freePort()), "--http-port", String(await freePort())];
    await expectRefusal(["start", "--data", temporaryFolder(), "--host", host, ...ports], line);
  });

  test("a current folder that is gone", async () => {
    const { code, stderr } = await new Promise<{ code: number | null; stderr: string }>((resolve) => {
      const args = [process.execPath, launcher, "start", "--data", temporaryFolder()];
      const script = 'cd "$(mktemp -d)" && rmdir "$PWD" && exec "$@"';
      execFile("/bin/sh", ["-c", script, "sh", ...args], (error, _stdout, text) => {
        resolve({ code: Number(error?.code ?? 0), stderr: text });
      });
    });
    expect({ code, stderr }).toEqual({ code: 1, stderr: "kante: the current folder is gone; start in another one\n" });
  });

  test("a data folder that cannot be made", async () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    await expectRefusal(["start", "--data", join(file, "data")], /cannot write to the data folder/);
  });

  test("a data folder that another server has", async () => {
    const data = temporaryFolder();
    await server({ data });
    await expectRefusal(["start", "--data", data, "--kafka-port", "29092", "--http-port", "28787"], /in use by another server/);
  });

  test("a bridge to nobody", async () => {
    await expectRefusal(["bridge", "--url", "ws://127.0.0.1:9/c/default/kafka", "--listen", "127.0.0.1:29092"], /ECONNREFUSED/);
  });

  test("a bridge to an address that is no cluster", async () => {
    const running = await server({ data: temporaryFolder() });
    await expectRefusal(["bridge", "--url", `${running.httpUrl}/nothing`, "--listen", "127.0.0.1:29092"], /answered 404/);
    await expectRefusal(["bridge", "--url", `${running.httpUrl}/c/a%20b/kafka`, "--listen", "127.0.0.1:29092"], /answered 400/);
  });
});

describe("nothing outlives its end", () => {
  test.each(["SIGTERM", "SIGINT", "SIGKILL"] as const)(
    "after %s the ports are free, and the next start on the same folder works",
    async (signal) => {
      const data = temporaryFolder();
      const first = await server({ data });
      const pid = runtimePid(data);
      await first.stop(signal);
      if (signal !== "SIGKILL") expect(first.child.exitCode).toBe(0);
      await eventually(async () => !(await isListening(portOf(first))) && !(await isListening(httpPortOf(first))));
      await server({ data, kafkaPort: portOf(first), httpPort: httpPortOf(first) });
      expect(runtimePid(data)).not.toBe(pid);
    },
  );
});
