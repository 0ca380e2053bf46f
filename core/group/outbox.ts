/**
 * What a group wants done, gathered while it handles one event. The shell writes the rows in one synchronous transaction and
 * answers afterwards, so nobody is told of a state that a crash could take back.
 */
export type Effect =
  /** Write the entry into the ring of rows, over whatever the slot held. */
  | { readonly kind: "row"; readonly slot: number; readonly sequence: number; readonly entry: Uint8Array }
  /** Replace the snapshot: it covers every row up to the sequence. */
  | { readonly kind: "snapshot"; readonly sequence: number; readonly chunks: readonly Uint8Array[] }
  /** The group is gone: remove every row. */
  | { readonly kind: "wipe" }
  | { readonly kind: "reply"; readonly requestId: number; readonly answer: unknown };

export class Outbox {
  #entries: Uint8Array[] = [];
  #replies: (Effect & { readonly kind: "reply" })[] = [];
  #wiped = false;

  append(entry: Uint8Array): void {
    this.#entries.push(entry);
  }

  reply(requestId: number, answer: unknown): void {
    this.#replies.push({ kind: "reply", requestId, answer });
  }

  /** Whatever was appended before is of no use any more. */
  wipe(): void {
    this.#entries = [];
    this.#wiped = true;
  }

  take(): { readonly entries: readonly Uint8Array[]; readonly replies: readonly Effect[]; readonly wiped: boolean } {
    const taken = { entries: this.#entries, replies: this.#replies, wiped: this.#wiped };
    this.#entries = [];
    this.#replies = [];
    this.#wiped = false;
    return taken;
  }
}
