/**
 * A broker's client of one group: RPC to the Group Durable Object. A call that breaks off is answered with what Kafka says while a
 * coordinator loads; questions that change nothing, and those that may be repeated, are put once more to a fresh stub first.
 */
import type { TopicId } from "../core/coordinator.ts";
import * as failures from "../core/group/client-failures.ts";
import type { ConsumerHeartbeatRequest } from "../core/group/consumer/requests.ts";
import type { GroupClient } from "../core/group/group-client.ts";
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
} from "../core/group/requests.ts";
import type { TransactionEnd } from "../core/transaction/events.ts";
import type { Env } from "./env.ts";
import { timerMsMax } from "./earliest-timer.ts";
import { groupName } from "./names.ts";
import { onceMore } from "./stub.ts";
import { withinTime } from "./within-time.ts";

/** What is not a matter of waiting for others is answered within this, or not at all. */
const callMsMax = 15_000;
/** A group answers joins when its rebalance is over; a sync cannot say how long its group gives its members. */
const waitMsSpare = 30_000;
const syncMsMax = 600_000;

export function groupClient(env: Env, cluster: string, groupId: string): GroupClient {
  return new RpcGroupClient(groupId, () => env.GROUP.getByName(groupName(cluster, groupId)) as unknown as GroupClient);
}

class RpcGroupClient implements GroupClient {
  readonly groupId: string;
  readonly #open: () => GroupClient;
  #stub: GroupClient | undefined;

  constructor(groupId: string, open: () => GroupClient) {
    this.groupId = groupId;
    this.#open = open;
  }

  /** A stub whose object was reset stays broken: the next call gets another. */
  async #once<Answer>(call: (group: GroupClient) => Promise<Answer>, msMax = callMsMax): Promise<Answer> {
    const stub = (this.#stub ??= this.#open());
    try {
      return await withinTime(msMax, () => call(stub));
    } catch (error) {
      if (this.#stub === stub) this.#stub = undefined;
      throw error;
    }
  }

  async #call<Answer>(call: (group: GroupClient) => Promise<Answer>, failed: Answer, msMax?: number): Promise<Answer> {
    return await this.#once(call, msMax).catch(() => failed);
  }

  async #repeat<Answer>(call: (group: GroupClient) => Promise<Answer>, failed: Answer): Promise<Answer> {
    return await onceMore(() => this.#once(call)).catch(() => failed);
  }

  joinGroup(request: JoinGroupRequest, facts: ClientFacts) {
    const waitMs = Math.max(request.rebalanceTimeoutMs, request.sessionTimeoutMs) + waitMsSpare;
    return this.#call((group) => group.joinGroup(request, facts), failures.joinFailed(request), Math.min(waitMs, timerMsMax));
  }

  syncGroup(request: SyncGroupRequest) {
    return this.#call((group) => group.syncGroup(request), failures.syncFailed, syncMsMax);
  }

  heartbeat(request: HeartbeatRequest) {
    return this.#repeat((group) => group.heartbeat(request), failures.heartbeatFailed);
  }

  /** Not repeated: the answer that got lost may be the only one to name the new assignment. Refused, a client says and is told all. */
  consumerHeartbeat(request: ConsumerHeartbeatRequest, facts: ClientFacts) {
    return this.#call((group) => group.consumerHeartbeat(request, facts), failures.consumerHeartbeatFailed);
  }

  leaveGroup(request: LeaveGroupRequest) {
    return this.#call((group) => group.leaveGroup(request), failures.leaveFailed);
  }

  /** Not repeated here: a later commit of the same client may have overtaken it by then. */
  commitOffsets(request: OffsetCommitRequest, facts: ClientFacts) {
    return this.#call((group) => group.commitOffsets(request, facts), failures.commitFailed(request));
  }

  /** Once the transaction has ended a late one is refused, so it may be put twice. */
  commitTransactionalOffsets(request: TransactionalOffsetCommitRequest) {
    return this.#repeat((group) => group.commitTransactionalOffsets(request), failures.commitFailed(request));
  }

  completeTransaction(end: TransactionEnd) {
    return this.#once((group) => group.completeTransaction(end));
  }

  fetchOffsets(request: OffsetFetchRequest) {
    return this.#repeat((group) => group.fetchOffsets(request), failures.fetchFailed);
  }

  deleteOffsets(request: OffsetDeleteRequest) {
    return this.#call((group) => group.deleteOffsets(request), failures.deleteOffsetsFailed);
  }

  forgetTopics(topicIds: readonly TopicId[]) {
    return this.#repeat((group) => group.forgetTopics(topicIds), undefined);
  }

  describe() {
    return this.#repeat((group) => group.describe(), failures.describeFailed);
  }

  describeConsumer() {
    return this.#repeat((group) => group.describeConsumer(), failures.describeConsumerFailed);
  }

  list() {
    return this.#repeat((group) => group.list(), undefined);
  }

  delete() {
    return this.#call((group) => group.delete(), failures.deleteFailed);
  }
}
