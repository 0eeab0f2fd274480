import { CatFile, type GitObject } from "./cat-file.ts";
import { GitError } from "./errors.ts";

/** One entry of a folder in a commit. */
export interface TreeEntry {
  readonly name: string;
  readonly kind: "folder" | "file" | "link" | "submodule";
}

/**
 * The files of one commit, as it holds them: no filter, no conversion of line ends. Paths start at the top of the
 * repository, with slashes; the empty one is the top itself. Symbolic links are followed as long as they stay within
 * the commit. What a submodule holds is in another repository, so nothing is there.
 */
export interface CommitFiles {
  /** What stands at a path; `undefined` when nothing does. */
  kindOf(path: string): Promise<"folder" | "file" | undefined>;
  /** What a folder holds, links not followed; nothing where there is no folder. */
  list(path: string): Promise<readonly TreeEntry[]>;
  /** A file's bytes, unless there is none, or it has more than `limit` of them. */
  read(path: string, limit: number): Promise<Uint8Array | "missing" | "folder" | "too-large">;
  /** The hash of what stands at a path: where it is the same, so are the bytes. */
  hashOf(path: string): Promise<string | undefined>;
  close(): void;
}

/** Bytes of one folder: a hundred thousand entries have less. */
const maxTreeBytes = 16 * 1024 * 1024;

/** Starts no process before something is asked. Methods throw {@link GitError} when Git fails. */
export function openCommitFiles(root: string, commit: string, environment: NodeJS.ProcessEnv): CommitFiles {
  let heads: CatFile | undefined;
  let contents: CatFile | undefined;

  const headOf = async (path: string): Promise<GitObject | undefined> => {
    // Questions are lines; whoever breaks one in a name is told that there is no such file.
    if (path.includes("\n")) return undefined;
    heads ??= new CatFile(root, "--batch-check", environment);
    const answer = await heads.ask(`${commit}:${path}`);
    if (answer === "missing" && (await isListed(path))) throw lost(path);
    return typeof answer === "string" ? undefined : answer;
  };

  /** Git says the same of a path that is not there and of one whose object was lost or never fetched. */
  const isListed = async (path: string): Promise<boolean> => {
    if (path === "") return true;
    const end = path.lastIndexOf("/");
    const last = path.slice(end + 1);
    // A name that is no UTF-8 cannot be asked for, and is listed with this sign.
    if (last.includes("\uFFFD")) return false;
    const above = await list(path.slice(0, Math.max(0, end)));
    return above.some(({ name, kind }) => name === last && kind !== "submodule");
  };

  const lost = (what: string): GitError =>
    new GitError("git-failed", `the repository lacks ${what === "" ? "the files" : what} of ${commit}`, {
      where: root,
      hint: "a fresh, whole clone has all of it; of a partial one nothing is fetched here: git fetch --refetch --no-filter",
    });

  const list = async (path: string): Promise<TreeEntry[]> => {
    const head = await headOf(path);
    if (head?.type !== "tree") return [];
    if (head.size > maxTreeBytes) {
      throw new GitError("git-failed", `the folder has more than ${maxTreeBytes} bytes of names`, {
        where: path,
      });
    }
    return treeEntries(await contentOf(head), commit.length / 2);
  };

  const contentOf = async ({ hash }: GitObject): Promise<Buffer> => {
    contents ??= new CatFile(root, "--batch", environment);
    const answer = await contents.ask(hash);
    if (typeof answer !== "string") return answer.content;
    throw lost(hash);
  };

  return {
    async kindOf(path) {
      const head = await headOf(path);
      return head === undefined ? undefined : head.type === "tree" ? "folder" : "file";
    },
    list,
    async read(path, limit) {
      const head = await headOf(path);
      if (head === undefined) return "missing";
      if (head.type !== "blob") return "folder";
      return head.size > limit ? "too-large" : contentOf(head);
    },
    async hashOf(path) {
      return (await headOf(path))?.hash;
    },
    close() {
      heads?.close();
      contents?.close();
    },
  };
}

/**
 * The entries of a tree object, in Git's order: each is its mode in octal digits, a blank, its name, a zero byte, and the
 * bytes of a hash. Entries that no checkout could have are left out.
 * @param hashBytes 20 for SHA-1, 32 for SHA-256.
 */
function treeEntries(tree: Uint8Array, hashBytes: number): TreeEntry[] {
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
