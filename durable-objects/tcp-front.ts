/**
 * A raw TCP socket as a connection's transport. Bytes are read straight into the place where their frame is built, and only while
 * the connection has room; answers are written one after the other, small ones together.
 */
import { FrameCutter } from "../protocol/frames.ts";
import type { Connection } from "./connection.ts";
import type { Transport } from "./transport.ts";
import { packChunks } from "./transport.ts";
import { largeFrameBytes, type UnfinishedFrame, type UnfinishedFrames } from "./unfinished-frames.ts";

/** Up to here chunks are copied together into one write. */
const packedBytesMax = 64 * 1024;
/** Large chunks are written in pieces, so that it shows whether a slow client takes anything at all. */
const pieceBytesMax = 1024 * 1024;

interface Outgoing {
  readonly chunks: readonly Uint8Array[];
  readonly left: () => void;
}

export interface TcpFrontOptions {
  readonly socket: Socket;
  readonly frameBytesMax: number;
  readonly unfinished: UnfinishedFrames;
  readonly open: (transport: Transport) => Connection;
  readonly onReceived: (byteLength: number) => void;
}

/** Resolves when the connection is over. */
export async function serveTcp(options: TcpFrontOptions): Promise<void> {
  const reader = options.socket.readable.getReader({ mode: "byob" });
  const output = new Output(options.socket, () => connection.taken());
  let roomMade: (() => void) | undefined;
  let turnCame: (() => void) | undefined;
  const connection = options.open({
    send: (chunks, _byteLength, left) => output.push({ chunks, left }),
    close: () => {
      frame.end();
      output.finish();
    },
    drop: () => {
      frame.end();
      // A read that waits keeps the place where the frame was built, and the socket open.
      reader.cancel("dropped").catch(() => {});
      output.drop();
    },
    onRoom: () => roomMade?.(),
  });
  const frame = options.unfinished.open({
    isPaused: () => !connection.hasRoom,
    onTurn: () => turnCame?.(),
    drop: (reason) => connection.drop(reason),
  });
  const room = async (): Promise<void> => {
    while (!connection.hasRoom) {
      await new Promise<void>((resolve) => {
        roomMade = resolve;
      });
    }
  };
  const turn = (): Promise<void> =>
    new Promise((resolve) => {
      turnCame = resolve;
    });
  try {
    await read(options, { reader, connection, frame, room, turn });
    frame.end();
    // What was sent before the client left is worked on, though nobody may wait for an answer.
    await room();
  } catch {
    // The socket broke: the client is gone.
  } finally {
    frame.end();
    connection.end();
    output.finish();
  }
}

interface Reading {
  readonly reader: ReadableStreamBYOBReader;
  readonly connection: Connection;
  readonly frame: UnfinishedFrame;
  readonly room: () => Promise<void>;
  /** Resolves when an unfinished frame that was held back may go on. */
  readonly turn: () => Promise<void>;
}

async function read(options: TcpFrontOptions, { reader, connection, frame, room, turn }: Reading): Promise<void> {
  const cutter = new FrameCutter(options.frameBytesMax);
  let isSound = true;
  for (;;) {
    await room();
    // Asked and held in one breath: what is free now may be another's after an await.
    if (!frame.mayGrow()) {
      await turn();
      continue;
    }
    // Behind bytes that are no frame nothing can be understood: it is read only to learn when the client leaves.
    isSound &&= !frame.hasEnded;
    const space = isSound ? cutter.space() : new Uint8Array(4096);
    frame.hold(isSound ? cutter.heldBeyond(largeFrameBytes) : 0);
    const { value, done } = await reader.read(space);
    if (done) return;
    options.onReceived(value.byteLength);
    if (!isSound) continue;
    frame.received(value.byteLength);
    try {
      const requests = cutter.received(value);
      frame.became(cutter.heldBeyond(largeFrameBytes), requests.length);
      for (const request of requests) connection.receive(request);
    } catch (error) {
      isSound = false;
      connection.fail(error instanceof Error ? error.message : String(error));
    }
  }
}

class Output {
  readonly #socket: Socket;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #queue: Outgoing[] = [];
  #isWriting = false;
  #isFinishing = false;
  #isBroken = false;
  readonly #onTaken: () => void;
  /** Being written. */
  #batch: Outgoing[] = [];

  constructor(socket: Socket, onTaken: () => void) {
    this.#socket = socket;
    this.#onTaken = onTaken;
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

  /** Closes the socket now: whoever does not read may never take the rest. */
  drop(): void {
    this.#isFinishing = true;
    this.#isBroken = true;
    // A write that hangs need not end for that.
    for (const { left } of [...this.#batch.splice(0), ...this.#queue.splice(0)]) left();
    this.#writer.abort("dropped").catch(() => {});
    this.#socket.close().catch(() => {});
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    // What is answered in the same breath leaves in one write.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      this.#batch = this.#queue.splice(0);
      try {
        if (!this.#isBroken) {
          const chunks = packChunks(
            this.#batch.flatMap(({ chunks }) => chunks),
            packedBytesMax,
          );
          for (const chunk of chunks) await this.#writeChunk(chunk);
        }
      } catch {
        this.#isBroken = true;
      }
      for (const { left } of this.#batch.splice(0)) left();
    }
    this.#isWriting = false;
    if (this.#isFinishing) await this.#close();
  }

  async #writeChunk(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.byteLength; at += pieceBytesMax) {
      await this.#writer.write(chunk.subarray(at, at + pieceBytesMax));
      this.#onTaken();
    }
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
