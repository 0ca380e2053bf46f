/**
 * The quota on partitions made and deleted, for one request (KIP-599). Newer versions are refused topic by topic once it is spent;
 * clients of older ones do not know the error, so they are let through and must be silent for it.
 */
import type { RequestContext } from "../../durable-objects/handler.ts";
import { errorCodes } from "../../protocol/errors.ts";

export const quotaExceeded = {
  errorCode: errorCodes.THROTTLING_QUOTA_EXCEEDED,
  errorMessage: "The throttling quota has been exceeded.",
} as const;

export class MutationQuota {
  readonly #context: RequestContext;
  readonly #isStrict: boolean;
  #throttleTimeMs = 0;

  constructor(context: RequestContext, strictFrom: number) {
    this.#context = context;
    this.#isStrict = context.apiVersion >= strictFrom;
  }

  /** For the answer: as long as the client's connection is muted. */
  get throttleTimeMs(): number {
    return this.#throttleTimeMs;
  }

  allows(partitions: number): boolean {
    const { isAccepted, throttleMs } = this.#context.mutate(Math.max(0, partitions), this.#isStrict);
    this.#throttleTimeMs = Math.max(this.#throttleTimeMs, throttleMs);
    return isAccepted;
  }
}
