// The two copies that decompressors live on. Both write whole vectors, up to 15 bytes more than asked: whoever calls keeps that
// much room behind its output, and writes there next.

export function copyForward(to: usize, from: usize, length: usize): void {
  for (let offset: usize = 0; offset < length; offset += 16) v128.store(to + offset, v128.load(from + offset));
}

/** Repeats what lies `distance` bytes back. A period of less than a vector is first written out until its multiple is one. */
export function repeat(to: usize, distance: usize, length: usize): void {
  if (distance >= 16) {
    copyForward(to, to - distance, length);
    return;
  }
  const end = to + length;
  let at = to;
  let period = distance;
  while (period < 16) period += distance;
  for (const byBytes = min(end, to + period - distance); at < byBytes; at++) store<u8>(at, load<u8>(at - distance));
  if (at < end) copyForward(at, at - period, end - at);
}
