/**
 * The whole state of a cell as bytes, in chunks that fit into rows (D6). Written when the journal has grown past it, so that a start
 * reads little; docs/formats/journal.md has the layout.
 */
import { OperatingError } from "../operating-error.ts";
import type { BrokerChain, KeptAnswer } from "./broker-chains.ts";
import { CellState, type FrozenState } from "./cell-state.ts";
import { PackedReader, PackedWriter } from "./packed-bytes.ts";
import type { FrozenLog, PartitionLog } from "./partition-log.ts";
import { readSettings, sameSettings, settingsUntold, writeSettings, type LeaderSettings } from "./partition-settings.ts";
import type { ProducerTable } from "./producer-table.ts";
import { readOwnPlace, readPlace, writePlace } from "./source-place.ts";
import type { Sources } from "./sources.ts";

const version = 6;
/** The first that tells of garbage, and of all settings. */
const versionWithGarbage = 4;
/** The first that tells how far logs are compacted. */
const versionWithCleaned = 5;
/** The first that tells how much lay in merged objects at first. */
const versionWithBytes = 6;
/** Before there were transactions. */
const versionLeast = 2;
const unnumbered = 0xffffffff;
/** Beside the count of a producer's batches. */
const resumesFlag = 16;

/** The whole of it. */
export function writeSnapshot(state: FrozenState): Uint8Array[] {
  return [...snapshotSteps(state)].filter((chunk) => chunk !== undefined);
}

export interface SnapshotLimits {
  /** Of a step, in extents. */
  readonly units: number;
  /** Of a chunk; a step more may follow before it is cut. */
  readonly bytes: number;
}

/** So many extents are written in about a millisecond. Rows may have 2 MB; one of a chunk takes SQLite some two milliseconds. */
const limitsOfSteps: SnapshotLimits = { units: 6000, bytes: 1_000_000 };

/**
 * The chunks one after the other, with a pause (undefined) before a step could hold up others. Nothing of the state may change meanwhile:
 * give it a frozen one.
 */
export function* snapshotSteps(state: FrozenState, limits = limitsOfSteps): Generator<Uint8Array | undefined> {
  const out = new PackedWriter(64 * 1024);
  let units = 0;
  /** What was done since the last pause is enough for a step. */
  const isEnough = (done: number): boolean => {
    units += done;
    if (units < limits.units && out.length < limits.bytes) return false;
    units = 0;
    return true;
  };
  const pause = (): Uint8Array | undefined => (out.length < limits.bytes ? undefined : out.take());
  out.uint(version);
  out.uint(state.sequence);
  out.uint(state.walReleasedMs + 1);
  out.uint(state.claim === undefined ? 0 : 1);
  if (state.claim !== undefined) writePlace(out, state.claim);
  out.uint(state.producerExpirationMs);
  out.uint(state.nextPartitionId);
  out.uint(state.sweepId);
  const sources: SourceNumbers = { order: [], extents: [], numbers: new Uint32Array(state.sources.idLimit).fill(unnumbered) };
  for (const log of state.partitions.values()) {
    for (let chunk = 0; chunk < log.extents.chunkCount; chunk++) if (isEnough(numberSources(log, chunk, sources))) yield pause();
  }
  out.uint(sources.order.length);
  for (const [number, id] of sources.order.entries()) {
    writeSource(out, state.sources, id, sources.extents[number]!);
    if (isEnough(1)) yield pause();
  }
  out.uint(state.partitions.size);
  for (const log of state.partitions.values()) {
    for (const done of writePartition(out, log, sources)) if (isEnough(done)) yield pause();
  }
  out.uint(state.brokers.size);
  for (const [brokerId, chain] of state.brokers) {
    for (const done of writeChain(out, brokerId, chain)) if (isEnough(done)) yield pause();
  }
  out.uint(state.garbage.count);
  for (const { source, sinceMs } of state.garbage) {
    writePlace(out, source);
    out.uint(sinceMs);
    if (isEnough(1)) yield pause();
  }
  yield out.finish();
}

export function readSnapshot(chunks: readonly Uint8Array[]): CellState {
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let position = 0;
  for (const chunk of chunks) {
    whole.set(chunk, position);
    position += chunk.length;
  }
  const reader = new PackedReader(whole);
  const found = reader.uint();
  if (found < versionLeast || found > version) {
    throw new OperatingError("corrupt", `snapshot of version ${found}; this version reads ${versionLeast} to ${version}`);
  }
  const state = new CellState();
  state.sequence = reader.uint();
  if (found >= versionWithGarbage) {
    state.walReleasedMs = reader.uint() - 1;
    if (reader.uint() === 1) state.claim = readOwnPlace(reader);
  }
  state.producerExpirationMs = reader.uint();
  state.nextPartitionId = reader.uint();
  state.sweepId = reader.uint();
  const told: (readonly [id: number, byteLength: number])[] = [];
  for (let left = reader.uint(); left > 0; left--) {
    const bytes = readSource(reader, state, found);
    if (bytes !== undefined) told.push(bytes);
  }
  let log: PartitionLog | undefined;
  for (let left = reader.uint(); left > 0; left--) log = readPartition(reader, state, found, log);
  for (let left = reader.uint(); left > 0; left--) readChain(reader, state);
  if (found >= versionWithGarbage) for (let left = reader.uint(); left > 0; left--) readGarbage(reader, state);
  if (!reader.atEnd) throw new OperatingError("corrupt", "a snapshot is longer than what it says");
  state.listExtents();
  for (const [id, byteLength] of told) {
    // What went of it before the snapshot may not have been looked at since.
    if (byteLength >= 2 * state.sources.bytesOf(id)) state.sources.hasThinned = true;
    state.sources.tellBytes(id, byteLength);
  }
  return state;
}

/** Ids that are used again come in any order: a snapshot counts sources as extents first name them, so equal states give equal bytes. */
interface SourceNumbers {
  readonly order: number[];
  /** By id: the place in `order`. */
  readonly numbers: Uint32Array;
  /** By place: how many extents name it. */
  readonly extents: number[];
}

/** Answers how much work it was, as extents to be written. */
function numberSources(log: FrozenLog, chunk: number, { order, numbers, extents }: SourceNumbers): number {
  let count = 0;
  log.extents.forEachOfChunk(chunk, (_offset, _start, _length, source) => {
    count += 1;
    const known = numbers[source]!;
    if (known === unnumbered) {
      numbers[source] = order.length;
      order.push(source);
      extents.push(1);
    } else extents[known]! += 1;
  });
  return count / 4;
}

function writeSource(out: PackedWriter, sources: Sources, id: number, extents: number): void {
  const source = sources.get(id);
  out.uint(extents);
  writePlace(out, source);
  if (source.kind === "merged") out.uint(sources.bytesOf(id));
}

/** Answers what a merged object had at first, as far as that is told. */
function readSource(reader: PackedReader, state: CellState, found: number): readonly [id: number, byteLength: number] | undefined {
  const extents = reader.uint();
  const source = readPlace(reader);
  const id = state.sources.add(source, extents, 0);
  return source.kind === "merged" && found >= versionWithBytes ? [id, reader.uint()] : undefined;
}

function readGarbage(reader: PackedReader, state: CellState): void {
  state.garbage.add(readOwnPlace(reader), reader.uint());
}

/** Says now and then how much it has done, in extents. */
function* writePartition(out: PackedWriter, log: FrozenLog, { numbers }: SourceNumbers): Generator<number> {
  out.uint(log.id);
  out.string(log.ref.topicId);
  out.uint(log.ref.partition);
  writeSettings(out, log.settings);
  out.uint(log.logStartOffset);
  out.uint(log.nextOffset);
  out.uint(log.producersSweptMs);
  out.uint(log.epochs.length);
  for (const { epoch, startOffset } of log.epochs) {
    out.uint(epoch);
    out.uint(startOffset);
  }
  out.uint(log.extents.count);
  let lastOffset = 0;
  let lastNumber = 0;
  let lastTime = 0;
  let done = 8;
  const write = (baseOffset: number, byteStart: number, byteLength: number, source: number, maxTimestamp: number): void => {
    const number = numbers[source]!;
    done += 1;
    out.uint(baseOffset - lastOffset);
    out.uint(byteStart);
    out.uint(byteLength);
    out.int(number - lastNumber);
    out.int(maxTimestamp - lastTime);
    lastOffset = baseOffset;
    lastNumber = number;
    lastTime = maxTimestamp;
  };
  for (let chunk = 0; chunk < log.extents.chunkCount; chunk++) {
    log.extents.forEachOfChunk(chunk, write);
    yield done;
    done = 0;
  }
  out.uint(log.producers.count);
  for (let row = 0; row < log.producers.count; row++) {
    writeProducer(out, log.producers, row);
    yield 4;
  }
  out.uint(log.aborted.count);
  let lastEnd = 0;
  log.aborted.forEach((producerId, firstOffset, lastOffset, lastStableOffset) => {
    out.uint(producerId);
    out.uint(lastOffset - lastEnd);
    out.uint(lastOffset - firstOffset);
    out.int(lastOffset - lastStableOffset);
    lastEnd = lastOffset;
  });
  out.uint(log.cleanedOffset);
  out.uint(log.dirtySinceMs + 1);
  out.uint(log.lastBatchOffset);
}

function writeProducer(out: PackedWriter, producers: ProducerTable, row: number): void {
  out.uint(producers.producerId(row));
  out.uint(producers.epoch(row));
  out.uint(producers.lastUsedMs(row));
  out.uint(producers.endedGeneration(row));
  out.uint(producers.coordinatorEpoch(row) + 1);
  const open = producers.openGeneration(row);
  out.uint(open);
  if (open > 0) out.uint(producers.firstOffset(row));
  const count = producers.batchCount(row);
  out.uint(count + (producers.resumes(row) ? resumesFlag : 0));
  for (let index = 0; index < count; index++) {
    const { baseSequence, offsetCount, baseOffset } = producers.batch(row, index);
    out.uint(baseSequence);
    out.uint(offsetCount);
    out.uint(baseOffset);
  }
}

/** Partitions of a topic follow each other: equal settings are one object in memory. */
function shared(settings: LeaderSettings, last: PartitionLog | undefined): LeaderSettings {
  return last !== undefined && sameSettings(settings, last.settings) ? last.settings : settings;
}

function readPartition(reader: PackedReader, state: CellState, found: number, last: PartitionLog | undefined): PartitionLog {
  const id = reader.uint();
  const ref = { topicId: reader.string(), partition: reader.uint() };
  const log = state.addPartition(id, ref);
  log.settings =
    found >= versionWithGarbage
      ? shared(readSettings(reader), last)
      : { ...settingsUntold, timestampType: reader.uint() === 1 ? "LogAppendTime" : "CreateTime" };
  log.logStartOffset = reader.uint();
  log.nextOffset = reader.uint();
  log.producersSweptMs = reader.uint();
  log.setEpochs(Array.from({ length: reader.uint() }, () => ({ epoch: reader.uint(), startOffset: reader.uint() })));
  let offset = 0;
  let source = 0;
  let time = 0;
  for (let left = reader.uint(); left > 0; left--) {
    offset += reader.uint();
    const byteStart = reader.uint();
    const byteLength = reader.uint();
    source += reader.int();
    time += reader.int();
    log.extents.append(offset, byteStart, byteLength, source, time);
  }
  for (let left = reader.uint(); left > 0; left--) readProducer(reader, log.producers, found);
  if (found === versionLeast) {
    log.neverCleaned();
    return log;
  }
  log.listOpenTransactions();
  let lastOffset = 0;
  for (let left = reader.uint(); left > 0; left--) {
    const producerId = reader.uint();
    lastOffset += reader.uint();
    const firstOffset = lastOffset - reader.uint();
    log.aborted.add(producerId, firstOffset, lastOffset, lastOffset - reader.int());
  }
  if (found >= versionWithCleaned) {
    log.cleanedOffset = reader.uint();
    log.dirtySinceMs = reader.uint() - 1;
    log.lastBatchOffset = reader.uint();
  } else log.neverCleaned();
  return log;
}

function readProducer(reader: PackedReader, producers: ProducerTable, found: number): void {
  const row = producers.begin(reader.uint(), reader.uint());
  producers.touch(row, reader.uint());
  if (found > versionLeast) {
    producers.endTransaction(row, reader.uint(), reader.uint() - 1);
    const open = reader.uint();
    if (open > 0) producers.openTransaction(row, open, reader.uint());
  }
  const count = reader.uint();
  for (let left = count % resumesFlag; left > 0; left--) producers.addBatch(row, reader.uint(), reader.uint(), reader.uint());
  if (count >= resumesFlag) producers.letResume(row);
}

function* writeChain(out: PackedWriter, brokerId: number, chain: BrokerChain): Generator<number> {
  out.uint(brokerId);
  out.uint(chain.brokerEpoch);
  out.uint(chain.lastNumber);
  out.uint(chain.answers.length);
  for (const answer of chain.answers) {
    out.uint(answer.number);
    out.uint(answer.cursor);
    out.uint(answer.errorCodes.length);
    for (let index = 0; index < answer.errorCodes.length; index++) {
      out.uint(answer.errorCodes[index]! * 2 + answer.duplicates[index]!);
      out.int(answer.baseOffsets[index]!);
      out.int(answer.logStartOffsets[index]!);
      out.int(answer.leaderEpochs[index]!);
    }
    yield answer.errorCodes.length;
  }
}

function readChain(reader: PackedReader, state: CellState): void {
  const brokerId = reader.uint();
  const chain: BrokerChain = { brokerEpoch: reader.uint(), lastNumber: reader.uint(), answers: [] };
  for (let left = reader.uint(); left > 0; left--) chain.answers.push(readAnswer(reader));
  state.brokers.set(brokerId, chain);
}

function readAnswer(reader: PackedReader): KeptAnswer {
  const number = reader.uint();
  const cursor = reader.uint();
  const count = reader.uint();
  const answer: KeptAnswer = {
    number,
    cursor,
    errorCodes: new Int16Array(count),
    baseOffsets: new Float64Array(count),
    logStartOffsets: new Float64Array(count),
    leaderEpochs: new Int32Array(count),
    duplicates: new Uint8Array(count),
  };
  for (let index = 0; index < count; index++) {
    const verdict = reader.uint();
    answer.errorCodes[index] = verdict >>> 1;
    answer.duplicates[index] = verdict & 1;
    answer.baseOffsets[index] = reader.int();
    answer.logStartOffsets[index] = reader.int();
    answer.leaderEpochs[index] = reader.int();
  }
  return answer;
}
