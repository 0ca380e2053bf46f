/** The client's contract against Kante, by WebSocket as users have it, by one that they bring along, and by TCP. */
import { describe } from "vitest";
import { WebSocket } from "ws";
import { connect } from "../../client/client.ts";
import { fast, sharedServer } from "../e2e/kante-process.ts";
import { often } from "./contract-steps.ts";
import { clientContract } from "./contract.ts";
import { tcpTransport } from "../../client/tcp.ts";

const running = sharedServer({ args: [...fast, ...often], brokers: 2 });

describe("Kante by WebSocket", () => {
  clientContract((options) => connect(`${running().httpUrl}/c/default/kafka`, options));
});

/** As docs/CLIENT.md has it. */
class Unmasked extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols, { perMessageDeflate: false, generateMask: (key) => key.fill(0) });
  }
}

describe("Kante by the WebSocket of the ws package, unmasked", () => {
  clientContract((options) => connect(`${running().httpUrl}/c/default/kafka`, { ...options, webSocket: Unmasked }));
});

describe("Kante by TCP", () => {
  clientContract((options) => connect("", { ...options, transport: tcpTransport(running().bootstrap) }));
});
