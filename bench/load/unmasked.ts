/**
 * The `ws` package's WebSocket with masks of zeros, as docs/CLIENT.md has it for Node: neither side has to go through the bytes. For where no
 * proxy can read along.
 */
import { WebSocket } from "ws";

export class Unmasked extends WebSocket {
  constructor(url: string, protocols: string[]) {
    super(url, protocols, { perMessageDeflate: false, generateMask: (key) => key.fill(0) });
  }
}
