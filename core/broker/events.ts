/**
 * The contract between the broker's machine and whoever runs it (the Broker Durable Object, the simulator, tests): what may be
 * told to it and what it may demand. Every effect says which event answers it. Ids of effects are the machine's and never come
 * back for another effect of the same kind; ids of appends, reads and extents are the shell's and must be unique among those
 * that are unanswered.
 *
 * Rules for the shell:
 * - carry effects out in the order in which they are listed, start them all, wait for none;
 * - answer each demanding effect exactly once, in any order, at any time: an RPC that hangs must be given up (`*-failed`) after a
 *   bounded time, say 30 s. An answer nobody waits for any more is ignored;
 * - call `tick(now)` when `nextDeadline()` has come, and look at `nextDeadline()` again after every call. `now` is milliseconds
 *   and never goes backwards.
 */
import type { AppendItem, AppendOutcome, ReadOutcome, ReadRequest } from "./interface.ts";
import type { CommitReply, CommitRequest, Extent, FindReply, FindRequest, FollowReply } from "../coordinator.ts";

export type BrokerEvent =
  // From the handlers of the Kafka APIs.
  /** Answered by one `append-done`. Records may be views; the machine keeps them until then. */
  | { readonly kind: "append"; readonly id: number; readonly items: readonly AppendItem[] }
  /** Answered by one `read-done`, unless it is cancelled before. */
  | { readonly kind: "read"; readonly id: number; readonly request: ReadRequest }
  /** The client is gone: no `read-done` will follow. */
  | { readonly kind: "read-cancelled"; readonly id: number }
  /** The response with the bytes of this `read-done` has left (or never will): its memory counts no longer. */
  | { readonly kind: "read-released"; readonly id: number }
  /** Answered by one `extent-done`. */
  | { readonly kind: "read-extent"; readonly id: number; readonly extent: Extent }
  // Answers to effects.
  | { readonly kind: "registered"; readonly brokerEpoch: number }
  | { readonly kind: "register-failed"; readonly message: string }
  | { readonly kind: "put-done"; readonly id: number }
  | { readonly kind: "put-failed"; readonly id: number; readonly message: string }
  | { readonly kind: "commit-reply"; readonly id: number; readonly reply: CommitReply }
  /** No answer: the commit may have been applied or not. */
  | { readonly kind: "commit-failed"; readonly id: number; readonly message: string }
  | { readonly kind: "find-reply"; readonly id: number; readonly reply: FindReply }
  | { readonly kind: "find-failed"; readonly id: number; readonly message: string }
  | { readonly kind: "follow-reply"; readonly id: number; readonly reply: FollowReply }
  | { readonly kind: "follow-failed"; readonly id: number; readonly message: string }
  /** `bytes` undefined: there is no such object. The machine owns the bytes from now on and writes offsets into them. */
  | { readonly kind: "get-done"; readonly id: number; readonly bytes: Uint8Array | undefined }
  | { readonly kind: "get-failed"; readonly id: number; readonly message: string };

export type BrokerEffect =
  /**
   * Ask the controller for a new broker epoch (`ControllerClient.registerBroker`). Answer: `registered` or `register-failed`.
   * At most one is unanswered.
   */
  | { readonly kind: "register" }
  /**
   * Write an object; the key is relative to the cluster's prefix. `bytes` must not be changed, and aren't by the machine before
   * the answer. Answer: `put-done` only when they are durable, or `put-failed`. At most `wal.uploads.max` are unanswered.
   */
  | { readonly kind: "put"; readonly id: number; readonly key: string; readonly bytes: Uint8Array }
  /**
   * `BatchCoordinator.commit` at the leader of `cell`. Answer: `commit-reply`, or `commit-failed` when there is none. The
   * machine repeats it as a new effect with the same number until it is answered. Once it is answered the machine writes offsets
   * into the bytes it sent: a coordinator in the same process must have copied inline records by then.
   */
  | { readonly kind: "commit"; readonly id: number; readonly cell: number; readonly request: CommitRequest }
  /** The append's outcomes, in the order of its items. No answer. */
  | { readonly kind: "append-done"; readonly id: number; readonly outcomes: readonly AppendOutcome[] }
  /** `BatchCoordinator.findBatches` at the leader of `cell`. Answer: `find-reply` with results in the order of requests, or `find-failed`. */
  | { readonly kind: "find"; readonly id: number; readonly cell: number; readonly requests: readonly FindRequest[] }
  /**
   * `BatchCoordinator.follow` at the leader of `cell`. Answer: `follow-reply` or `follow-failed`. At most one a cell is unanswered.
   */
  | { readonly kind: "follow"; readonly id: number; readonly cell: number; readonly cursor: number; readonly maxWaitMs: number }
  /** Nobody waits for this follow any more: abort the call if that can be done. No answer; none for the follow either. */
  | { readonly kind: "unfollow"; readonly id: number; readonly cell: number }
  /**
   * Read [start, start + length) of an object; the key is relative to the cluster's prefix. Answer: `get-done`, with fewer bytes
   * at the object's end and undefined where there is no object, or `get-failed`. At most three are unanswered.
   */
  | { readonly kind: "get"; readonly id: number; readonly key: string; readonly start: number; readonly length: number }
  /** The read's outcomes, in the order of its items. Tell `read-released` once the response is written or dropped. */
  | { readonly kind: "read-done"; readonly id: number; readonly outcomes: readonly ReadOutcome[] }
  /** The extent's bytes with final offsets: look at them at once, they aren't counted. Or a Kafka error. */
  | { readonly kind: "extent-done"; readonly id: number; readonly errorCode: number; readonly bytes: Uint8Array | undefined }
  /** One line for whoever operates the broker. No answer. */
  | {
      readonly kind: "log";
      readonly level: "info" | "warn" | "error";
      readonly event: string;
      readonly fields: Readonly<Record<string, string | number>>;
    };

/** A machine writes its effects here; the joined machine hands them out. */
export interface EffectSink {
  push(effect: BrokerEffect): void;
}
