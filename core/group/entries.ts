/** The first number of every entry in a group's rows: what kind of change it is. Numbers are for ever. */
export const membershipKind = 1;
export const assignmentKind = 2;
export const offsetsKind = 3;
export const offsetsRemovedKind = 4;
export const quietKind = 5;
export const consumerKind = 6;
