import { constants } from "node:fs";
import { cp, lstat } from "node:fs/promises";
import { basename, isAbsolute, relative, sep } from "node:path";
import { type DescribedCheckout, describeCheckout, GitError, withoutPassword } from "../git/index.ts";
import { isTag } from "../oci/index.ts";
import type { BuildPaths } from "./config-folder.ts";
import { BuildError } from "./errors.ts";
import type { BuildRequest, BuildSource } from "./model.ts";
import { repositoryWords } from "./substitutions.ts";

interface NamedSource {
  readonly source: BuildSource;
  readonly tag: string;
}

/**
 * Describes what is built from a folder, and names it.
 * @param now Today, for tags that begin with it.
 * @throws {BuildError} `dirty`, `invalid-date`, `invalid-tag`.
 * @throws {GitError} when the folder is in no repository, unless the request says what `_GIT_TAG` is.
 */
export async function nameSource(
  { buildDir: folder, config }: Pick<BuildPaths, "buildDir" | "config">,
  request: BuildRequest,
  now: Date = new Date(),
): Promise<NamedSource> {
  const given = request.substitutions?._GIT_TAG;
  const how = { withGitDir: request.withGitDir ?? false, isOmitted: request.noSource || undefined };
  const checkout = await describe(folder, request, given !== undefined);
  if (checkout === undefined) {
    const source = { folder, path: "", configPath: config, name: basename(folder), isDirty: false, ...how };
    return { source, tag: given ?? "" };
  }
  const { root, path, commit, describe: described, isDirty } = checkout;
  const origin = checkout.origin ?? (request.repository && withoutPassword(request.repository));
  if (isDirty && request.allowDirty !== true) {
    throw new BuildError("dirty", "the working copy is dirty", {
      where: folder,
      hint: "commit what is changed, or put it aside with git stash; --allow-dirty builds it as it is",
    });
  }
  return {
    source: {
      folder,
      path,
      configPath: isBelow(root, config) ? relative(root, config).split(sep).join("/") : config,
      repository: origin,
      name: repositoryWords(origin ?? "").at(-1) || basename(root),
      commit,
      describe: described,
      ...refOf(request, checkout),
      isDirty,
      ...how,
    },
    tag: given ?? versionTag(dateFor(request, checkout, now), described),
  };
}

/** What was pushed, or what is checked out. A working copy with changes is not what its commit was tagged for. */
function refOf({ ref }: BuildRequest, checkout: DescribedCheckout): Pick<BuildSource, "branch" | "tag"> {
  const [, kind, name] = /^refs\/(heads|tags)\/(.+)$/.exec(ref ?? "") ?? [];
  if (name !== undefined) return kind === "tags" ? { tag: name } : { branch: name };
  const { branch, tag, isDirty } = checkout;
  return { branch, tag: isDirty ? undefined : tag };
}

/**
 * Looks once more at a source that has been copied: what was changed between its description and its copy would be built
 * under the name of a commit that does not have it.
 * @throws {BuildError} `source-changed`.
 */
export async function checkUnchanged(
  { folder, commit, isDirty }: BuildSource,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  // Of a working copy that is dirty nobody says more than that.
  if (commit === undefined || isDirty) return;
  const now = await describeCheckout(folder, {}, environment);
  if (now.commit === commit && !now.isDirty) return;
  throw new BuildError("source-changed", "the working copy was changed while it was copied", {
    where: folder,
    hint: "nothing was pushed; run the build again when nobody works there",
  });
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== "" && !isAbsolute(way) && way.split(sep)[0] !== "..";
}

async function describe(
  folder: string,
  request: BuildRequest,
  isOptional: boolean,
): Promise<DescribedCheckout | undefined> {
  try {
    return await describeCheckout(folder, { match: request.versionTagFilter }, request.environment);
  } catch (error) {
    if (!(error instanceof GitError)) throw error;
    if (isOptional) return undefined;
    if (error.code !== "not-a-repository") throw error;
    const message = "the folder is in no Git repository, which $_GIT_TAG is made from";
    throw new BuildError("no-repository", message, {
      where: folder,
      hint: "build from a checkout, or say what it is: --substitution _GIT_TAG=…",
      cause: error,
    });
  }
}

function dateFor(request: BuildRequest, checkout: DescribedCheckout, now: Date): string {
  const { date = "today" } = request;
  if (date === "today") return dateOfTag(now, "local");
  if (date === "commit") return dateOfTag(checkout.committedAt, "utc");
  if (/^[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])$/.test(date)) return date;
  throw new BuildError("invalid-date", `${JSON.stringify(date)} is no date of a tag`, {
    hint: "today, commit, or a day as 20261120",
  });
}

/** The date that a tag begins with: `YYYYMMDD`, as the clock of this machine shows it, or as UTC has it. */
export function dateOfTag(time: Date, zone: "local" | "utc"): string {
  const [year, month, day] =
    zone === "local"
      ? [time.getFullYear(), time.getMonth() + 1, time.getDate()]
      : [time.getUTCFullYear(), time.getUTCMonth() + 1, time.getUTCDate()];
  return [year, String(month).padStart(2, "0"), String(day).padStart(2, "0")].join("");
}

/**
 * What image-builder gives builds as `$_GIT_TAG`: `v`, a date, and what `git describe` says, without the characters that
 * no tag may have. They are left out, not replaced: `kustomize/v4.1.2` becomes `kustomizev4.1.2`.
 * @throws {BuildError} `invalid-tag` for what is no tag of an image, such as one with more than 128 characters.
 */
export function versionTag(date: string, describe: string): string {
  const tag = `v${date}-${describe.replace(/[^-_.a-zA-Z0-9]+/g, "")}`;
  if (isTag(tag)) return tag;
  throw new BuildError("invalid-tag", `${JSON.stringify(tag)} is no tag: a tag has 128 characters at most`, {
    hint: "choose shorter Git tags with --version-tag-filter",
  });
}

/** What of a source folder its copy leaves out. */
export interface SourceCopyOptions {
  /** Everything named `.git` comes along, at any depth, a submodule's file among them. */
  readonly withGitDir: boolean;
  /** A folder that is not part of it, such as that of the records, absolute. */
  readonly leaveOut?: string;
  readonly signal?: AbortSignal;
}

/**
 * Copies a source folder into an empty one, as image-builder packs it: with what Git does not know, links as they are,
 * modes and times kept. Sockets, pipes and devices are left out. Where the file system can, no bytes are copied.
 * @throws {BuildError} `source-unreadable`, `disk-full`.
 */
export async function copySource(from: string, to: string, options: SourceCopyOptions): Promise<void> {
  try {
    await cp(from, to, {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
      filter: async (path) => {
        options.signal?.throwIfAborted();
        if (path === from) return true;
        if (!options.withGitDir && basename(path) === ".git") return false;
        if (path === options.leaveOut) return false;
        const status = await lstat(path);
        return status.isFile() || status.isDirectory() || status.isSymbolicLink();
      },
    });
  } catch (cause) {
    options.signal?.throwIfAborted();
    throw copyFailure(cause, from);
  }
}

function copyFailure(cause: unknown, where: string): unknown {
  if (!(cause instanceof Error) || !("code" in cause)) return cause;
  if (cause.code === "ENOSPC") {
    return new BuildError("disk-full", "there is no space left to copy the source to", {
      where,
      hint: "make room, or name another folder for temporary files in TMPDIR",
      cause,
    });
  }
  return new BuildError("source-unreadable", `the source cannot be copied: ${cause.message}`, {
    where,
    cause,
  });
}
