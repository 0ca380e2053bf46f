/**
 * A fetch while it is worked on, as plain state: a long poll is one of these in a map, nothing more. A read looks up what the
 * index doesn't know, waits until there is enough, gets the bytes, and is answered.
 */
import type { AbortedTransaction, Extent } from "../coordinator.ts";
import type { Block } from "./block.ts";
import type { ReadItem, ReadRequest } from "./interface.ts";
import type { CellFollow } from "./follows.ts";
import type { IndexedExtent, PartitionIndex } from "./tail-index.ts";
import type { Timer } from "./timers.ts";

export interface Read {
  readonly kind: "read";
  readonly id: number;
  readonly request: ReadRequest;
  readonly parts: ReadPart[];
  /** The part that is served first: it rotates, so that none starves behind maxBytes. */
  readonly first: number;
  readonly maxBytes: number;
  readonly arrivedAt: number;
  readonly deadline: number;
  timer: Timer<(now: number) => void> | undefined;
  /** A part has an error: it is answered at once. */
  failed: boolean;
  /** Bytes it could have, as far as is known. */
  available: number;
  findsUnanswered: number;
  getsUnanswered: number;
  /** Its time has come: the next chance to answer truly is taken. */
  overdue: boolean;
  /** GETs have been waited for: what isn't there now is left for the next read. */
  got: boolean;
  rounds: number;
  answered: boolean;
  /** Cells it waits on; empty while it doesn't wait. */
  waitsOn: CellFollow[];
  readonly pinned: Block[];
}

export interface ReadPart {
  readonly kind: "part";
  readonly read: Read;
  readonly item: ReadItem;
  readonly cell: CellFollow;
  index: PartitionIndex;
  errorCode: number;
  available: number;
  /** The leader must be asked before anything is answered for this part. */
  needsFind: boolean;
  /** The leader was asked since the read arrived. */
  confirmed: boolean;
  finds: number;
  /** Times that its bytes were missing or damaged. After one only its first bytes are read: what lies behind must not keep them back. */
  strikes: number;
  found: Found | undefined;
}

export interface Found {
  readonly extents: readonly IndexedExtent[];
  /** When the aborted transactions were listed: of what became stable later there is no list. */
  readonly lastStableOffset: number;
  readonly abortedTransactions: readonly AbortedTransaction[];
}

/** A look into one extent, for the handlers that search by time. */
export interface ExtentRead {
  readonly kind: "extent";
  readonly id: number;
  readonly extent: Extent;
}
