/**
 * Walks folders so that keys come out in the order a bucket would list them: by the whole key. Entries are therefore compared
 * as the keys they begin, a folder with its slash ("a-b" < "a/b" < "a0"), and folders that can hold nothing wanted are not read.
 */
import { isSegment } from "./arguments.ts";

/** As the disk service says it. */
export interface FolderEntry {
  readonly name: string;
  readonly type: string;
}

type ReadFolder = (folder: string) => Promise<readonly FolderEntry[]>;

export async function* keysInOrder(readFolder: ReadFolder, prefix: string, startAfter: string): AsyncGenerator<string> {
  yield* walk(readFolder, prefix.slice(0, prefix.lastIndexOf("/") + 1), prefix, startAfter);
}

async function* walk(readFolder: ReadFolder, folder: string, prefix: string, startAfter: string): AsyncGenerator<string> {
  const names = (await readFolder(folder)).flatMap((entry) => beginnings(folder, entry));
  for (const name of names.toSorted()) {
    if (!name.endsWith("/")) {
      if (name.startsWith(prefix) && name > startAfter) yield name;
    } else if (mayHold(name, prefix, startAfter)) {
      yield* walk(readFolder, name, prefix, startAfter);
    }
  }
}

/** All keys in a folder begin with its name, so unless the name itself is a beginning of `startAfter` they lie on one side of it. */
function mayHold(folder: string, prefix: string, startAfter: string): boolean {
  return (folder.startsWith(prefix) || prefix.startsWith(folder)) && (folder > startAfter || startAfter.startsWith(folder));
}

function beginnings(folder: string, { name, type }: FolderEntry): string[] {
  // What we cannot have written (lost+found, a person's notes) is none of ours.
  if (!isSegment(name)) return [];
  if (type === "directory") return [`${folder}${name}/`];
  return type === "file" ? [folder + name] : [];
}
