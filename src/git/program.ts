import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { devNull } from "node:os";
import { delimiter, isAbsolute } from "node:path";
import { GitError } from "./errors.ts";

/** Environment variables, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A run of Git that came to its end, well or not. */
export interface GitRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A checkout may hold somebody else's proposal: nothing that is configured for it is run, and a folder in it that looks
 * like a bare repository, with a configuration of its own, is not taken for one. What the user or the system has
 * configured stays, for it says which folders are trusted.
 */
const hardening = [
  ...["-c", "core.fsmonitor=false"],
  ...["-c", `core.hooksPath=${devNull}`],
  ...["-c", "safe.bareRepository=explicit"],
  "--no-replace-objects",
  "--no-optional-locks",
];

/** Variables that would have Git look at another repository than that of the folder; hooks are started with them. */
const misleading = new Set([
  "GIT_ALTERNATE_OBJECT_DIRECTORIES",
  "GIT_COMMON_DIR",
  "GIT_DIR",
  "GIT_GRAFT_FILE",
  "GIT_IMPLICIT_WORK_TREE",
  "GIT_INDEX_FILE",
  "GIT_NAMESPACE",
  "GIT_OBJECT_DIRECTORY",
  "GIT_PREFIX",
  "GIT_SHALLOW_FILE",
  "GIT_WORK_TREE",
]);

/** Characters of output beyond which a run is ended. */
const longestOutput = 4 * 1024 * 1024;

/**
 * Starts `git` in a folder, without a shell. Arguments that come from outside have to stand behind `--end-of-options`
 * or `--`, or be hashes.
 */
export function startGit(
  folder: string,
  words: readonly string[],
  environment: Environment,
): ChildProcessWithoutNullStreams {
  const options = { env: environmentOf(environment), stdio: "pipe", windowsHide: true } as const;
  return spawn("git", [...hardening, "-C", folder, ...words], options);
}

/**
 * Runs `git` in a folder to its end, whatever its exit code.
 * @throws {GitError} `git-missing`, or `git-failed` when it cannot be started or writes without end.
 */
export function runGit(folder: string, words: readonly string[], environment: Environment): Promise<GitRun> {
  return new Promise((resolve, reject) => {
    const child = startGit(folder, words, environment);
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        output[name] += text;
        if (output[name].length <= longestOutput) return;
        child.kill("SIGKILL");
        reject(new GitError("git-failed", `git ${words[0]} wrote more than anybody asked for`));
      });
    }
    child.on("error", (error) => reject(notStarted(error)));
    child.on("close", (code) => resolve({ code, ...output }));
    child.stdin.on("error", () => undefined);
    child.stdin.end();
  });
}

/** Why Git could not be started. */
export function notStarted(error: NodeJS.ErrnoException): GitError {
  if (error.code !== "ENOENT") {
    return new GitError("git-failed", `git could not be started: ${error.message}`, { cause: error });
  }
  return new GitError("git-missing", "there is no git in PATH", {
    hint: "what changed since a commit is known to Git alone: install it, or leave the option out",
  });
}

/** What Git says of its failure, on one line and without control characters: names in it come from repositories. */
export function complaint(stderr: string): string {
  const [first = ""] = stderr.split("\n").filter((line) => /^(?:fatal|error): /.test(line));
  const text = first.replace(/^\w+: /, "").replace(/\p{Cc}/gu, "\uFFFD");
  return text === "" ? "git gave no reason" : text.slice(0, 500);
}

/** Messages in English, no questions, and programs from the absolute folders of `PATH` alone. */
function environmentOf(environment: Environment): NodeJS.ProcessEnv {
  const kept = Object.entries(environment).flatMap(([name, value = ""]): [string, string][] => {
    if (misleading.has(name)) return [];
    if (name.toUpperCase() !== "PATH") return [[name, value]];
    const folders = value.split(delimiter).filter((folder) => isAbsolute(folder));
    // An empty PATH would mean the working directory.
    return folders.length === 0 ? [] : [[name, folders.join(delimiter)]];
  });
  return { ...Object.fromEntries(kept), LC_ALL: "C", GIT_TERMINAL_PROMPT: "0" };
}
