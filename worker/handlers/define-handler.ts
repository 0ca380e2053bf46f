/**
 * A handler with the types of its own API. The registry holds handlers of all APIs, whose bodies have nothing in common, so the
 * types are checked here, where one is written, and forgotten after.
 */
import type { Handler, RequestContext } from "../../durable-objects/handler.ts";
import type { ApiSchema, RequestOf, ResponseInput } from "../../protocol/schema.ts";

export interface TypedHandler<Api extends ApiSchema> {
  readonly api: Api;
  readonly versions: readonly [min: number, max: number];
  readonly advertisedMin?: number;
  handle(
    request: RequestOf<Api>,
    context: RequestContext,
  ): Promise<ResponseInput<Api> | undefined> | ResponseInput<Api> | undefined;
  unreachable?(request: RequestOf<Api>, context: RequestContext): ResponseInput<Api> | undefined;
}

export function defineHandler<const Api extends ApiSchema>(handler: TypedHandler<Api>): Handler {
  return handler;
}
