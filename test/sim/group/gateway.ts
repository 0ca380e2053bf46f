/**
 * Brokers as a group's clients see them: each hands requests on to the group over the simulated network, with the real answers for
 * a group that breaks off, and dies now and then, which cuts the connections of its clients. What may be repeated is put once more,
 * as durable-objects/group-client.ts does.
 */
import * as failures from "../../../core/group/client-failures.ts";
import type { GroupRequest } from "../../../core/group/events.ts";
import { Life, type Network } from "../network.ts";
import type { World } from "../world.ts";

type Sent<Request> = Request extends unknown ? Omit<Request, "uuid" | "view"> : never;
/** What a client sends; the group's object adds what is random and what it knows of topics. */
export type GroupCall = Sent<GroupRequest>;

/** An answer of an object that went away with the request. */
export const brokenOff = Symbol("broken off");

export interface Callee {
  readonly address: Life;
  serve(call: GroupCall, answer: (answer: unknown) => void): void;
}

interface Front {
  readonly life: Life;
  readonly open: Set<() => void>;
}

const parked: ReadonlySet<GroupCall["kind"]> = new Set(["join-group", "sync-group"]);
const repeatable: ReadonlySet<GroupCall["kind"]> = new Set(["heartbeat", "offset-fetch"]);

export class Gateway {
  readonly #world: World;
  readonly #network: Network;
  readonly #group: Callee;
  readonly #fronts: readonly Front[];

  constructor(world: World, network: Network, group: Callee, brokers: number) {
    this.#world = world;
    this.#network = network;
    this.#group = group;
    this.#fronts = Array.from({ length: brokers }, () => ({ life: new Life(), open: new Set<() => void>() }));
  }

  /** Calls that nobody has answered. */
  get open(): number {
    return this.#fronts.reduce((sum, { open }) => sum + open.size, 0);
  }

  killBroker(): void {
    const front = this.#world.random.pick(this.#fronts);
    if (!front.life.alive) return;
    this.#world.log("a broker dies");
    front.life.die();
    for (const cut of front.open) cut();
    this.#world.after(this.#world.random.between(0, 3000), "a broker starts", () => front.life.start());
  }

  /** Undefined is heard when the connection breaks first. */
  call<Answer>(call: GroupCall, hear: (answer: Answer | undefined) => void): void {
    const alive = this.#fronts.filter(({ life }) => life.alive);
    if (alive.length === 0) return this.#world.after(100, "no broker is there", () => hear(undefined));
    const front = this.#world.random.pick(alive);
    const settle = (answer: Answer | undefined): void => {
      if (!front.open.delete(cut)) return;
      this.#world.after(this.#network.delay(), `${call.kind} heard`, () => hear(answer));
    };
    const cut = (): void => settle(undefined);
    front.open.add(cut);
    const hand = front.life.bind(() =>
      this.#hand(front, cut, call, repeatable.has(call.kind) ? 2 : 1, (answer) => settle(answer as Answer)),
    );
    this.#world.after(this.#network.delay(), `${call.kind} sent`, hand);
  }

  #hand(front: Front, cut: () => void, call: GroupCall, attempts: number, answered: (answer: unknown) => void): void {
    // A call that is delivered twice is answered once.
    let delivered = false;
    const failed = (): void => (attempts > 1 ? this.#hand(front, cut, call, attempts - 1, answered) : answered(failureOf(call)));
    this.#network.call<unknown>(
      call.kind,
      front.life,
      this.#group.address,
      (answer) => {
        if (isGhost(call, front.open.has(cut))) return this.#world.log(`${call.kind} is a ghost`);
        this.#group.serve(call, delivered ? () => {} : answer);
        delivered = true;
      },
      (answer) => (answer === brokenOff ? failed() : answered(answer)),
      failed,
      parked.has(call.kind) ? 90_000 : 3000,
    );
  }
}

/**
 * A request that says what its member owns, carried out once more when the member has gone on: KIP-848 has no defence against that,
 * whoever coordinates. The order of requests on a connection keeps it from happening.
 */
function isGhost(call: GroupCall, isAwaited: boolean): boolean {
  if (isAwaited) return false;
  return call.kind === "join-group" || (call.kind === "consumer-heartbeat" && call.request.topicPartitions !== null);
}

function failureOf(call: GroupCall): unknown {
  switch (call.kind) {
    case "join-group":
      return failures.joinFailed(call.request);
    case "sync-group":
      return failures.syncFailed;
    case "heartbeat":
      return failures.heartbeatFailed;
    case "consumer-heartbeat":
      return failures.consumerHeartbeatFailed;
    case "leave-group":
      return failures.leaveFailed;
    case "offset-commit":
      return failures.commitFailed(call.request);
    case "offset-fetch":
      return failures.fetchFailed;
    default:
      throw new Error(`no simulated client sends ${call.kind}`);
  }
}
