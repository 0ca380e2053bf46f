/**
 * Lays JSON text out over lines, as pieces with what each is, for colours. It moves the text's own tokens and never turns them into values:
 * numbers keep every digit, and a name that comes twice is shown twice. The text is known to be JSON.
 */
export type PieceKind = "plain" | "name" | "string" | "number" | "word";

export interface Piece {
  readonly kind: PieceKind;
  readonly text: string;
}

/** Deeper than this stands in one line: the margins alone of a thousand levels would be more than any page can show. */
const depthMax = 32;

const tokenPattern = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}[\],:]/g;

export function layOut(json: string): readonly Piece[] {
  const pieces: Piece[] = [];
  const plain = (text: string): void => {
    const last = pieces.at(-1);
    if (last?.kind === "plain") pieces[pieces.length - 1] = { kind: "plain", text: last.text + text };
    else pieces.push({ kind: "plain", text });
  };
  const tokens = json.match(tokenPattern) ?? [];
  let depth = 0;
  /** What is too deep, and the brackets around it, stay together. */
  const newLine = (level = depth): void => {
    if (level <= depthMax) plain(`\n${"  ".repeat(depth)}`);
  };
  for (const [index, token] of tokens.entries()) {
    const next = tokens[index + 1];
    if (token === "{" || token === "[") {
      plain(token);
      depth += 1;
      if (next !== "}" && next !== "]") newLine();
    } else if (token === "}" || token === "]") {
      depth -= 1;
      const before = tokens[index - 1];
      if (before !== "{" && before !== "[") newLine(depth + 1);
      plain(token);
    } else if (token === ",") {
      plain(depth > depthMax ? ", " : token);
      newLine();
    } else if (token === ":") plain(": ");
    else pieces.push({ kind: next === ":" ? "name" : kindOf(token), text: token });
  }
  return pieces;
}

function kindOf(token: string): PieceKind {
  if (token.startsWith('"')) return "string";
  return /^[-\d]/.test(token) ? "number" : "word";
}
