/**
 * A merger in the simulated world: claims, reads, writes and commits over the faulty network and store, and may die between any two of
 * them. It draws from a randomness of its own. The bytes go through the product's own code; only the waiting is done here.
 */
import type { ClaimReply, Compacted, MergeClaim, MergeInput, MergeReply } from "../../core/coordinator.ts";
import { batchesOf, Compactor, type LogBatch } from "../../core/compact/compactor.ts";
import { MergeCopy, type CopiedPiece } from "../../core/merge/copy.ts";
import { windowsOf, type Window } from "../../core/merge/windows.ts";
import { indexKeys } from "../../core/wal/key.ts";
import type { KeyMap } from "../../kernel/interface.ts";
import { kernel } from "../../kernel/kernel.ts";
import { wasmKeyMap } from "../../kernel/key-map.ts";
import type { Happening } from "./history.ts";
import type { SimulatedLeader } from "./leader.ts";
import { Life, type Network } from "./network.ts";
import type { Planted } from "./plants.ts";
import type { Random } from "./random.ts";
import type { SimulatedStore } from "./store.ts";
import type { World } from "./world.ts";

export interface MergerOptions {
  readonly name: string;
  readonly random: Random;
  readonly network: Network;
  readonly store: SimulatedStore;
  readonly leaders: readonly SimulatedLeader[];
  readonly record: (event: Happening) => void;
  readonly plant: Planted;
}

const idleMsMax = 1500;
/** Small, so that even simulated inputs are cut by it. */
const windowBytesMax = 4096;
/** Of batches that lie across windows: so small that most are cut, or so large that none is. */
const wholeBytesMaxima = [300, 2000, 100_000];

export class SimulatedMerger {
  readonly life = new Life();
  stopped = false;
  readonly #world: World;
  readonly #options: MergerOptions;

  constructor(world: World, options: MergerOptions) {
    this.#world = world;
    this.#options = options;
    this.#pause();
  }

  kill(): void {
    this.#world.log(`${this.#options.name} dies`);
    this.life.die();
  }

  start(): void {
    this.life.start();
    this.#pause();
  }

  #pause(msMax = 60): void {
    const { name, random } = this.#options;
    this.#world.after(
      random.between(1, msMax),
      `${name} looks for work`,
      this.life.bind(() => this.#claim()),
    );
  }

  #claim(): void {
    if (this.stopped) return;
    const { leaders, network, random, name } = this.#options;
    const leader = random.pick(leaders);
    network.call<ClaimReply>(
      `${name} claims`,
      this.life,
      leader.life,
      (answer) => leader.claimMerge(answer),
      (reply) => (reply.kind === "claimed" ? this.#read(leader, reply.claim) : this.#pause(idleMsMax)),
      () => this.#pause(),
    );
  }

  #read(leader: SimulatedLeader, claim: MergeClaim): void {
    if (claim.kind === "compacted") return this.#compact(leader, claim);
    const copy = new MergeCopy(claim, (bytes) => kernel.crc32c(bytes));
    const written: Uint8Array[] = [];
    const windows = [...windowsOf(claim.inputs, this.#options.plant.is("merge-in-one-window") ? Infinity : windowBytesMax)];
    const next = (): void => {
      const window = windows.shift();
      if (window === undefined) {
        if (claim.kind === "merged") written.push(copy.footer());
        this.#put(leader, claim, () => copy.indexes(), written);
      } else this.#readWindow(leader, claim, window, { copy, wholeBytesMax: 0 }, ({ bytes }) => void written.push(bytes), next);
    };
    next();
  }

  /** A small map is full soon, so that rounds follow each other. */
  #keyMap(startOffset: number): KeyMap {
    const { random, plant } = this.#options;
    const map = wasmKeyMap({ startOffset, secret: [1, 2, 3, 4], byteLength: random.pick([48, 4096]) });
    if (!plant.is("compact-newest-away")) return map;
    return { ...map, size: 0, put: (body, count, baseOffset) => map.put(body, count, baseOffset + 1) };
  }

  #compact(leader: SimulatedLeader, told: MergeClaim): void {
    const isForgetful = this.#options.plant.is("compact-what-was-aborted");
    const claim = isForgetful ? { ...told, compaction: { ...told.compaction!, aborted: [] } } : told;
    const { dirty, startOffset } = claim.compaction!;
    const compactor = new Compactor(claim, this.#keyMap(startOffset), (bytes) => kernel.crc32c(bytes));
    const written: Uint8Array[] = [];
    const { random, plant } = this.#options;
    const wholeBytesMax = random.pick(wholeBytesMaxima);
    const heldBytesMax = plant.is("hold-whole-batches") ? Infinity : wholeBytesMax;
    const pass = (inputs: readonly MergeInput[], take: (piece: CopiedPiece) => void, done: () => void): void => {
      const part = { ...claim, kind: "merged" as const, inputs };
      const copy = new MergeCopy(part, (bytes) => kernel.crc32c(bytes), heldBytesMax);
      const windows = [...windowsOf(inputs, windowBytesMax)];
      const next = (): void => {
        const window = windows.shift();
        if (window === undefined) done();
        else this.#readWindow(leader, part, window, { copy, wholeBytesMax }, take, next);
      };
      next();
    };
    // As the product does with batches for which it has no room.
    const bodyOf = ({ header, bytes }: LogBatch) => (bytes.length < header.size ? undefined : bytes.subarray(61));
    const map = (piece: CopiedPiece): void => {
      for (const batch of batchesOf(piece, kernel)) {
        if (batch instanceof Uint8Array) continue;
        if (compactor.mapBatch(batch)) compactor.mapBody(batch.header, bodyOf(batch));
      }
    };
    let lastStays = false;
    const clean = (piece: CopiedPiece): void => {
      for (const batch of batchesOf(piece, kernel)) {
        if (batch instanceof Uint8Array) {
          if (lastStays) written.push(batch.slice());
          continue;
        }
        const judged = compactor.judge(batch);
        const fate = judged === "body" ? compactor.judgeBody(batch.header, bodyOf(batch)) : judged;
        lastStays = fate.kind === "as-it-is";
        if (fate.kind === "goes") continue;
        const body = fate.kind === "in-part" ? fate.body.slice() : undefined;
        written.push(compactor.write(batch, fate, body).slice());
      }
    };
    pass(dirty, map, () => {
      compactor.mappedAll();
      const inputs = claim.inputs.filter(({ baseOffset }, index) => index === 0 || baseOffset < compactor.mapEnd);
      pass(inputs, clean, () =>
        this.#put(leader, claim, () => compactor.indexes(), written, compactor.finish(inputs.at(-1).nextOffset)),
      );
    });
  }

  #readWindow(
    leader: SimulatedLeader,
    claim: MergeClaim,
    { reads, pieces }: Window,
    { copy, wholeBytesMax }: { readonly copy: MergeCopy; readonly wholeBytesMax: number },
    take: (piece: CopiedPiece) => void,
    done: () => void,
  ): void {
    const blocks: Uint8Array[] = [];
    const wanted = pieces.reduce((sum, { read, byteLength }) => sum + (read < 0 ? 0 : byteLength), 0);
    this.#holds(claim, wanted, windowBytesMax);
    let missing = reads.length;
    let failed = false;
    const fail = (damaged: readonly string[]): void => {
      if (failed) return;
      failed = true;
      this.#release(leader, claim, damaged);
    };
    const copyAll = (): void => {
      for (const { input, read, start: from, byteLength } of pieces) {
        const at = from - (reads[read]?.start ?? 0);
        const result = copy.push(blocks[read]?.subarray(at, at + byteLength) ?? claim.inputs[input]!.records!);
        if ("key" in result) return fail([result.key]);
        this.#holds(claim, copy.heldBytes, wholeBytesMax);
        for (const piece of result) take(piece);
      }
      done();
    };
    if (missing === 0) return copyAll();
    for (const [index, { key, start, end }] of reads.entries()) {
      const got = (bytes: Uint8Array | undefined): void => {
        if (failed) return;
        if (bytes?.length !== end - start) return fail([key]);
        blocks[index] = bytes;
        missing -= 1;
        if (missing === 0) copyAll();
      };
      this.#options.store.get(this.life, key, start, end - start, got, () => fail([]));
    }
  }

  #holds({ key }: MergeClaim, bytes: number, bytesMax: number): void {
    this.#options.record({ kind: "merger-holds", at: this.#world.now, key, bytes, bytesMax });
  }

  #put(
    leader: SimulatedLeader,
    claim: MergeClaim,
    indexes: () => ReturnType<MergeCopy["indexes"]>,
    written: readonly Uint8Array[],
    compacted?: Compacted,
  ): void {
    const { store, plant } = this.#options;
    const object = new Uint8Array(Buffer.concat(plant.is("merge-out-of-order") ? swapped(written) : written));
    const commit = (): void => this.#commit(leader, claim, compacted);
    const release = (): void => this.#release(leader, claim, []);
    const put = (key: string, bytes: Uint8Array, done: () => void): void => store.put(this.life, key, bytes, done, release);
    const beside = (): void => {
      const { index, timeIndex } = indexes();
      const keys = indexKeys(claim.key);
      put(keys.index, index, () => put(keys.timeIndex, timeIndex, commit));
    };
    if (plant.is("merge-without-put")) commit();
    else put(claim.key, object, claim.kind === "merged" ? commit : beside);
  }

  #commit(leader: SimulatedLeader, { key, number, kind }: MergeClaim, compacted: Compacted | undefined): void {
    const { network, name, record } = this.#options;
    network.call<MergeReply>(
      `${name} commits ${key}`,
      this.life,
      leader.life,
      (answer) => leader.commitMerge(number, answer, compacted),
      (reply) => {
        record({
          kind: kind === "compacted" ? "compacted" : "merged",
          at: this.#world.now,
          key,
          extents: reply.kind === "committed" ? reply.extents : 0,
        });
        this.#pause();
      },
      () => this.#pause(),
    );
  }

  #release(leader: SimulatedLeader, { number, key }: MergeClaim, damaged: readonly string[]): void {
    const { network, name, record } = this.#options;
    // What was let go after the claim may have been deleted by now: then it is not wanted either.
    const lost = damaged.filter((input) => leader.refersTo(input));
    if (lost.length > 0) record({ kind: "stuck", at: this.#world.now, what: `inputs of ${key} are damaged: ${lost.join()}` });
    network.call<void>(
      `${name} gives ${key} back`,
      this.life,
      leader.life,
      (answer) => leader.releaseMerge({ number, damaged }, answer),
      () => this.#pause(),
      () => this.#pause(),
    );
  }
}

/** Two neighbours of one length change places: every CRC stays good. */
function swapped(written: readonly Uint8Array[]): readonly Uint8Array[] {
  const pieces = [...written];
  for (let index = 0; index + 2 < pieces.length; index++) {
    const [left, right] = [pieces[index]!, pieces[index + 1]!];
    if (left.length !== right.length || left.length === 0) continue;
    pieces[index] = right;
    pieces[index + 1] = left;
    return pieces;
  }
  return pieces;
}
