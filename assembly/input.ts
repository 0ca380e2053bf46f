// The one window through which bytes come in. Inputs larger than it pass through in pieces, each read while it is still in the
// processor's first level cache; so the memory of the module doesn't grow with what clients send.

/** The length of every piece but the last, which is shorter than two. */
export const PIECE: usize = 8192;

/** The end of the piece before, so that what straddles two pieces lies in one stretch. */
export const CARRY: usize = 64;

/** Where pieces begin; 64 bytes behind the longest may be loaded, though they mean nothing. */
export const input: usize = memory.data(64 + 2 * 8192 + 64, 64) + 64;

export function inputAddress(): usize {
  return input;
}

export function pieceBytes(): usize {
  return PIECE;
}
