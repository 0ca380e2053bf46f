/** The first number of every entry in a group's rows: what kind of change it is. Numbers are for ever. */
export const membershipKind = 1;
export const assignmentKind = 2;
export const offsetsKind = 3;
export const offsetsRemovedKind = 4;
export const quietKind = 5;
/** Of a consumer group as it was before classic members could be in it. */
export const consumerOnlyKind = 6;
export const consumerKind = 7;
/** Offsets that came with a transaction, and how transactions ended. */
export const transactionalOffsetsKind = 20;
export const transactionsEndedKind = 21;
