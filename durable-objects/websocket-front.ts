/**
 * Hibernatable WebSockets as transports of connections. Memory may be gone when the next message comes, so everything a connection
 * needs later lies in its socket's attachment: who it is, the bytes of an unfinished frame when they are few, and whether something
 * was lost that cannot be had again, which ends the socket. Reading cannot be paused here: who piles up too much is closed.
 */
import { FrameCutter } from "../protocol/frames.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionFacts } from "./handler.ts";
import { type Transport, packChunks } from "./transport.ts";
import { largeFrameBytes, type UnfinishedFrame, type UnfinishedFrames } from "./unfinished-frames.ts";

/** Messages out stay as small as the bridge keeps its own. */
const messageBytesMax = 1024 * 1024;
/** An attachment holds at most 16 KiB, the facts included. */
const partialBytesMax = 8 * 1024;
/** Above this the client is slower than its answers, which then count as unsent until it has caught up. */
const bufferedBytesMax = 4 * 1024 * 1024;
const bufferedCheckMs = 20;

/** A client that asked for it is told in steps of this how many of its bytes were taken, as a text message. */
const takenBytesStep = 1024 * 1024;
/** Such a client may be this far ahead of what it was told and still be one that holds back: a window, and the message that goes over it. */
const aheadBytesMax = 4 * 1024 * 1024 + messageBytesMax;

interface Attachment {
  readonly facts: ConnectionFacts;
  readonly tellsTaken: boolean;
  readonly partial?: Uint8Array;
  /** A frame too large for the attachment was begun, or a request was under way: lost with the memory. */
  readonly isFragile?: true;
}

interface Open {
  readonly connection: Connection;
  readonly cutter: FrameCutter;
  readonly frame: UnfinishedFrame;
  readonly facts: ConnectionFacts;
  readonly tellsTaken: boolean;
  /** Received since this memory began, and how much of that was told to be taken. */
  receivedBytes: number;
  toldBytes: number;
  isFragile: boolean;
  partialBytes: number;
  /** The client closed the socket; requests that it sent before are still waiting to be begun. */
  hasLeft: boolean;
}

export interface WebSocketFrontsOptions {
  readonly accept: (socket: WebSocket) => void;
  readonly frameBytesMax: number;
  readonly unfinished: UnfinishedFrames;
  /** Bytes of unbegun requests, and of unfinished ones that were to wait, over all clients at which the greediest is closed. */
  readonly waitingBytesMax: number;
  readonly open: (facts: ConnectionFacts, transport: Transport) => Connection;
  readonly onReceived: (byteLength: number) => void;
  readonly onGreedy: (facts: ConnectionFacts, waitingBytes: number) => void;
}

export class WebSocketFronts {
  readonly #options: WebSocketFrontsOptions;
  readonly #open = new Map<WebSocket, Open>();

  constructor(options: WebSocketFrontsOptions) {
    this.#options = options;
  }

  /** Answers the 101 that the Worker must hand on unchanged. `tellsTaken`: the client holds back until it hears what was taken. */
  upgrade(facts: ConnectionFacts, tellsTaken: boolean): Response {
    const { 0: client, 1: server } = new WebSocketPair();
    this.#options.accept(server);
    server.serializeAttachment({ facts, tellsTaken } satisfies Attachment);
    return new Response(null, { status: 101, webSocket: client, headers: { "sec-websocket-protocol": "kafka" } });
  }

  message(socket: WebSocket, message: ArrayBuffer | string): void {
    const open = this.#find(socket);
    if (open === undefined) return;
    if (typeof message === "string") {
      open.connection.fail("a text message");
      return;
    }
    this.#options.onReceived(message.byteLength);
    open.receivedBytes += message.byteLength;
    try {
      const requests = open.cutter.push(new Uint8Array(message));
      open.frame.received(message.byteLength);
      open.frame.became(open.cutter.heldBeyond(largeFrameBytes), requests.length);
      for (const request of requests) open.connection.receive(request);
    } catch (error) {
      open.connection.fail(error instanceof Error ? error.message : String(error));
    }
    this.#settle(socket, open);
    if (piledBytes(open) > 0) this.#closeGreedy();
  }

  /** The last resort: others have been told to hold back, and their answers were delayed. */
  #closeGreedy(): void {
    let waitingBytes = 0;
    let greediest: WebSocket | undefined;
    let mostBytes = 0;
    for (const [socket, each] of this.#open) {
      const bytes = piledBytes(each);
      waitingBytes += bytes;
      if (bytes <= mostBytes) continue;
      mostBytes = bytes;
      greediest = socket;
    }
    const open = greediest === undefined ? undefined : this.#open.get(greediest);
    if (greediest === undefined || open === undefined || waitingBytes <= this.#options.waitingBytesMax) return;
    this.#options.onGreedy(open.facts, mostBytes);
    this.#end(greediest, 1013, "too much was sent without waiting for answers");
  }

  /** The platform waits for this answer to a close. */
  closed(socket: WebSocket, code: number): void {
    const open = this.#open.get(socket);
    const answer = code === 1005 || code === 1006 ? 1000 : code;
    if (open === undefined || open.connection.hasRoom) return this.#end(socket, answer, "");
    // What was sent before the client left is worked on, though nobody waits for an answer: producers without acks leave so.
    open.hasLeft = true;
    this.#close(socket, answer, "");
  }

  #find(socket: WebSocket): Open | undefined {
    const known = this.#open.get(socket);
    if (known !== undefined) return known;
    // Messages that were on their way when the socket was closed.
    if (socket.readyState !== WebSocket.OPEN) return undefined;
    const attachment = socket.deserializeAttachment() as Attachment;
    if (attachment.isFragile) {
      socket.close(1012, "requests were lost in a restart");
      return undefined;
    }
    const cutter = new FrameCutter(this.#options.frameBytesMax);
    if (attachment.partial !== undefined) cutter.push(attachment.partial);
    const { facts, tellsTaken, partial } = attachment;
    const connection = this.#options.open(facts, this.#transport(socket));
    const frame = this.#options.unfinished.open({
      isPaused: () => !connection.hasRoom,
      onTurn: () => this.#settleAgain(socket),
      drop: (reason) => connection.drop(reason),
    });
    frame.hold(cutter.heldBeyond(largeFrameBytes));
    const open: Open = {
      connection,
      cutter,
      frame,
      facts,
      tellsTaken,
      receivedBytes: 0,
      toldBytes: 0,
      isFragile: false,
      partialBytes: partial?.byteLength ?? 0,
      hasLeft: false,
    };
    this.#open.set(socket, open);
    return open;
  }

  #transport(socket: WebSocket): Transport {
    const answers: Uint8Array[] = [];
    const lefts: (() => void)[] = [];
    /** Answers of one breath in one message: each message costs both sides, however small it is. */
    const push = (): void => {
      if (lefts.length === 0) return;
      const left = lefts.splice(0);
      try {
        for (const chunk of packChunks(answers.splice(0), messageBytesMax))
          for (let at = 0; at < chunk.byteLength; at += messageBytesMax) socket.send(chunk.subarray(at, at + messageBytesMax));
      } catch {
        // Closed meanwhile.
      }
      this.#whenTaken(socket, () => {
        for (const each of left) each();
      });
    };
    return {
      send: (chunks, _byteLength, left) => {
        for (const chunk of chunks) answers.push(chunk);
        lefts.push(left);
        if (lefts.length === 1) queueMicrotask(push);
      },
      close: (reason) => {
        push();
        this.#end(socket, 1008, reason);
      },
      drop: (reason) => this.#end(socket, 1013, reason),
      onRoom: () => {
        const open = this.#open.get(socket);
        if (open?.hasLeft === true) this.#forget(socket);
        else if (open !== undefined) this.#settle(socket, open);
      },
    };
  }

  /** Sending never blocks; older runtimes don't even say how much is waiting. */
  #whenTaken(socket: WebSocket, left: () => void, before = 0): void {
    const { bufferedAmount } = socket as unknown as { bufferedAmount?: number };
    if (bufferedAmount !== undefined && bufferedAmount > bufferedBytesMax && socket.readyState === WebSocket.OPEN) {
      if (bufferedAmount < before) this.#open.get(socket)?.connection.taken();
      setTimeout(() => this.#whenTaken(socket, left, bufferedAmount), bufferedCheckMs);
    } else {
      left();
      this.#settleAgain(socket);
    }
  }

  #settleAgain(socket: WebSocket): void {
    const open = this.#open.get(socket);
    if (open !== undefined) this.#settle(socket, open);
  }

  #settle(socket: WebSocket, open: Open): void {
    // An unfinished frame counts as taken, since its end must be able to come, but for one that has to wait for its turn.
    const heldBackBytes = open.frame.mayGrow() ? 0 : open.cutter.partialByteLength;
    const takenBytes = open.receivedBytes - open.connection.waitingBytes - heldBackBytes;
    if (open.tellsTaken && takenBytes - open.toldBytes >= takenBytesStep && socket.readyState === WebSocket.OPEN) {
      socket.send(String(takenBytes - open.toldBytes));
      open.toldBytes = takenBytes;
    }
    this.#remember(socket, open);
  }

  /** Writes the attachment only when what it must say has changed. */
  #remember(socket: WebSocket, open: Open): void {
    const { facts, tellsTaken, connection, cutter } = open;
    const isFragile = !connection.isQuiet || cutter.partialByteLength > partialBytesMax;
    const partialBytes = isFragile ? 0 : cutter.partialByteLength;
    if (isFragile === open.isFragile && partialBytes === 0 && open.partialBytes === 0) return;
    open.isFragile = isFragile;
    open.partialBytes = partialBytes;
    const attachment: Attachment = isFragile ? { facts, tellsTaken, isFragile } : { facts, tellsTaken, partial: cutter.partial };
    try {
      socket.serializeAttachment(attachment);
    } catch {
      // Closed meanwhile.
    }
  }

  #end(socket: WebSocket, code: number, reason: string): void {
    this.#forget(socket);
    this.#close(socket, code, reason);
  }

  #forget(socket: WebSocket): void {
    const open = this.#open.get(socket);
    // Before the end of the connection, which makes room: that is no news any more.
    this.#open.delete(socket);
    open?.frame.end();
    open?.connection.end();
  }

  #close(socket: WebSocket, code: number, reason: string): void {
    try {
      socket.close(code, reason.slice(0, 120));
    } catch {
      // Closed already, or a code that only the platform may send.
      socket.close();
    }
  }
}

/** What has come of requests that could not be begun, or that were to be finished later: of the latter not what a client is free to send. */
function piledBytes({ connection, cutter, frame, tellsTaken, receivedBytes, toldBytes }: Open): number {
  const isHoldingBack = tellsTaken && receivedBytes - toldBytes <= aheadBytesMax;
  return connection.waitingBytes + (frame.isHeldBack && !isHoldingBack ? cutter.partialByteLength : 0);
}
