/**
 * A raw TCP socket as a connection's transport. Bytes are read straight into the place where their frame is built, and only while
 * the connection has room; answers are written one after the other, small ones together.
 */
import { FrameCutter } from "../protocol/frames.ts";
import type { Connection } from "./connection.ts";
import type { Transport } from "./transport.ts";
import { packChunks } from "./transport.ts";

/** Up to here chunks are copied together into one write. */
const packedBytesMax = 64 * 1024;

interface Outgoing {
  readonly chunks: readonly Uint8Array[];
  readonly left: () => void;
}

export interface TcpFrontOptions {
  readonly socket: Socket;
  readonly frameBytesMax: number;
  readonly open: (transport: Transport) => Connection;
  readonly onReceived: (byteLength: number) => void;
}

/** Resolves when the connection is over. */
export async function serveTcp(options: TcpFrontOptions): Promise<void> {
  const output = new Output(options.socket);
  let roomMade: (() => void) | undefined;
  const connection = options.open({
    send: (chunks, _byteLength, left) => output.push({ chunks, left }),
    close: () => output.finish(),
    onRoom: () => roomMade?.(),
  });
  const room = async (): Promise<void> => {
    while (!connection.hasRoom) {
      await new Promise<void>((resolve) => {
        roomMade = resolve;
      });
    }
  };
  try {
    await read(options, connection, room);
    // What was sent before the client left is worked on, though nobody may wait for an answer.
    await room();
  } catch {
    // The socket broke: the client is gone.
  } finally {
    connection.end();
    output.finish();
  }
}

async function read(options: TcpFrontOptions, connection: Connection, room: () => Promise<void>): Promise<void> {
  const reader = options.socket.readable.getReader({ mode: "byob" });
  const cutter = new FrameCutter(options.frameBytesMax);
  let isSound = true;
  for (;;) {
    await room();
    // Behind bytes that are no frame nothing can be understood: it is read only to learn when the client leaves.
    const { value, done } = await reader.read(isSound ? cutter.space() : new Uint8Array(4096));
    if (done) return;
    options.onReceived(value.byteLength);
    if (!isSound) continue;
    try {
      for (const frame of cutter.received(value)) connection.receive(frame);
    } catch (error) {
      isSound = false;
      connection.fail(error instanceof Error ? error.message : String(error));
    }
  }
}

class Output {
  readonly #socket: Socket;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #queue: Outgoing[] = [];
  #isWriting = false;
  #isFinishing = false;
  #isBroken = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.#writer = (socket.writable as WritableStream<Uint8Array>).getWriter();
  }

  push(outgoing: Outgoing): void {
    if (this.#isBroken) {
      outgoing.left();
      return;
    }
    this.#queue.push(outgoing);
    if (!this.#isWriting) void this.#write();
  }

  /** Closes the socket when everything pushed so far is written. */
  finish(): void {
    if (this.#isFinishing) return;
    this.#isFinishing = true;
    if (!this.#isWriting) void this.#close();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      try {
        if (!this.#isBroken) {
          for (const chunk of packChunks(
            batch.flatMap(({ chunks }) => chunks),
            packedBytesMax,
          ))
            await this.#writer.write(chunk);
        }
      } catch {
        this.#isBroken = true;
      }
      for (const { left } of batch) left();
    }
    this.#isWriting = false;
    if (this.#isFinishing) await this.#close();
  }

  async #close(): Promise<void> {
    try {
      await this.#writer.close();
      await this.#socket.close();
    } catch {
      // Closed by the other side already.
    }
  }
}
