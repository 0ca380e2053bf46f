/** Thrown by a bench that this machine cannot run; the message says what is missing. Apart from breaking, which is an error. */
export class Skipped extends Error {}
