/** What was used lately, made anew when it is wanted again: clients name as many things as they like, and memory is bounded [I8]. */
export class Recent<Value> {
  readonly #make: (name: string) => Value;
  readonly #countMax: number;
  /** In the order of their last use. */
  readonly #values = new Map<string, Value>();

  constructor(countMax: number, make: (name: string) => Value) {
    this.#countMax = countMax;
    this.#make = make;
  }

  get(name: string): Value {
    const known = this.#values.get(name);
    const value = known ?? this.#make(name);
    if (known !== undefined) this.#values.delete(name);
    this.#values.set(name, value);
    if (this.#values.size > this.#countMax) this.#values.delete(this.#values.keys().next().value!);
    return value;
  }

  /** The names that were used last, the very last one first. */
  latest(countMax: number): readonly string[] {
    return [...this.#values.keys()].slice(-countMax).reverse();
  }
}
