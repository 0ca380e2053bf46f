/**
 * A limit to how long a call to another object may take. A call that hangs is given up like one that broke off: whether it did its work
 * is not known, and whoever made it decides whether to make it again.
 */
import { OperatingError } from "../core/operating-error.ts";

export async function withinTime<Answer>(ms: number, work: () => Promise<Answer>): Promise<Answer> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new OperatingError("retry", `no answer in ${ms} ms`)), ms);
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}
