/**
 * A consumer as stock clients are: it joins, assigns when it leads, syncs, beats, commits, and does what Kafka's clients do about
 * each error code. Beside that it pauses, dies, leaves and changes its mind.
 */
import type {
  ClientFacts,
  HeartbeatAnswer,
  JoinGroupAnswer,
  OffsetCommitAnswer,
  SyncGroupAnswer,
} from "../../../core/group/requests.ts";
import { subscription, text, topicA, untext } from "./harness.ts";
import type { World } from "./sim-world.ts";

export const partitions = 12;
const loading = { partitionErrors: [[14]] };

/** Who was told to own a partition, by generation: never two. */
export class Owners {
  readonly #owners = new Map<string, string>();

  claim(generationId: number, partition: number, owner: string): void {
    const key = `${generationId}/${partition}`;
    const other = this.#owners.get(key);
    if (other !== undefined && other !== owner)
      throw new Error(`partition ${partition} has two owners in ${generationId}: ${other}, ${owner}`);
    this.#owners.set(key, owner);
  }
}

export class Member {
  readonly #world: World;
  readonly #owners: Owners;
  readonly #name: string;
  readonly #instance: string | null;
  readonly #facts: ClientFacts;
  readonly #session: number;
  #memberId = "";
  #life = 0;
  #version = 0;
  #position = 0;
  #paused = false;
  generationId = -1;
  owned: readonly number[] | undefined;
  alive = false;

  constructor(world: World, owners: Owners, index: number) {
    this.#world = world;
    this.#owners = owners;
    this.#name = `member${index}`;
    this.#instance = world.random() < 0.3 ? `instance${index}` : null;
    this.#facts = { apiVersion: world.random() < 0.5 ? 3 : 9, clientId: this.#name, clientHost: "/sim" };
    if (this.#instance !== null) this.#facts = { ...this.#facts, apiVersion: world.random() < 0.5 ? 7 : 9 };
    this.#session = world.between(6000, 20_000);
  }

  start(): void {
    this.alive = true;
    this.#life++;
    this.#paused = false;
    this.#memberId = "";
    this.#lose();
    this.#join();
    this.#live(this.#life);
  }

  /** What happens to it: everything but answers. */
  #live(life: number): void {
    this.#world.after(this.#world.between(200, 4000), () => {
      if (life !== this.#life) return;
      if (this.#world.chance(0.02)) return this.#end("dies");
      if (this.#world.chance(0.02)) {
        const leaving = { memberId: this.#memberId, groupInstanceId: this.#instance };
        this.#world.call({ kind: "leave-group", request: { members: [leaving] } }, undefined, () => {});
        return this.#end("leaves");
      }
      if (this.#world.chance(0.03)) this.#pause(this.#world.between(1000, 40_000));
      else if (this.#world.chance(0.02)) this.#version++;
      this.#live(life);
    });
  }

  #end(how: string): void {
    this.#world.note(`${this.#name} ${how}`);
    this.alive = false;
    this.#life++;
    this.owned = undefined;
    this.#world.after(this.#world.between(100, 60_000), () => this.start());
  }

  #pause(ms: number): void {
    this.#world.note(`${this.#name} pauses for ${ms}`);
    this.#paused = true;
    this.#world.after(ms, () => (this.#paused = false));
  }

  #lose(): void {
    this.owned = undefined;
    this.generationId = -1;
  }

  /** Runs when the answer came and the process is still the one that asked; a paused one reads it when it wakes. */
  #then<Answer>(act: (answer: Answer) => void): (answer: unknown) => void {
    const life = this.#life;
    const read = (answer: unknown): void => {
      if (life !== this.#life) return;
      if (this.#paused) this.#world.after(500, () => read(answer));
      else act(answer as Answer);
    };
    return read;
  }

  #join(): void {
    const request = {
      sessionTimeoutMs: this.#session,
      rebalanceTimeoutMs: 30_000,
      memberId: this.#memberId,
      groupInstanceId: this.#instance,
      protocolType: "consumer",
      protocols: [{ name: "range", metadata: Uint8Array.of(...subscription("a"), this.#version) }],
    };
    const failed = { errorCode: 14, memberId: this.#memberId };
    this.#world.call(
      { kind: "join-group", request, facts: this.#facts, uuid: "" },
      failed,
      this.#then<JoinGroupAnswer>((answer) => this.#joined(answer)),
    );
  }

  #joined(answer: JoinGroupAnswer): void {
    switch (answer.errorCode) {
      case 0:
        this.#memberId = answer.memberId;
        this.#sync(answer);
        break;
      case 79:
        this.#memberId = answer.memberId;
        this.#join();
        break;
      case 82:
        this.#end("is fenced");
        break;
      case 25:
        this.#memberId = "";
        this.#retry();
        break;
      default:
        this.#retry();
    }
  }

  #retry(): void {
    const life = this.#life;
    this.#lose();
    this.#world.after(100, () => life === this.#life && this.#join());
  }

  #sync(joined: JoinGroupAnswer): void {
    const leads = joined.leader === joined.memberId && !joined.skipAssignment;
    const assignments = leads ? assign(joined.members.map(({ memberId }) => memberId)) : [];
    const request = {
      generationId: joined.generationId,
      memberId: this.#memberId,
      groupInstanceId: this.#instance,
      protocolType: joined.protocolType,
      protocolName: joined.protocolName,
      assignments,
    };
    this.#world.call(
      { kind: "sync-group", request },
      { errorCode: 27 },
      this.#then<SyncGroupAnswer>((answer) => this.#synced(joined, answer)),
    );
  }

  #synced({ generationId }: JoinGroupAnswer, answer: SyncGroupAnswer): void {
    if (answer.errorCode !== 0) return this.#fail(answer.errorCode);
    this.generationId = generationId;
    const said = untext(answer.assignment);
    this.owned = said === "" ? [] : said.split(",").map(Number);
    for (const partition of this.owned) this.#owners.claim(generationId, partition, this.#instance ?? this.#memberId);
    this.#beat(generationId, this.#version);
  }

  #fail(errorCode: number): void {
    if (errorCode === 82) return this.#end("is fenced");
    if (errorCode === 22 || errorCode === 25) this.#memberId = "";
    this.#retry();
  }

  #beat(generationId: number, version: number): void {
    const life = this.#life;
    this.#world.after(2000, () => {
      if (life !== this.#life || generationId !== this.generationId) return;
      if (this.#paused) return this.#beat(generationId, version);
      if (version !== this.#version) return this.#retry();
      if (this.owned!.length > 0 && this.#world.random() < 0.5) this.#commit(generationId);
      const request = { generationId, memberId: this.#memberId, groupInstanceId: this.#instance };
      const answered = this.#then<HeartbeatAnswer>(({ errorCode }) => {
        if (generationId !== this.generationId) return;
        if (errorCode === 0 || errorCode === 15) this.#beat(generationId, version);
        else this.#fail(errorCode);
      });
      this.#world.call({ kind: "heartbeat", request }, { errorCode: 15 }, answered);
    });
  }

  #commit(generationId: number): void {
    const offset = ++this.#position;
    const request = {
      generationId,
      memberId: this.#memberId,
      groupInstanceId: this.#instance,
      retentionTimeMs: -1,
      topics: [{ ...topicA, partitions: this.owned!.map((partition) => ({ partition, offset, leaderEpoch: -1, metadata: "" })) }],
    };
    this.#world.call(
      { kind: "offset-commit", request, facts: this.#facts },
      loading,
      this.#then<OffsetCommitAnswer>(() => {}),
    );
  }
}

function assign(memberIds: readonly string[]) {
  return memberIds.map((memberId, index) => ({
    memberId,
    assignment: text(
      Array.from({ length: partitions }, (_, partition) => partition)
        .filter((partition) => partition % memberIds.length === index)
        .join(","),
    ),
  }));
}
