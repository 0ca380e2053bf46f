/**
 * Just enough of RFC 6455 to move bytes as fast as a socket does: messages out carry the mask zero, which leaves the bytes as they
 * are, so nothing is copied; messages in are unwrapped as views. A library would mask every byte and measure itself.
 */
export function messageHeader(byteLength: number): Uint8Array {
  const masked = 0x80;
  if (byteLength < 126) return Uint8Array.from([0x82, masked | byteLength, 0, 0, 0, 0]);
  if (byteLength < 0x10000) return Uint8Array.from([0x82, masked | 126, byteLength >> 8, byteLength & 0xff, 0, 0, 0, 0]);
  const header = new Uint8Array(14);
  header.set([0x82, masked | 127]);
  new DataView(header.buffer).setBigUint64(2, BigInt(byteLength));
  return header;
}

export function upgradeRequest(host: string, path: string, subprotocol: string): string {
  return [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    `Sec-WebSocket-Protocol: ${subprotocol}`,
    "\r\n",
  ].join("\r\n");
}

const binary = 2;
const continuation = 0;

/** Takes what the server sends after its 101 and hands on the payload of binary messages, piece by piece. */
export class MessageUnwrapper {
  readonly #onPayload: (bytes: Uint8Array) => void;
  readonly #header = new Uint8Array(10);
  #headerFilled = 0;
  #remaining = 0;
  #isData = false;

  constructor(onPayload: (bytes: Uint8Array) => void) {
    this.#onPayload = onPayload;
  }

  push(chunk: Uint8Array): void {
    for (let position = 0; position < chunk.byteLength;) {
      if (this.#remaining > 0) {
        const size = Math.min(this.#remaining, chunk.byteLength - position);
        if (this.#isData) this.#onPayload(chunk.subarray(position, position + size));
        this.#remaining -= size;
        position += size;
      } else this.#takeHeader(chunk[position++]!);
    }
  }

  #takeHeader(byte: number): void {
    this.#header[this.#headerFilled++] = byte;
    const short = this.#header[1]! & 0x7f;
    const wanted = this.#headerFilled < 2 ? 2 : short === 127 ? 10 : short === 126 ? 4 : 2;
    if (this.#headerFilled < wanted) return;
    const view = new DataView(this.#header.buffer);
    this.#remaining = short === 127 ? Number(view.getBigUint64(2)) : short === 126 ? view.getUint16(2) : short;
    const opcode = this.#header[0]! & 0x0f;
    this.#isData = opcode === binary || opcode === continuation;
    this.#headerFilled = 0;
  }
}
