/** A connection without a network: chunks of bytes in, chunks of bytes out. What tests, benches and the simulator talk to. */
import { FrameCutter } from "../protocol/frames.ts";
import type { Connection } from "./connection.ts";
import type { Transport } from "./transport.ts";

export interface InProcessEnds {
  readonly open: (transport: Transport) => Connection;
  readonly frameBytesMax: number;
  readonly onBytes: (chunk: Uint8Array) => void;
  readonly onClose: (reason: string) => void;
}

export class InProcessFront {
  readonly connection: Connection;
  readonly #cutter: FrameCutter;

  constructor(ends: InProcessEnds) {
    this.#cutter = new FrameCutter(ends.frameBytesMax);
    this.connection = ends.open({
      send: (chunks, _byteLength, left) => {
        for (const chunk of chunks) ends.onBytes(chunk);
        left();
      },
      close: ends.onClose,
      drop: ends.onClose,
      onRoom: () => {},
    });
  }

  push(chunk: Uint8Array): void {
    try {
      for (const frame of this.#cutter.push(chunk)) this.connection.receive(frame);
    } catch (error) {
      this.connection.fail(error instanceof Error ? error.message : String(error));
    }
  }

  end(): void {
    this.connection.end();
  }
}
