/** RE2's named classes of characters: \d, [:alpha:], \pL. */
export type Test = (code: number) => boolean;

const within =
  (...ranges: readonly string[]): Test =>
  (code) =>
    ranges.some((range) => code >= range.charCodeAt(0) && code <= range.charCodeAt(1));

export const isWord = within("09", "AZ", "az", "__");

const classes: ReadonlyMap<string, Test> = new Map<string, Test>([
  ["alnum", within("09", "AZ", "az")],
  ["alpha", within("AZ", "az")],
  ["ascii", (code) => code < 0x80],
  ["blank", within("\t\t", "  ")],
  ["cntrl", (code) => code < 0x20 || code === 0x7f],
  ["digit", within("09")],
  ["graph", within("!~")],
  ["lower", within("az")],
  ["print", within(" ~")],
  ["punct", within("!/", ":@", "[`", "{~")],
  ["space", within("\t\r", "  ")],
  ["upper", within("AZ")],
  ["word", isWord],
  ["xdigit", within("09", "AF", "af")],
]);

export function classOf(name: string): Test | undefined {
  return classes.get(name);
}

/** \d and \D, \pL, \p{Lu}, \p{^Greek}, \PN. Undefined when nothing is called so. */
export function namedClass(escape: string): Test | undefined {
  const letter = escape[1]!;
  if (letter !== "p" && letter !== "P") {
    const lower = letter.toLowerCase();
    const test = lower === "d" ? within("09") : lower === "w" ? isWord : within("\t\n", "\f\r", "  ");
    return lower === letter ? test : (code) => !test(code);
  }
  const inner = escape.slice(2).replace(/^\{|\}$/g, "");
  const name = inner.replace("^", "");
  const expression = unicode(name) ?? unicode(`Script=${name}`);
  if (expression === undefined) return undefined;
  const negated = (letter === "P") !== inner.startsWith("^");
  return (code) => expression.test(String.fromCharCode(code)) !== negated;
}

function unicode(property: string): RegExp | undefined {
  try {
    return new RegExp(`^\\p{${property}}$`, "u");
  } catch {
    return undefined;
  }
}

const controls: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** What stands behind the backslash: x41, x{41}, 101, n, or a sign that means itself. */
export function escapedCode(escape: string): number {
  if (escape.startsWith("x")) return Number.parseInt(escape.replace(/[x{}]/g, ""), 16);
  if (/^[0-7]/.test(escape)) return Number.parseInt(escape, 8);
  return controls[escape] ?? escape.charCodeAt(0);
}
