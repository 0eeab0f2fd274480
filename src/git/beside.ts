import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { errorCodeOf, makeFolder, makeTemporaryFolder, removeTree } from "../disk/index.ts";
import { type GitCredential, withCredential } from "./credential.ts";
import { gitOutput, runGit } from "./program.ts";
import { openGitRepository } from "./repository.ts";

/**
 * Makes a repository of Waybill's own that finds in a checkout what that has already, and knows what that has not. Nothing that is
 * configured there counts.
 * @returns The top of the checkout.
 */
export async function initBeside(
  checkout: string,
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<string> {
  const { root } = await openGitRepository(checkout, environment);
  const asked = ["rev-parse", "--git-path", "objects", "--git-path", "shallow", "--show-object-format"];
  const [objects = "", shallow = "", hashes = ""] = (await runGit(root, asked, environment)).stdout.split(
    "\n",
  );
  await mkdir(folder);
  const words = ["init", "--quiet", "--template=", `--object-format=${hashes}`];
  await gitOutput(root, runGit(folder, words, environment));
  await makeFolder(join(folder, ".git", "objects", "info"));
  await writeFile(join(folder, ".git", "objects", "info", "alternates"), `${resolve(root, objects)}\n`);
  try {
    await copyFile(resolve(root, shallow), join(folder, ".git", "shallow"));
  } catch (error) {
    // A whole history has no such file.
    if (errorCodeOf(error) !== "ENOENT") throw error;
  }
  return root;
}

/** A commit that a checkout has not got, fetched beside it. */
export interface FetchedCommit {
  /** The top of a repository that has it, and all that the checkout has; without files on disk. */
  readonly folder: string;
  close(): Promise<void>;
}

/**
 * Fetches a commit by its hash, of the first of some repositories that has it. The checkout stays as it is.
 * @param commit a full hash.
 * @returns `undefined` when none of them gives it.
 * @throws {GitError} `not-a-repository`, `git-missing`, `git-failed`.
 */
export async function fetchBeside(
  checkout: string,
  commit: string,
  from: {
    readonly urls: readonly string[];
    readonly credential?: GitCredential | undefined;
    readonly environment?: NodeJS.ProcessEnv | undefined;
  },
): Promise<FetchedCommit | undefined> {
  if (!/^[0-9a-f]{40,64}$/.test(commit)) return undefined;
  const environment = withCredential(from.environment ?? process.env, from.credential);
  const temporary = await makeTemporaryFolder("waybill-commit");
  const folder = join(temporary, "files");
  const close = (): Promise<void> => removeTree(temporary);
  try {
    await initBeside(checkout, folder, environment);
    for (const url of from.urls) {
      const words = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", url, commit];
      if ((await runGit(folder, words, environment, "hosts")).code === 0) return { folder, close };
    }
  } catch (error) {
    await close();
    throw error;
  }
  await close();
  return undefined;
}
