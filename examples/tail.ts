/**
 * Follows a topic: `node examples/tail.ts ws://127.0.0.1:8787/c/default/kafka hello --from-beginning`. One line a record, until it is
 * interrupted. In a project of your own the import is the same, after `npm install kante`.
 */
import { parseArgs } from "node:util";
import { connect, string } from "kante/client";

const { values, positionals } = parseArgs({ allowPositionals: true, options: { "from-beginning": { type: "boolean" } } });
const [url, topic] = positionals;
if (url === undefined || topic === undefined) {
  console.error("usage: tail.ts <url> <topic> [--from-beginning]");
  process.exit(1);
}

const stop = new AbortController();
process.once("SIGINT", () => stop.abort());

await using kafka = connect(url, { clientId: "tail" });
const consumer = kafka.consumer({
  topics: [topic],
  offsetReset: values["from-beginning"] === true ? "earliest" : "latest",
  key: string,
  value: string,
  signal: stop.signal,
});
for await (const { partition, offset, timestamp, key, value } of consumer)
  console.log(`${new Date(timestamp).toISOString()} ${partition}:${offset} ${key ?? "-"} ${value ?? "-"}`);
