/**
 * Named points in time: when a session ends, when a join phase must complete. A heartbeat moves its deadline without touching
 * anything else; the earliest is only a lower bound until somebody asks at that time, so that moving one costs nothing.
 */
export class Deadlines {
  readonly #at = new Map<string, number>();
  #earliest = Number.POSITIVE_INFINITY;

  set(name: string, at: number): void {
    this.#at.set(name, at);
    if (at < this.#earliest) this.#earliest = at;
  }

  clear(name: string): void {
    this.#at.delete(name);
  }

  clearAll(): void {
    this.#at.clear();
  }

  /** Only when it is not awaited already. */
  setIfAbsent(name: string, at: number): void {
    if (!this.#at.has(name)) this.set(name, at);
  }

  /** Nothing is due before this; undefined when nothing is awaited. */
  next(): number | undefined {
    return this.#at.size === 0 ? undefined : this.#earliest;
  }

  /** What is due, earliest first, each removed as it is given out. What was moved or cleared meanwhile is not given out. */
  *due(now: number): Generator<string> {
    if (now < this.#earliest) return;
    const due = [...this.#at].filter(([, at]) => at <= now).sort((left, right) => left[1] - right[1]);
    this.#earliest = Number.POSITIVE_INFINITY;
    for (const at of this.#at.values()) if (at > now && at < this.#earliest) this.#earliest = at;
    for (const [name] of due) {
      const at = this.#at.get(name);
      if (at === undefined || at > now) continue;
      this.#at.delete(name);
      yield name;
    }
  }
}
