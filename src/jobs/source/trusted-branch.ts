import { createHash } from "node:crypto";
import { posix } from "node:path";
import {
  type CommitFiles,
  type GitCredential,
  GitError,
  listRemote,
  type Mirror,
  openMirror,
  withoutPassword,
} from "../../git/index.ts";
import { decodeText } from "../../manifest/index.ts";
import {
  type FileText,
  type FolderLook,
  type FolderTrouble,
  folderGone,
  type JobFolder,
  textsOf,
} from "./job-folder.ts";

/** A folder of a branch that is trusted. */
export interface TrustedBranch {
  /** URL of the repository, without a password. */
  readonly repository: string;
  readonly branch: string;
  /** In the repository; empty for its top. */
  readonly folder: string;
  /** Absolute: the folder of mirrors. What was read last is remembered there as well. */
  readonly mirrors: string;
  readonly maxMirrorBytes?: number | undefined;
  /** Asked before each look, for a token may end, or not be there yet; without it, the branch is one that everybody may read. */
  readonly credentialOf?: (() => Promise<GitCredential | undefined>) | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Bytes of one file. */
const maxFileBytes = 8 * 1024 * 1024;

/**
 * The folder at the newest commit of the branch, as long as that goes on from the commit that was read last. Which one that was is
 * remembered in the mirror: a push with force is seen by a process that was started after it as well.
 */
export function openTrustedBranch(place: TrustedBranch): JobFolder {
  const { repository: url, branch, folder, mirrors, environment, signal, credentialOf } = place;
  const { maxMirrorBytes: maxBytes } = place;
  const ref = `refs/heads/${branch}`;
  const open = (credential?: GitCredential): Mirror =>
    openMirror({ folder: mirrors, maxBytes, url, environment, signal, credential });
  const hash = createHash("sha256")
    .update(JSON.stringify([ref, folder]))
    .digest("hex")
    .slice(0, 16);
  const mark = `jobs/${hash}`;
  /** The last commit that was accepted and taken: who goes back to it later by force is asked about anew. */
  const spent = `accepted/${hash}`;
  let accepted: string | undefined;

  /** What was read last goes on; a process that has read nothing yet reads it. */
  const lastWith = async (trouble: FolderTrouble, known: string | undefined): Promise<FolderLook> => {
    if (known !== undefined) return { trouble };
    const mirror = open();
    const last = await mirror.marked(mark);
    const { found } = last === undefined ? {} : await filesAt(mirror, last, folder);
    return { found, trouble };
  };

  const read = async (known: string | undefined): Promise<FolderLook> => {
    const credential = await credentialOf?.();
    const mirror = open(credential);
    const refs = await listRemote(url, { environment, signal, credential });
    const tip = refs.find((each) => each.ref === ref)?.commit;
    if (tip === undefined) return lastWith(branchGone(branch), known);
    if (tip === known) return {};
    const [lost] = await mirror.ensure([{ commit: tip, ref }]);
    if (lost !== undefined) return lastWith(unfetched(branch, tip), known);
    const marked = await mirror.marked(mark);
    const last = known ?? marked;
    // Another process may have been told to take it.
    let isByLeave = false;
    if (last !== undefined && ![last, marked].includes(tip)) {
      isByLeave = !(await goesOn(mirror, last, tip));
      if (isByLeave && !(await isAccepted(mirror, last, tip)))
        return lastWith(rewritten(branch, last, tip), known);
    }
    const look = await filesAt(mirror, tip, folder);
    if (look.found === undefined) return look.trouble === undefined ? look : lastWith(look.trouble, known);
    if (isByLeave && accepted !== undefined) await mirror.mark(spent, accepted);
    await mirror.mark(mark, tip);
    return look;
  };

  /** Whether somebody has taken it, or what it goes on from and we do not: the branch may have moved since. */
  const isAccepted = async (mirror: Mirror, last: string, tip: string): Promise<boolean> => {
    if (accepted === undefined || (await mirror.marked(spent)) === accepted) return false;
    if (accepted === tip) return true;
    return !(await goesOn(mirror, accepted, last)) && (await goesOn(mirror, accepted, tip));
  };

  return {
    where: `${withoutPassword(url)} ${branch} ${folder === "" ? "." : folder}`,
    read: (known) =>
      read(known).catch((error: unknown) => {
        if (!(error instanceof GitError)) throw error;
        const hint = error.hint ?? "it is looked at again";
        return lastWith({ code: "unreachable", message: error.message, hint }, known);
      }),
    accept(commit) {
      accepted = commit;
    },
  };
}

/** Whether a branch has gone on from a commit. That nobody can tell is no leave. */
async function goesOn(mirror: Mirror, from: string, tip: string): Promise<boolean> {
  return (await mirror.got(from, tip, [])).forced === false;
}

async function filesAt(mirror: Mirror, commit: string, folder: string): Promise<FolderLook> {
  const repository = await mirror.open();
  const files = repository.filesAt(await repository.commitOf(commit));
  try {
    if ((await files.kindOf(folder)) !== "folder") {
      return { trouble: folderGone(`there is no folder of jobs ${folder} at ${commit.slice(0, 12)}`) };
    }
    const names = (await files.list(folder))
      .filter(({ kind }) => kind === "file" || kind === "link")
      .map(({ name }) => name);
    const inFolder = (name: string): string => posix.join(folder, name);
    const found = await textsOf(names, inFolder, (name) => textAt(files, inFolder(name)));
    return "code" in found ? { trouble: found } : { found: { ...found, commit } };
  } finally {
    files.close();
  }
}

async function textAt(files: CommitFiles, path: string): Promise<FileText> {
  const bytes = await files.read(path, maxFileBytes);
  if (typeof bytes !== "string") return decodeText(bytes);
  if (bytes === "too-large") {
    const message = `it is larger than ${maxFileBytes / 1024 / 1024} MiB`;
    return { code: "file-too-large", isMissing: false, message };
  }
  const message =
    bytes === "folder"
      ? "it is not a regular file"
      : "it cannot be read: its link leads nowhere in the repository";
  return { code: "unreadable-file", isMissing: bytes === "missing", message };
}

function branchGone(branch: string): FolderTrouble {
  const message = `there is no branch ${branch}`;
  return { code: "branch-gone", message, hint: "push it again, or name another one in the settings" };
}

function unfetched(branch: string, tip: string): FolderTrouble {
  const message = `the branch ${branch} stands at ${tip.slice(0, 12)}, which cannot be fetched`;
  return { code: "unreachable", message, hint: "it is looked at again" };
}

function rewritten(branch: string, last: string, tip: string): FolderTrouble {
  return {
    code: "branch-rewritten",
    message: `the branch ${branch} was pushed with force: ${tip.slice(0, 12)} does not go on from ${last.slice(0, 12)}`,
    hint: "take it as it is, if it is right, or push what was there before",
    commit: tip,
  };
}
