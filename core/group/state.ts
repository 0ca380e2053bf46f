/**
 * All that a group knows and its rows tell: members of one kind or the other, offsets, and since when nobody has spoken. Rows are
 * read here and snapshots are written; what one change writes is decided where the change is.
 */
import type { TopicId } from "../coordinator.ts";
import { ByteWriter, type ByteReader } from "./bytes.ts";
import { ClassicGroup, type ClassicState } from "./classic/group.ts";
import { readAssignment, readMembership, writeMembership } from "./classic/rows.ts";
import { ConsumerGroup } from "./consumer/group.ts";
import { readChange, writeChange } from "./consumer/rows.ts";
import {
  assignmentKind,
  consumerKind,
  consumerOnlyKind,
  membershipKind,
  offsetsKind,
  offsetsRemovedKind,
  quietKind,
  transactionalOffsetsKind,
  transactionsEndedKind,
} from "./entries.ts";
import { type OffsetKeys, Offsets } from "./offsets.ts";
import { offsetsRemovedEntry, readOffsetsRemoved } from "./offsets-removed.ts";
import type { Surroundings } from "./surroundings.ts";
import { TransactionalOffsets } from "./transactional-offsets.ts";

export class GroupState {
  readonly #surroundings: Surroundings;
  readonly offsets = new Offsets();
  readonly transactional = new TransactionalOffsets();
  /** Of one kind or of none. */
  classic: ClassicGroup | undefined;
  consumer: ConsumerGroup | undefined;
  /** Nobody has spoken since this time, though the group was there to listen: sessions run from then, whatever restarts. */
  quietSince = -1;
  /** Of the classic group in the rows: it resumes when all of them are read. */
  #classicState: ClassicState | undefined;

  constructor(surroundings: Surroundings) {
    this.#surroundings = surroundings;
  }

  get exists(): boolean {
    return this.classic !== undefined || this.consumer !== undefined;
  }

  get hasMembers(): boolean {
    return this.consumer === undefined ? this.classic !== undefined && this.classic.state !== "Empty" : this.consumer.size > 0;
  }

  /** For groups without members. */
  get emptySince(): number {
    return this.consumer?.emptySince ?? this.classic?.stateSince ?? 0;
  }

  /** Committed, or on the way to it. */
  get hasOffsets(): boolean {
    return !this.offsets.isEmpty || !this.transactional.isEmpty;
  }

  newClassic(now: number): ClassicGroup {
    return new ClassicGroup(this.#surroundings, now);
  }

  newConsumer(now: number): ConsumerGroup {
    return new ConsumerGroup(this.#surroundings, now);
  }

  /** Forgets offsets, committed ones and those of open transactions, and answers the row for it; undefined when there were none. */
  removeOffsets(keys: readonly OffsetKeys[]): Uint8Array | undefined {
    const isThere = (topicId: TopicId, partition: number) =>
      this.offsets.get(topicId, partition) !== undefined || this.transactional.isUnstable(topicId, partition);
    const known = keys
      .map(({ topicId, partitions }) => ({ topicId, partitions: partitions.filter((partition) => isThere(topicId, partition)) }))
      .filter(({ partitions }) => partitions.length > 0);
    if (known.length === 0) return undefined;
    this.#drop(known);
    return offsetsRemovedEntry(known);
  }

  #drop(keys: readonly OffsetKeys[]): void {
    this.offsets.drop(keys);
    this.transactional.drop(keys);
  }

  /** After all rows were read. */
  resume(now: number): void {
    if (!this.exists && this.hasOffsets) this.classic = this.newClassic(0);
    const heardAt = this.quietSince >= 0 ? this.quietSince : now;
    if (this.#classicState !== undefined) this.classic?.resume(this.#classicState, heardAt);
    this.consumer?.resume(heardAt);
  }

  snapshot(): Uint8Array {
    const writer = new ByteWriter().int(this.quietSince);
    if (this.consumer !== undefined) writeChange(this.consumer.all(), writer.int(consumerKind));
    else if (this.classic !== undefined) writeMembership(this.classic, writer.int(membershipKind));
    else writer.int(0);
    this.offsets.write(writer);
    this.transactional.write(writer);
    return writer.finish();
  }

  readSnapshot(reader: ByteReader, now: number): void {
    this.quietSince = reader.int();
    const kind = reader.int();
    if (kind === membershipKind) this.#readMembership(reader, now);
    if (kind === consumerKind || kind === consumerOnlyKind) this.#readConsumer(reader, kind, now);
    this.offsets.read(reader);
    // Snapshots end here that are older than transactions.
    if (!reader.atEnd) this.transactional.read(reader);
  }

  readEntry(reader: ByteReader, now: number): void {
    const kind = reader.int();
    switch (kind) {
      case membershipKind:
        return this.#readMembership(reader, now);
      case assignmentKind:
        return this.#readAssignment(reader);
      case offsetsKind:
        return this.offsets.readCommit(reader);
      case offsetsRemovedKind:
        return this.#drop(readOffsetsRemoved(reader));
      case transactionalOffsetsKind:
        return this.transactional.readAdded(reader);
      case transactionsEndedKind:
        return this.transactional.readEnded(reader, this.offsets.complete);
      case consumerKind:
      case consumerOnlyKind:
        return this.#readConsumer(reader, kind, now);
      case quietKind:
        this.quietSince = reader.int();
        return;
      default:
        throw new RangeError(`unknown kind ${kind} of group row`);
    }
  }

  #readMembership(reader: ByteReader, now: number): void {
    this.consumer = undefined;
    this.classic = this.newClassic(now);
    this.#classicState = readMembership(this.classic, reader);
  }

  #readAssignment(reader: ByteReader): void {
    if (this.classic === undefined) throw new RangeError("an assignment row without its membership");
    readAssignment(this.classic, reader);
    this.#classicState = "Stable";
  }

  #readConsumer(reader: ByteReader, kind: number, now: number): void {
    this.classic = undefined;
    this.consumer ??= this.newConsumer(now);
    this.consumer.apply(readChange(reader, kind === consumerKind));
  }
}
