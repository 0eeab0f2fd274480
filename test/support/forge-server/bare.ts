import { spawn } from "node:child_process";
import { once } from "node:events";
import { outputOf, run } from "../child.ts";
import { gitEnvironment } from "../git.ts";

/** Runs `git` in a bare repository: its standard output, without the line end. */
export async function gitIn(folder: string, ...words: string[]): Promise<string> {
  return (await outputOf("git", ["-C", folder, ...words], gitEnvironment)).trimEnd();
}

/** A new bare repository with one commit. */
export async function createBare(
  folder: string,
  branch: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  await outputOf("git", ["init", "--quiet", "--bare", `--initial-branch=${branch}`, folder], gitEnvironment);
  await allowHashes(folder);
  await commitTo(folder, branch, files, "the beginning");
}

/** Commits are given by their hash, as forges give them, also those that no branch has any more. */
async function allowHashes(folder: string): Promise<void> {
  await gitIn(folder, "config", "uploadpack.allowAnySHA1InWant", "true");
}

/** A copy with all branches. */
export async function forkBare(from: string, to: string): Promise<void> {
  await outputOf("git", ["clone", "--quiet", "--bare", "--no-hardlinks", from, to], gitEnvironment);
  await allowHashes(to);
}

/** Adds a commit with some files changed to a branch, which begins at another one when it is new. */
export async function commitTo(
  folder: string,
  branch: string,
  files: Readonly<Record<string, string>>,
  message: string,
  start?: string,
): Promise<string> {
  const from = (await branchCommit(folder, branch)) ?? (start && (await branchCommit(folder, start)));
  const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`;
  const now = `Somebody <somebody@example.com> ${Math.floor(Date.now() / 1000)} +0000`;
  const stream = [
    `commit refs/heads/${branch}\ncommitter ${now}\n${data(message)}`,
    from ? `from ${from}\n` : "",
    ...Object.entries(files).map(([path, text]) => `M 100644 inline ${JSON.stringify(path)}\n${data(text)}`),
    "done\n",
  ].join("");
  const child = spawn("git", ["-C", folder, "fast-import", "--quiet", "--done"], {
    env: gitEnvironment,
    stdio: ["pipe", "ignore", "inherit"],
  });
  child.stdin.end(stream);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`git fast-import ended with ${code}`);
  return gitIn(folder, "rev-parse", `refs/heads/${branch}`);
}

/** The newest commit of a branch, or `undefined` when there is no such branch. */
export async function branchCommit(folder: string, branch: string): Promise<string | undefined> {
  const { code, stdout } = await run(
    "git",
    ["-C", folder, "rev-parse", "--verify", "--quiet", "--end-of-options", `refs/heads/${branch}`],
    gitEnvironment,
  );
  return code === 0 ? stdout.trim() : undefined;
}

/** Brings a branch of another repository here, under a ref of its own. */
export async function fetchHead(folder: string, from: string, branch: string, ref: string): Promise<void> {
  await gitIn(folder, "fetch", "--quiet", "--no-tags", from, `+refs/heads/${branch}:${ref}`);
}

/** Merges a commit into a branch; `undefined` when they are in conflict. */
export async function mergeInto(
  folder: string,
  branch: string,
  commit: string,
  message: string,
): Promise<string | undefined> {
  const base = await gitIn(folder, "rev-parse", `refs/heads/${branch}`);
  const merged = await run("git", ["-C", folder, "merge-tree", "--write-tree", base, commit], gitEnvironment);
  if (merged.code !== 0) return undefined;
  const [tree = ""] = merged.stdout.split("\n");
  const result = await gitIn(folder, "commit-tree", tree, "-p", base, "-p", commit, "-m", message);
  await gitIn(folder, "update-ref", `refs/heads/${branch}`, result, base);
  return result;
}
