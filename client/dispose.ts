/** The symbols behind `using`. Where a runtime has none yet, compilers that put older words for `using` look for these. */
export const dispose: typeof Symbol.dispose = Symbol.dispose ?? (Symbol.for("Symbol.dispose") as typeof Symbol.dispose);
export const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for("Symbol.asyncDispose") as typeof Symbol.asyncDispose);

export interface CloseOptions {
  /** Ends at once when it is aborted: what is not delivered or committed by then is given up. */
  readonly signal?: AbortSignal;
}
