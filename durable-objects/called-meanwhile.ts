/**
 * An object that computes for long is called meanwhile. The platform counts what an object computes from the last call that reached it, and may
 * reset one that has gone on for thirty seconds: less than a merge of gigabytes takes, which is one call.
 */
const everyMs = 5000;

/** `call`: one that the object answers between two steps of its work; what becomes of it is nobody's concern. */
export async function calledMeanwhile<Answer>(work: Promise<Answer>, call: () => Promise<unknown>): Promise<Answer> {
  const timer = setInterval(() => {
    call().catch(() => {});
  }, everyMs);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}
