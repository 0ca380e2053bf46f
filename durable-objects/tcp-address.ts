/**
 * What a broker must know of a raw TCP connection: where clients are told to connect, and who the client is. The platform passes a
 * single host:port on to a Durable Object and allows few characters in it, so both travel in the name of one host.
 */
export interface TcpAddress {
  readonly host: string;
  readonly port: number;
  /** An IP address, or nothing where none is known. */
  readonly clientAddress: string;
}

/** `10-0-0-1.name.kafka.example:9092`, `__1.v6.__1:9092`: an IP address has no dash or underscore of its own. */
export function tcpAddressText({ host, port, clientAddress }: TcpAddress): string {
  const client = clientAddress.replaceAll(".", "-").replaceAll(":", "_");
  const name = host.includes(":") ? `v6.${host.replaceAll(":", "_")}` : `name.${host}`;
  return `${client || "unknown"}.${name}:${port}`;
}

export function parseTcpAddress(text: string): TcpAddress {
  const [, client = "", kind, name = "", port] = /^([^.]*)\.(v6|name)\.(.*):(\d+)$/.exec(text) ?? [];
  return {
    host: kind === "v6" ? name.replaceAll("_", ":") : name,
    port: Number(port),
    clientAddress: client === "unknown" ? "" : client.replaceAll("-", ".").replaceAll("_", ":"),
  };
}

/** The IP address in what a socket says of its other end; an IPv4 address that came in through an IPv6 socket as such. */
export function ipAddressOf(remoteAddress = ""): string {
  const address = remoteAddress.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  return /^::ffff:([\d.]+)$/.exec(address)?.[1] ?? address.replace(/%.*$/, "");
}
