/** Everything a group is told: one event per request that came in, and the alarm that woke it. */
import type { TopicId } from "../coordinator.ts";
import type {
  ClientFacts,
  HeartbeatRequest,
  JoinGroupRequest,
  LeaveGroupRequest,
  OffsetCommitRequest,
  OffsetDeleteRequest,
  OffsetFetchRequest,
  SyncGroupRequest,
} from "./requests.ts";

/** Every request is answered once, by a reply with its id: now or after other events. */
export type GroupRequest =
  /** `uuid` is random: a member id is made of it when one is needed. */
  | { readonly kind: "join-group"; readonly request: JoinGroupRequest; readonly facts: ClientFacts; readonly uuid: string }
  | { readonly kind: "sync-group"; readonly request: SyncGroupRequest }
  | { readonly kind: "heartbeat"; readonly request: HeartbeatRequest }
  | { readonly kind: "leave-group"; readonly request: LeaveGroupRequest }
  | { readonly kind: "offset-commit"; readonly request: OffsetCommitRequest; readonly facts: ClientFacts }
  | { readonly kind: "offset-fetch"; readonly request: OffsetFetchRequest }
  | { readonly kind: "offset-delete"; readonly request: OffsetDeleteRequest }
  /** These topics are gone for good. */
  | { readonly kind: "forget-topics"; readonly topicIds: readonly TopicId[] }
  | { readonly kind: "describe-group" }
  | { readonly kind: "list-group" }
  | { readonly kind: "delete-group" };

export type GroupEvent = (GroupRequest & { readonly requestId: number }) | { readonly kind: "alarm" };

/** Events that show that members are alive and the group reachable. */
export function isSignOfLife(event: GroupEvent): boolean {
  return event.kind === "join-group" || event.kind === "sync-group" || event.kind === "heartbeat" || event.kind === "offset-commit";
}
