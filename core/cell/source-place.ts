/** How rows and snapshots spell where extents lie: a number for the kind, which never changes, and what that kind has. */
import { OperatingError } from "../operating-error.ts";
import type { PackedReader, PackedWriter } from "./packed-bytes.ts";
import type { Source } from "./sources.ts";

const place = { inline: 0, object: 3, merged: 4, segment: 5, compacted: 8 } as const;
/** Written by a cell that is lost: its number comes first. */
const takenOver = { merged: 6, segment: 7, compacted: 9 } as const;
/** As they were before there were mergers. */
const former = { object: 1, merged: 2 } as const;

export function writePlace(out: PackedWriter, source: Source): void {
  if (source.kind !== "inline" && source.kind !== "object" && source.cell !== undefined) {
    out.uint(takenOver[source.kind]);
    out.uint(source.cell);
  } else out.uint(place[source.kind]);
  switch (source.kind) {
    case "inline":
      out.uint(source.row);
      out.uint(source.byteLength);
      break;
    case "merged":
      out.uint(source.cursor);
      out.uint(source.part);
      break;
    case "segment":
    case "compacted":
      out.uint(source.cursor);
      out.string(source.topicId);
      out.uint(source.partition);
      out.uint(source.baseOffset);
      break;
    case "object":
      out.uint(source.brokerId);
      out.uint(source.brokerEpoch);
      out.uint(source.sequence);
      out.uint(source.atMs);
  }
}

export function readPlace(reader: PackedReader): Source {
  const kind = reader.uint();
  const cell = Object.values<number>(takenOver).includes(kind) ? reader.uint() : undefined;
  switch (kind) {
    case place.inline:
      return { kind: "inline", row: reader.uint(), byteLength: reader.uint() };
    case former.object:
    case place.object: {
      const object = { brokerId: reader.uint(), brokerEpoch: reader.uint(), sequence: reader.uint() };
      // Nobody asked when it was committed: it has waited long enough.
      return { kind: "object", ...object, atMs: kind === former.object ? 0 : reader.uint() };
    }
    case former.merged:
    case place.merged:
    case takenOver.merged: {
      const merged = { kind: "merged", cursor: reader.uint(), part: kind === former.merged ? 0 : reader.uint() } as const;
      return cell === undefined ? merged : { ...merged, cell };
    }
    case place.segment:
    case place.compacted:
    case takenOver.segment:
    case takenOver.compacted:
      return {
        ...(cell !== undefined && { cell }),
        kind: kind === place.segment || kind === takenOver.segment ? "segment" : "compacted",
        cursor: reader.uint(),
        topicId: reader.string(),
        partition: reader.uint(),
        baseOffset: reader.uint(),
      };
    default:
      throw new OperatingError("corrupt", `a row names a source of kind ${kind}, which this version does not know`);
  }
}

/** Of objects that belong to one cell alone. */
export function readOwnPlace(reader: PackedReader): Exclude<Source, { readonly kind: "inline" | "object" }> {
  const source = readPlace(reader);
  if (source.kind === "inline" || source.kind === "object")
    throw new OperatingError("corrupt", "a row names what is shared where an object of the cell is meant");
  return source;
}
