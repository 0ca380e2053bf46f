/** What the local server knows of a TCP connection, written as one address: where clients are told to connect, and who the client is. */
import { describe, expect, test } from "vitest";
import { ipAddressOf, parseTcpAddress, tcpAddressText } from "../../durable-objects/tcp-address.ts";

describe("[D2] a broker learns where clients are told to connect, and who the client is", () => {
  test.each([
    ["127.0.0.1", "10.0.0.1"],
    ["kafka.example", "10.0.0.1"],
    ["my_kafka-1", "fe80::1"],
    ["::1", "::1"],
    ["fe80::1", "10.0.0.1"],
    ["localhost", ""],
  ])("%s, from %s", (host, clientAddress) => {
    const text = tcpAddressText({ host, port: 9092, clientAddress });
    // Other characters are refused by the runtime.
    expect(text).toMatch(/^[\w.-]+:9092$/);
    expect(parseTcpAddress(text)).toEqual({ host, port: 9092, clientAddress });
  });
});

test.each([
  ["127.0.0.1:45102", "127.0.0.1"],
  ["[::1]:45226", "::1"],
  ["[::ffff:10.0.0.1]:45110", "10.0.0.1"],
  ["[fe80::1%eth0]:45110", "fe80::1"],
  [undefined, ""],
])("%s is the client %s", (remoteAddress, address) => {
  expect(ipAddressOf(remoteAddress)).toBe(address);
});
