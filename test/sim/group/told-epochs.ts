/**
 * What a group's answers mean for the checkers: which commits were accepted and which epochs were told. The planted bugs that
 * concern requests are here as well, since they need to know the same.
 */
import type { ConsumerHeartbeatAnswer } from "../../../core/group/consumer/requests.ts";
import type { Effect } from "../../../core/group/outbox.ts";
import type { JoinGroupAnswer, OffsetCommitAnswer, OffsetCommitRequest } from "../../../core/group/requests.ts";
import type { GroupHappening } from "../history.ts";
import type { Planted } from "../plants.ts";
import type { GroupCall } from "./gateway.ts";

export class ToldEpochs {
  readonly #plant: Planted;
  #generation = -1;
  readonly #epochs = new Map<string, number>();
  /** What was committed in the name of another epoch, as the client sent it. */
  readonly #forged = new WeakMap<OffsetCommitRequest, OffsetCommitRequest>();

  constructor(plant: Planted) {
    this.#plant = plant;
  }

  *happenings(
    at: number,
    effects: readonly Effect[],
    callOf: (requestId: number) => GroupCall | undefined,
  ): Generator<GroupHappening> {
    for (const effect of effects) {
      if (effect.kind !== "reply") continue;
      const call = callOf(effect.requestId);
      if (call?.kind === "offset-commit") yield* this.#committed(at, call.request, effect.answer as OffsetCommitAnswer);
      if (call?.kind === "join-group") {
        const { errorCode, generationId, leader, memberId } = effect.answer as JoinGroupAnswer;
        if (errorCode !== 0) continue;
        // Without a leader it is an epoch, which each member reaches in its own time.
        const member = leader === "" ? memberId : undefined;
        if (member === undefined) this.#generation = generationId;
        else this.#epochs.set(member, generationId);
        yield { kind: "epoch-told", at, member, epoch: generationId };
      }
      if (call?.kind === "consumer-heartbeat") {
        const { errorCode, memberId, memberEpoch } = effect.answer as ConsumerHeartbeatAnswer;
        if (errorCode !== 0 || memberId === null || memberEpoch < 0) continue;
        this.#epochs.set(memberId, memberEpoch);
        yield { kind: "epoch-told", at, member: memberId, epoch: memberEpoch };
      }
    }
  }

  *#committed(at: number, accepted: OffsetCommitRequest, { partitionErrors }: OffsetCommitAnswer): Generator<GroupHappening> {
    const { memberId: member, generationId: epoch } = this.#forged.get(accepted) ?? accepted;
    for (const [index, { partition, metadata }] of accepted.topics[0]!.partitions.entries()) {
      if (partitionErrors[0]?.[index] !== 0) continue;
      yield { kind: "offset-committed", at, partition, commit: metadata ?? "", member, epoch };
    }
  }

  tamper(call: GroupCall): GroupCall {
    if (this.#plant.is("assign-twice") && call.kind === "sync-group" && call.request.assignments.length > 1) {
      const { assignment } = call.request.assignments[0]!;
      const assignments = call.request.assignments.map(({ memberId }) => ({ memberId, assignment }));
      return { ...call, request: { ...call.request, assignments } };
    }
    if (this.#plant.is("release-too-early") && call.kind === "consumer-heartbeat" && call.request.topicPartitions !== null)
      return { ...call, request: { ...call.request, topicPartitions: [] } };
    if (this.#plant.is("accept-zombies") && call.kind === "offset-commit") {
      const generationId = this.#epochs.get(call.request.memberId) ?? this.#generation;
      const request = { ...call.request, generationId };
      this.#forged.set(request, call.request);
      return { ...call, request };
    }
    return call;
  }
}
