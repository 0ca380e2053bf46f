/** What brokers show in place of log directories: one, for everything that rests in the object store. */
export const logDir = "object-store";
