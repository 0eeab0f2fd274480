import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { devNull } from "node:os";
import { environmentFor } from "./environment.ts";
import { GitError } from "./errors.ts";

/** A run of Git that came to its end, well or not. */
export interface GitRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * What holds of every run, whatever is configured: nothing is run for a checkout, and a folder in it that looks like a bare
 * repository, with a configuration of its own, is not taken for one.
 */
const hardening = [
  ...["-c", "core.fsmonitor=false"],
  ...["-c", `core.hooksPath=${devNull}`],
  ...["-c", "safe.bareRepository=explicit"],
  "--no-pager",
  "--no-replace-objects",
  "--no-optional-locks",
];

/** How far a run of Git may reach. */
export type Reach =
  /** Nowhere: it reads what is here, with an environment that holds no secret. */
  | "here"
  | "folders"
  /** Another host, in a repository that is Waybill's own: only what the user has configured is run there, as he is used to. */
  | "hosts";

/** Protocols of each reach (git(1), `GIT_ALLOW_PROTOCOL`): none of them is one that runs what a URL says. */
const protocols: Readonly<Record<Reach, string>> = {
  here: "none",
  folders: "file",
  hosts: "file:http:https:ssh",
};

const usualOutputBytes = 4 * 1024 * 1024;
/**
 * Milliseconds of silence beyond which a run is ended that reads what is here. An old repository may take a while for its
 * history; a pipe in the place of a file of Git's takes for ever.
 */
const maxSilence = 5 * 60_000;

/** What bounds a run of Git, beside what bounds all of them. */
export interface GitLimits {
  /** Of each of its outputs; four million by default. */
  readonly maxOutputBytes?: number | undefined;
  /** From its start to its end. What it has started ends with it, and it cannot ask anybody anything. */
  readonly maxMilliseconds?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Of each of its processes; not on Windows. What lacks some says that it is out of memory. */
  readonly maxMemoryBytes?: number | undefined;
  /** Of each file that it writes; not on Windows. One that would be larger is "too large". */
  readonly maxFileBytes?: number | undefined;
}

/** A run wrote more than its limit. */
export class OutputLimitError extends GitError {}

/**
 * Starts `git` in a folder, without a shell. Arguments that come from outside have to stand behind `--end-of-options`
 * or `--`, or be hashes.
 */
export function startGit(
  folder: string,
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
  reach: Reach = "here",
  limits: GitLimits = {},
): ChildProcessWithoutNullStreams {
  const env = { ...environmentFor(environment, reach === "hosts"), GIT_ALLOW_PROTOCOL: protocols[reach] };
  const options = { env, stdio: "pipe", windowsHide: true, detached: hasOwnGroup(limits) } as const;
  const [program, ...before] = limited(limits);
  return spawn(program, [...before, ...hardening, "-C", folder, ...words], options);
}

function hasOwnGroup({ maxMilliseconds, signal }: GitLimits): boolean {
  return maxMilliseconds !== undefined || signal !== undefined;
}

/**
 * What Git is started by. No variable and no setting of Git's bounds what another host makes it keep in memory, or on disk: the system
 * does (`ulimit` of POSIX, and `-d` which all shells have). A lower bound that holds already stays.
 */
function limited({ maxMemoryBytes, maxFileBytes }: GitLimits): readonly [string, ...string[]] {
  if (process.platform === "win32" || (maxMemoryBytes ?? maxFileBytes) === undefined) return ["git"];
  const limits = [
    ...(maxMemoryBytes === undefined ? [] : [`ulimit -S -d ${Math.ceil(maxMemoryBytes / 1024)}`]),
    // Whoever ignores the signal is told as by a full disk, and can say so.
    ...(maxFileBytes === undefined ? [] : ["trap '' XFSZ", `ulimit -S -f ${Math.ceil(maxFileBytes / 512)}`]),
  ];
  const script = `${limits.map((limit) => `${limit} 2>/dev/null || :`).join("; ")}; exec git "$@"`;
  return ["/bin/sh", "-c", script, "git"];
}

/**
 * Runs `git` in a folder to its end, whatever its exit code.
 * @throws {GitError} `git-missing`, or `git-failed` when it cannot be started, writes or takes more than its limits, or is silent
 * without end. Whatever the signal was aborted with.
 */
export function runGit(
  folder: string,
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
  reach: Reach = "here",
  limits: GitLimits = {},
): Promise<GitRun> {
  const { maxOutputBytes = usualOutputBytes, maxMilliseconds, signal } = limits;
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const child = startGit(folder, words, environment, reach, limits);
    const output = { stdout: "", stderr: "" };
    const name = `git ${subcommandOf(words)}`;
    const giveUp = (error: unknown): void => {
      killRun(child, hasOwnGroup(limits));
      reject(error);
    };
    const isSilent = (): void => {
      const message = `${name} has said nothing for ${maxSilence / 60_000} minutes`;
      const hint = "look for pipes and devices among its files: a fresh clone has none";
      giveUp(new GitError("git-failed", message, { where: folder, hint }));
    };
    const isLate = (): void => {
      const message = `${name} was not done in ${Math.round((maxMilliseconds ?? 0) / 1000)} seconds`;
      giveUp(new GitError("git-failed", message));
    };
    const silence = reach === "here" ? setTimeout(isSilent, maxSilence) : undefined;
    const end = maxMilliseconds === undefined ? undefined : setTimeout(isLate, maxMilliseconds);
    const onAbort = (): void => giveUp(signal?.reason);
    signal?.addEventListener("abort", onAbort);
    const settle = (): void => {
      clearTimeout(silence);
      clearTimeout(end);
      signal?.removeEventListener("abort", onAbort);
    };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (text: string) => {
        output[stream] += text;
        silence?.refresh();
        if (output[stream].length <= maxOutputBytes) return;
        giveUp(new OutputLimitError("git-failed", `${name} wrote more than anybody asked for`));
      });
    }
    child.on("error", (error) => {
      settle();
      reject(notStarted(error));
    });
    child.on("close", (code) => {
      settle();
      // The shell says so where it cannot start it.
      if (code === 127) reject(notStarted({ name: "Error", message: output.stderr, code: "ENOENT" }));
      else resolve({ code, ...output });
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end();
  });
}

/** What Git is asked to do: settings may stand before it. */
function subcommandOf(words: readonly string[]): string {
  return words.find((word, at) => word !== "-c" && words[at - 1] !== "-c") ?? "";
}

/** Kills a run, and where it has a group of its own also what speaks to the other host for it. */
function killRun(child: ChildProcessWithoutNullStreams, isOfGroup: boolean): void {
  if (isOfGroup && child.pid !== undefined && process.platform !== "win32") {
    try {
      process.kill(-child.pid, "SIGKILL");
      return;
    } catch {
      // The group is gone: its leader ended a moment ago.
    }
  }
  child.kill("SIGKILL");
}

/** What a run of Git writes that has to succeed. @throws {GitError} `git-failed` with what Git says. @param where For messages. */
export async function gitOutput(where: string, running: Promise<GitRun>): Promise<string> {
  const { code, stdout, stderr } = await running;
  if (code !== 0) throw new GitError("git-failed", complaint(stderr), { where });
  return stdout;
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
