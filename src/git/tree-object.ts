/** One entry of a folder in a commit. */
export interface TreeEntry {
  readonly name: string;
  readonly kind: "folder" | "file" | "link" | "submodule";
}

/**
 * The entries of a tree object, in Git's order: each is its mode in octal digits, a blank, its name, a zero byte, and the
 * bytes of a hash. Entries that no checkout could have are left out.
 * @param hashBytes 20 for SHA-1, 32 for SHA-256.
 */
export function treeEntries(tree: Uint8Array, hashBytes: number): TreeEntry[] {
  const bytes = Buffer.from(tree.buffer, tree.byteOffset, tree.byteLength);
  const entries: TreeEntry[] = [];
  for (let at = 0; at < bytes.length; ) {
    const blank = bytes.indexOf(" ", at);
    const zero = bytes.indexOf(0, blank);
    if (blank < 0 || zero < 0) break;
    const name = bytes.toString("utf8", blank + 1, zero);
    const kind = kindOf(Number.parseInt(bytes.toString("latin1", at, blank), 8));
    if (isName(name)) entries.push({ name, kind });
    at = zero + 1 + hashBytes;
  }
  return entries;
}

/**
 * Names that mean another folder, or Git's own, are in no tree that Git itself has made, and it checks none of them out.
 */
function isName(name: string): boolean {
  return !["", ".", "..", ".git"].includes(name.toLowerCase()) && !name.includes("/");
}

function kindOf(mode: number): TreeEntry["kind"] {
  switch (mode & 0o170000) {
    case 0o040000:
      return "folder";
    case 0o120000:
      return "link";
    case 0o160000:
      return "submodule";
    default:
      return "file";
  }
}
