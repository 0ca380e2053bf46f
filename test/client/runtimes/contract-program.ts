/** The client's contract as a program for any runtime with WebSocket: `runContract(url)` answers what passed and what did not. */
import { connect } from "../../../client/client.ts";
import { clientContract } from "../contract.ts";
import { type Outcome, runAll } from "./little-vitest.ts";

export async function runContract(url: string): Promise<Outcome[]> {
  clientContract((options) => connect(url, options));
  return await runAll();
}
