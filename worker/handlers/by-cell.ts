/**
 * Questions about many partitions, put to each leader in one call. `add` gives a ticket, under which the answer is found after `ask`.
 */
export class ByCell<Query> {
  readonly #cells = new Map<number, { readonly queries: Query[]; readonly tickets: symbol[] }>();

  add(cell: number, query: Query): symbol {
    let asked = this.#cells.get(cell);
    if (asked === undefined) this.#cells.set(cell, (asked = { queries: [], tickets: [] }));
    const ticket = Symbol();
    asked.queries.push(query);
    asked.tickets.push(ticket);
    return ticket;
  }

  async ask<Answer>(
    question: (cell: number, queries: readonly Query[]) => Promise<readonly Answer[]>,
  ): Promise<ReadonlyMap<symbol, Answer>> {
    const answers = new Map<symbol, Answer>();
    await Promise.all(
      [...this.#cells].map(async ([cell, { queries, tickets }]) => {
        const answered = await question(cell, queries);
        for (const [index, ticket] of tickets.entries()) answers.set(ticket, answered[index]!);
      }),
    );
    return answers;
  }
}
