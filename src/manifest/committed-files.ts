import { join, posix, relative, sep } from "node:path";
import type { CommitFiles, CommitHash, GitRepository } from "../git/index.ts";
import type { FileSource } from "./file-source.ts";
import { decodeText, maxFileBytes, missingFile, notRegular, tooLarge } from "./text-file.ts";

/** Where Git finds commits: how it is run, and in which repository. */
export interface CommitOptions {
  /** `process.env` when it is left out. */
  readonly environment?: NodeJS.ProcessEnv | undefined;
  /**
   * The top of the repository that the path is named from, such as one without files on disk; files are named from there as well. The
   * one that the path is in on disk when it is left out.
   */
  readonly repository?: string | undefined;
}

/**
 * The repository that a path is in. What runs Git is loaded by who looks into commits: most runs read a disk alone.
 * @throws {GitError} as `openGitRepository`.
 */
export async function repositoryAround(
  path: string,
  { environment, repository }: CommitOptions = {},
): Promise<GitRepository> {
  const { openGitRepository } = await import("../git/index.ts");
  return openGitRepository(repository === undefined ? path : join(repository, path), environment);
}

/**
 * The files of a commit, named as they would be on disk.
 * @param path how the folder or file is named that is read.
 * @param prefix where it is in the repository.
 */
export function committedFiles(files: CommitFiles, path: string, prefix: string): FileSource {
  // What stands beside a file is above it by its name.
  const placeOf = (file: string): string =>
    posix.join(prefix, ...relative(path, file).split(sep)).replace(/^\.$|\/$/, "");
  return {
    kindOf: async (file) => {
      const kind = await files.kindOf(placeOf(file));
      return kind === "folder" ? "directory" : kind === "file" ? "other" : undefined;
    },
    list: async (folder) => {
      const entries = await files.list(placeOf(folder));
      return entries.map(({ name, kind }) => ({
        name,
        kind: kind === "folder" ? "directory" : kind === "link" ? "link" : "other",
      }));
    },
    hashOf: (file) => files.hashOf(placeOf(file)),
    read: async (file) => {
      const bytes = await files.read(placeOf(file), maxFileBytes);
      switch (bytes) {
        case "missing":
          return missingFile;
        case "folder":
          return notRegular;
        case "too-large":
          return tooLarge;
        default:
          return decodeText(bytes);
      }
    },
  };
}

/**
 * The commit that a revision names; for `REV...` the one at which the head left `REV`.
 * @param head `HEAD` when it is left out.
 */
export async function commitBefore(
  repository: GitRepository,
  revision: string,
  head?: CommitHash,
): Promise<CommitHash> {
  const branch = /^(.+)\.\.\.$/s.exec(revision)?.[1];
  if (branch === undefined) return repository.commitOf(revision);
  const one = await repository.commitOf(branch);
  return repository.mergeBase(one, head ?? (await repository.commitOf("HEAD")));
}
