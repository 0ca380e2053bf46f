/** The client's contract inside of workerd, over a service binding: a Worker that speaks Kafka without a socket to anywhere. */
import { SELF } from "cloudflare:test";
import { connect } from "../../client/client.ts";
import { clientContract } from "../client/contract.ts";

clientContract((options) =>
  connect("http://kante/c/client/kafka", { ...options, fetch: async (url, init) => await SELF.fetch(url, init) }),
);
