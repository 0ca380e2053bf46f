/**
 * Questions to many coordinators, some at a time: one request may name thousands of groups, and each that is asked costs memory until
 * it has answered, also the group that does not exist.
 */
const atOnceMax = 32;

/** The answers in the order of the questions. When one fails no others are put. */
export async function sideBySide<Asked, Answer>(
  asked: readonly Asked[],
  ask: (each: Asked) => Promise<Answer>,
  atOnce = atOnceMax,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  let next = 0;
  const work = async (): Promise<void> => {
    for (let index = next++; index < asked.length; index = next++) {
      answers[index] = await ask(asked[index]!).catch((error: unknown) => {
        next = asked.length;
        throw error;
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, asked.length) }, work));
  return answers;
}
