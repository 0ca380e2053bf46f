/** The client's contract against Kante, by WebSocket as users have it, by one that they bring along, and by TCP. */
import { describe } from "vitest";
import { Unmasked } from "../../bench/load/unmasked.ts";
import { connect } from "../../client/client.ts";
import { fast, sharedServer } from "../e2e/kante-process.ts";
import { often } from "./contract-steps.ts";
import { clientContract } from "./contract.ts";
import { tcpTransport } from "../../client/tcp.ts";

const running = sharedServer({ args: [...fast, ...often], brokers: 2 });

describe("Kante by WebSocket", () => {
  clientContract((options) => connect(`${running().httpUrl}/c/default/kafka`, options));
});

describe("Kante by the WebSocket of the ws package, unmasked", () => {
  clientContract((options) => connect(`${running().httpUrl}/c/default/kafka`, { ...options, webSocket: Unmasked }));
});

describe("Kante by TCP", () => {
  clientContract((options) => connect("", { ...options, transport: tcpTransport(running().bootstrap) }));
});
