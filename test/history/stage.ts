/**
 * The real server as `npm start` starts it, the clients' connections to it, and what befalls both: it is killed with all its processes and
 * started again over the same folder, and connections are cut from outside. Clients write down here what happens to them.
 */
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Running, startKante } from "../clients/kante.ts";
import type { Random } from "../sim/random.ts";
import type { Happening } from "./happening.ts";

type Without<Type, Key extends PropertyKey> = Type extends unknown ? Omit<Type, Key> : never;

export interface Cuttable {
  cut(): void;
}

const brokers = 2;
/** So few partitions to a cell that transactions span several. */
const settingsOfHistories = ["wal.puts.per.second=1000", "cell.partitions.max=3", "group.initial.rebalance.delay.ms=0"];

/** Below those that the system gives to whoever connects: a client must not sit on the server's port while that is away. */
function lowPort(): number {
  return 12_000 + Math.floor(Math.random() * 18_000);
}

export class Stage {
  readonly history: Happening[] = [];
  readonly random: Random;
  readonly connections = new Set<Cuttable>();
  readonly kafkaPort: number;
  readonly httpPort: number;
  /** Clients finish what they have begun, and begin nothing more. */
  isOver = false;
  readonly brokers = brokers;
  kills = 0;
  cuts = 0;
  readonly #data: string;
  readonly #settings: readonly string[];
  readonly #startedMs = performance.now();
  #running: Running | undefined;

  private constructor(data: string, random: Random, settings: readonly string[], kafkaPort: number) {
    this.#data = data;
    this.#settings = settings;
    this.random = random;
    this.kafkaPort = kafkaPort;
    this.httpPort = kafkaPort + brokers;
  }

  static async set(data: string, random: Random, settings: readonly string[] = settingsOfHistories): Promise<Stage> {
    for (let attempt = 1; ; attempt++) {
      const stage = new Stage(data, random, settings, lowPort());
      try {
        await stage.#start();
        return stage;
      } catch (error) {
        if (attempt === 10) throw error;
      }
    }
  }

  get bootstrap(): string[] {
    return Array.from({ length: brokers }, (_, index) => `127.0.0.1:${this.kafkaPort + index}`);
  }

  record(happening: Without<Happening, "at">): void {
    this.history.push({ at: Math.round(performance.now() - this.#startedMs), ...happening });
  }

  /** For clients that open their sockets themselves. */
  adopt(socket: Socket): void {
    // As a reset from the other side: a socket that is merely closed tells kafkajs nothing.
    const connection = { cut: () => socket.destroy(new Error("the connection was reset")) };
    this.connections.add(connection);
    socket.once("close", () => this.connections.delete(connection));
  }

  async kill(): Promise<void> {
    this.record({ kind: "fault", what: "killed" });
    this.kills += 1;
    await this.#running?.stop("SIGKILL");
    await this.#start();
    this.record({ kind: "fault", what: "started" });
  }

  /** All connections, or about half of them. */
  cut(): void {
    const isAll = this.random.chance(0.5);
    this.record({ kind: "fault", what: isAll ? "all connections are cut" : "some connections are cut" });
    this.cuts += 1;
    for (const connection of this.connections) if (isAll || this.random.chance(0.5)) connection.cut();
  }

  /** A little while until the next attempt. */
  async pause(): Promise<void> {
    await sleep(this.random.between(20, 200));
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
  }

  async #start(): Promise<void> {
    const args = ["--log-level", "error", ...this.#settings.flatMap((setting) => ["--set", setting])];
    const { kafkaPort, httpPort } = this;
    this.#running = await startKante({ data: this.#data, kafkaPort, httpPort, brokers, args });
  }
}
