/**
 * What a request names more than once, found in one pass: requests may name hundreds of thousands of things, and all clients of a
 * broker wait while one of them is compared with each other.
 */
export function repeated<Name>(names: Iterable<Name>): ReadonlySet<Name> {
  const seen = new Set<Name>();
  const twice = new Set<Name>();
  for (const name of names) {
    if (seen.has(name)) twice.add(name);
    else seen.add(name);
  }
  return twice;
}
