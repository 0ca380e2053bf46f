/** kcat (librdkafka) from the command line: the first thing a newcomer types. One line a case, as the other suites print. */
import { spawnSync } from "node:child_process";

export function kcatMissing(): string | undefined {
  return spawnSync("kcat", ["-V"]).status === 0 ? undefined : "no kcat on this machine";
}

function kcat(bootstrap: string, args: readonly string[], input = ""): string {
  const result = spawnSync("kcat", ["-b", bootstrap, ...args], {
    input,
    encoding: "utf8",
    timeout: 40_000,
    maxBuffer: 64 * 1024 * 1024,
  });
  if (result.status !== 0) throw new Error(`kcat ${args.join(" ")}: exit ${result.status}: ${result.stderr.trim()}`);
  return result.stdout;
}

function expect(wanted: unknown, got: unknown): void {
  if (wanted !== got) throw new Error(`expected ${JSON.stringify(wanted)}, got ${JSON.stringify(got)}`);
}

const cases: readonly (readonly [title: string, body: (bootstrap: string, topic: string) => void])[] = [
  [
    "a topic is created by the first produce and read back",
    (bootstrap, topic) => {
      kcat(bootstrap, ["-t", topic, "-P"], "one\ntwo\nthree\n");
      expect("one\nthree\ntwo", kcat(bootstrap, ["-t", topic, "-C", "-e", "-q"]).trim().split("\n").sort().join("\n"));
    },
  ],
  [
    "keys, headers, partitions and offsets",
    (bootstrap, topic) => {
      kcat(bootstrap, ["-t", topic, "-P", "-K:", "-p", "1", "-H", "h=x"], "k:v\nk2:v2\n");
      const out = kcat(bootstrap, ["-t", topic, "-C", "-e", "-q", "-p", "1", "-f", "%o %k %s %h\\n"]);
      expect("0 k v h=x\n1 k2 v2 h=x\n", out);
    },
  ],
  ...["gzip", "snappy", "lz4", "zstd"].map(
    (codec) =>
      [
        `records compressed with ${codec} come back in order`,
        (bootstrap: string, topic: string) => {
          const lines = Array.from({ length: 2000 }, (_, i) => `line ${i} ${"abc".repeat(i % 50)}`);
          kcat(bootstrap, ["-t", topic, "-P", "-p", "0", "-z", codec], `${lines.join("\n")}\n`);
          expect(`${lines.join("\n")}\n`, kcat(bootstrap, ["-t", topic, "-C", "-p", "0", "-e", "-q"]));
        },
      ] as const,
  ),
  [
    "an idempotent producer with acks=all",
    (bootstrap, topic) => {
      const lines = Array.from({ length: 5000 }, (_, i) => String(i)).join("\n");
      kcat(bootstrap, ["-t", topic, "-P", "-p", "0", "-X", "enable.idempotence=true"], `${lines}\n`);
      expect(`${lines}\n`, kcat(bootstrap, ["-t", topic, "-C", "-p", "0", "-e", "-q"]));
    },
  ],
  [
    "reading from an offset, from the end and by time",
    (bootstrap, topic) => {
      kcat(bootstrap, ["-t", topic, "-P", "-p", "0"], "a\nb\nc\nd\n");
      expect("c\nd\n", kcat(bootstrap, ["-t", topic, "-C", "-p", "0", "-o", "2", "-e", "-q"]));
      expect("d\n", kcat(bootstrap, ["-t", topic, "-C", "-p", "0", "-o", "-1", "-e", "-q"]));
      expect("a\nb\nc\nd\n", kcat(bootstrap, ["-t", topic, "-C", "-p", "0", "-o", "s@1000", "-e", "-q"]));
      expect(`${topic} [0] offset 4`, kcat(bootstrap, ["-Q", "-t", `${topic}:0:-1`]).trim());
    },
  ],
  [
    "the metadata list names topic and broker",
    (bootstrap, topic) => {
      kcat(bootstrap, ["-t", topic, "-P"], "x\n");
      const listing = JSON.parse(kcat(bootstrap, ["-L", "-J", "-t", topic])) as {
        brokers: { id: number }[];
        topics: { partitions: { leader: number }[] }[];
      };
      const ids = new Set(listing.brokers.map((broker) => broker.id));
      for (const partition of listing.topics[0]?.partitions ?? []) expect(true, ids.has(partition.leader));
    },
  ],
  [
    "large records",
    (bootstrap, topic) => {
      const value = "z".repeat(900_000);
      kcat(bootstrap, ["-t", topic, "-P", "-p", "0"], `${value}\n`);
      expect(`${value}\n`, kcat(bootstrap, ["-t", topic, "-C", "-p", "0", "-e", "-q"]));
    },
  ],
  [
    "a balanced consumer group reads everything",
    (bootstrap, topic) => {
      kcat(bootstrap, ["-t", topic, "-P"], "1\n2\n3\n4\n");
      const out = kcat(bootstrap, ["-G", `${topic}-group`, "-X", "auto.offset.reset=earliest", "-c", "4", "-q", topic]);
      expect("1\n2\n3\n4", out.trim().split("\n").sort().join("\n"));
    },
  ],
];

export function runKcat(bootstrap: string, print: (line: string) => void): void {
  const run = process.hrtime.bigint().toString(36);
  for (const [index, [title, body]] of cases.entries()) {
    try {
      body(bootstrap, `kcat-${index}-${run}`);
      print(`ok - kcat: ${title}`);
    } catch (error) {
      print(`not ok - kcat: ${title}: ${String(error).replaceAll("\n", " ")}`);
    }
  }
}
