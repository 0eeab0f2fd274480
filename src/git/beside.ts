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

/** Files of a commit, or a repository, in a temporary folder. */
export interface TemporaryFiles {
  /** The top of a working tree: absolute, symbolic links resolved. */
  readonly folder: string;
  close(): Promise<void>;
}

/** Makes something in a folder that is gone when that fails; else whoever has it closes it. */
export async function inTemporaryFolder<Made>(
  name: string,
  make: (place: TemporaryFiles) => Promise<Made>,
): Promise<Made> {
  const temporary = await makeTemporaryFolder(name);
  const close = (): Promise<void> => removeTree(temporary);
  try {
    return await make({ folder: join(temporary, "files"), close });
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Fetches a commit by its hash, of the first of some repositories that has it. The checkout stays as it is.
 * @param commit a full hash.
 * @returns A repository that has it, and all that the checkout has, without files on disk; `undefined` when none of them gives it.
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
): Promise<TemporaryFiles | undefined> {
  if (!/^[0-9a-f]{40,64}$/.test(commit)) return undefined;
  const environment = await withCredential(from.environment ?? process.env, from.credential);
  return inTemporaryFolder("waybill-commit", async ({ folder, close }) => {
    await initBeside(checkout, folder, environment);
    for (const url of from.urls) {
      const words = ["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--", url, commit];
      if ((await runGit(folder, words, environment, "hosts")).code === 0) return { folder, close };
    }
    await close();
    return undefined;
  });
}
