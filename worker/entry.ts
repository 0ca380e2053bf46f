/**
 * The Worker's entry: what the platform finds by name. Durable Object classes, the HTTP application, and the handler for raw TCP
 * connections, which the local server offers today.
 */
import { BrokerObject } from "../durable-objects/broker.ts";
import { brokerStub } from "../durable-objects/broker-stub.ts";
import type { Env } from "../durable-objects/env.ts";
import { ipAddressOf, tcpAddressText } from "../durable-objects/tcp-address.ts";
import { app } from "./app.ts";
import { handlers } from "./handlers.ts";
import { brokerOfPort } from "./routes.ts";

export { Controller } from "../durable-objects/controller.ts";
export { Group } from "../durable-objects/group.ts";
export { Leader } from "../durable-objects/leader.ts";
export { Merger } from "../durable-objects/merger.ts";
export { Transaction } from "../durable-objects/transaction.ts";

export class Broker extends BrokerObject {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env, handlers);
  }
}

/** The other end of a Durable Object's own connect handler, which the published types do not know yet. */
interface Connectable {
  connect(address: string): Socket;
}

export default {
  fetch: app.fetch,

  /** Moves bytes between the client and its broker; neither side is looked at. */
  async connect(socket: Socket, env: Env): Promise<void> {
    const { localAddress, remoteAddress } = await socket.opened;
    const found = brokerOfPort(env, Number(localAddress?.split(":").at(-1)));
    if (found === undefined) {
      await socket.close();
      return;
    }
    const { broker, ...advertised } = found;
    const address = tcpAddressText({ ...advertised, clientAddress: ipAddressOf(remoteAddress) });
    const upstream = (brokerStub(env, broker) as unknown as Connectable).connect(address);
    await Promise.allSettled([socket.readable.pipeTo(upstream.writable), upstream.readable.pipeTo(socket.writable)]);
  },
};
