/** Everything a group is told: one event per request that came in, and the alarm that woke it. */
import type { TopicId } from "../coordinator.ts";
import type { TransactionEnd } from "../transaction/events.ts";
import type { ConsumerHeartbeat } from "./consumer/heartbeat.ts";
import type { TopicsView } from "./consumer/requests.ts";
import type { SetConfigs } from "./group-configs.ts";
import type {
  ClientFacts,
  HeartbeatRequest,
  JoinGroupRequest,
  LeaveGroupRequest,
  OffsetCommitRequest,
  OffsetDeleteRequest,
  OffsetFetchRequest,
  SyncGroupRequest,
  TransactionalOffsetCommitRequest,
} from "./requests.ts";

/** Every request is answered once, by a reply with its id: now or after other events. */
export type GroupRequest =
  /** `uuid` is random: a member id is made of it when one is needed. */
  | {
      readonly kind: "join-group";
      readonly request: JoinGroupRequest;
      readonly facts: ClientFacts;
      readonly uuid: string;
      /** Wanted by groups that assign partitions themselves; they use what they saw last when it is not there. */
      readonly view?: TopicsView | undefined;
      readonly configs?: SetConfigs | undefined;
    }
  | { readonly kind: "sync-group"; readonly request: SyncGroupRequest }
  | { readonly kind: "heartbeat"; readonly request: HeartbeatRequest }
  | { readonly kind: "leave-group"; readonly request: LeaveGroupRequest }
  /** `uuid`: the id of a member that brings none. `view`: the topics as they are now. */
  | ({ readonly kind: "consumer-heartbeat"; readonly configs?: SetConfigs | undefined } & ConsumerHeartbeat)
  | { readonly kind: "offset-commit"; readonly request: OffsetCommitRequest; readonly facts: ClientFacts }
  | { readonly kind: "transactional-offset-commit"; readonly request: TransactionalOffsetCommitRequest }
  | { readonly kind: "transaction-ended"; readonly end: TransactionEnd }
  | { readonly kind: "offset-fetch"; readonly request: OffsetFetchRequest }
  | { readonly kind: "offset-delete"; readonly request: OffsetDeleteRequest }
  /** These topics are gone for good. */
  | { readonly kind: "forget-topics"; readonly topicIds: readonly TopicId[] }
  | { readonly kind: "describe-group" }
  | { readonly kind: "describe-consumer-group" }
  | { readonly kind: "list-group" }
  | { readonly kind: "delete-group" };

export type GroupEvent = (GroupRequest & { readonly requestId: number }) | { readonly kind: "alarm" };

const signs: ReadonlySet<GroupEvent["kind"]> = new Set([
  "join-group",
  "sync-group",
  "heartbeat",
  "consumer-heartbeat",
  "offset-commit",
  "transactional-offset-commit",
]);

/** Events that show that members are alive and the group reachable. */
export function isSignOfLife(event: GroupEvent): boolean {
  return signs.has(event.kind);
}
