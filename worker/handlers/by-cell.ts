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

  /** `unanswered`: what stands for the answers of a leader that could not be asked. Without it the whole fails. */
  async ask<Answer>(
    question: (cell: number, queries: readonly Query[]) => Promise<readonly Answer[]>,
    unanswered?: (query: Query) => Answer,
  ): Promise<ReadonlyMap<symbol, Answer>> {
    const answers = new Map<symbol, Answer>();
    await Promise.all(
      [...this.#cells].map(async ([cell, { queries, tickets }]) => {
        const asked = question(cell, queries);
        const answered = await (unanswered === undefined ? asked : asked.catch(() => queries.map(unanswered)));
        for (const [index, ticket] of tickets.entries()) answers.set(ticket, answered[index]!);
      }),
    );
    return answers;
  }
}
