/**
 * Why compressed bytes could not be opened: they are malformed, they hold more than the caller allows, or nobody here knows the
 * codec. The caller turns it into a Kafka error; the bytes came from outside, so it is never a bug.
 */
export type DecompressFault = "malformed" | "too-large" | "codec";

export class DecompressError extends Error {
  readonly fault: DecompressFault;

  constructor(fault: DecompressFault, message: string) {
    super(message);
    this.name = "DecompressError";
    this.fault = fault;
  }
}
