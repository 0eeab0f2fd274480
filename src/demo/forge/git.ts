import { spawn } from "node:child_process";
import { once } from "node:events";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { DemoError } from "../errors.ts";

/** What Git is run with: nothing that is configured on this machine counts. */
export function gitEnvironment(folder: string, name: string): NodeJS.ProcessEnv {
  const email = `${name}@example.com`;
  return {
    PATH: process.env.PATH,
    ...{ HOME: folder, LC_ALL: "C", GIT_TERMINAL_PROMPT: "0" },
    ...{ GIT_CONFIG_NOSYSTEM: "1", GIT_CONFIG_GLOBAL: "/dev/null" },
    ...{
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: email,
      GIT_COMMITTER_NAME: name,
      GIT_COMMITTER_EMAIL: email,
    },
  };
}

/** Runs `git` to its end. @returns Both of its streams, without the last line end. @throws {DemoError} `git-failed`, `git-missing`. */
export async function git(
  words: readonly string[],
  environment: NodeJS.ProcessEnv,
  input: string | Buffer = "",
): Promise<string> {
  const child = spawn("git", words, { env: environment, stdio: ["pipe", "pipe", "pipe"] });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes: Buffer) => said.push(bytes));
  // Whoever does not read to the end has said why.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input);
  const [code] = await once(child, "close").catch((cause: unknown) => {
    throw new DemoError("git-missing", "git cannot be run", {
      cause,
      hint: "install it, and have it in PATH",
    });
  });
  const text = Buffer.concat(said).toString().trimEnd();
  if (code === 0) return text;
  throw new DemoError(
    "git-failed",
    `git ${words.slice(0, 4).join(" ")} ended with ${code}: ${text.slice(0, 500)}`,
  );
}

/** A bare repository, as the forge has it. */
export interface BareRepository {
  readonly folder: string;
  /** The newest commit of a branch. */
  tip(branch: string): Promise<string | undefined>;
  /** What all refs stand at, by their names. */
  refs(): Promise<ReadonlyMap<string, string>>;
  setRef(ref: string, commit: string): Promise<void>;
  /** Merges a commit into a branch that it was made on. @returns The commit of the merge; `undefined` where it was made on an older one. */
  merge(branch: string, commit: string, message: string): Promise<string | undefined>;
}

/** Makes one, with one commit on `main`. */
export async function createBare(
  folder: string,
  files: ReadonlyMap<string, string | Buffer>,
  environment: NodeJS.ProcessEnv,
): Promise<BareRepository> {
  await git(["init", "--quiet", "--bare", folder], environment);
  const here = (...words: readonly string[]) => git(["-C", folder, ...words], environment);
  await here("symbolic-ref", "HEAD", "refs/heads/main");
  // Commits are given by their hash, as forges give them.
  await here("config", "uploadpack.allowAnySHA1InWant", "true");
  await git(["-C", folder, "fast-import", "--quiet", "--done"], environment, firstCommit(files, environment));
  const tip = async (branch: string): Promise<string | undefined> =>
    (await here("for-each-ref", "--format=%(objectname)", `refs/heads/${branch}`)) || undefined;
  return {
    folder,
    tip,
    async refs() {
      const lines = (await here("for-each-ref", "--format=%(refname) %(objectname)")).split("\n");
      return new Map(lines.flatMap((line) => (line === "" ? [] : [line.split(" ", 2) as [string, string]])));
    },
    setRef: async (ref, commit) => void (await here("update-ref", ref, commit)),
    async merge(branch, commit, message) {
      const base = await tip(branch);
      if (base === undefined) return undefined;
      if ((await here("merge-base", base, commit)) !== base) return undefined;
      const tree = await here("rev-parse", `${commit}^{tree}`);
      const merged = await here("commit-tree", tree, "-p", base, "-p", commit, "-m", message);
      await here("update-ref", `refs/heads/${branch}`, merged, base);
      return merged;
    },
  };
}

function firstCommit(files: ReadonlyMap<string, string | Buffer>, environment: NodeJS.ProcessEnv): Buffer {
  const who = `${environment.GIT_COMMITTER_NAME} <${environment.GIT_COMMITTER_EMAIL}>`;
  const parts: (string | Buffer)[] = [
    `commit refs/heads/main\ncommitter ${who} ${Math.floor(Date.now() / 1000)} +0000\ndata 5\nbegin\n`,
  ];
  for (const [path, content] of files) {
    const mode = typeof content === "string" ? "100644" : "100755";
    parts.push(
      `M ${mode} inline ${JSON.stringify(path)}\ndata ${Buffer.byteLength(content)}\n`,
      content,
      "\n",
    );
  }
  parts.push("done\n");
  return Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : part)));
}

export type GitService = "git-upload-pack" | "git-receive-pack";

/** What a service begins with: which refs there are (gitprotocol-http). */
export async function advertise(
  service: GitService,
  folder: string,
  environment: NodeJS.ProcessEnv,
): Promise<Response> {
  const line = `# service=${service}\n`;
  const length = (line.length + 4).toString(16).padStart(4, "0");
  const words = [service.slice("git-".length), "--stateless-rpc", "--advertise-refs", folder];
  const child = spawn("git", words, { env: environment, stdio: ["ignore", "pipe", "ignore"] });
  const begun = Readable.from(
    (async function* () {
      yield Buffer.from(`${length}${line}0000`);
      yield* child.stdout;
    })(),
  );
  return new Response(Readable.toWeb(begun) as ReadableStream, {
    headers: { "content-type": `application/x-${service}-advertisement`, "cache-control": "no-cache" },
  });
}

/** Has a service answer a request of Git's, to its end. */
export async function answerGit(
  service: GitService,
  folder: string,
  request: Request,
  environment: NodeJS.ProcessEnv,
): Promise<Response> {
  const words = [service.slice("git-".length), "--stateless-rpc", folder];
  const child = spawn("git", words, { env: environment, stdio: ["pipe", "pipe", "ignore"] });
  child.stdin.on("error", () => undefined);
  const body = request.body === null ? Readable.from([]) : Readable.fromWeb(request.body as never);
  const isPacked = request.headers.get("content-encoding") === "gzip";
  (isPacked ? body.pipe(createGunzip()) : body).pipe(child.stdin);
  const answer: Buffer[] = [];
  for await (const bytes of child.stdout) answer.push(bytes as Buffer);
  return new Response(new Uint8Array(Buffer.concat(answer)), {
    headers: { "content-type": `application/x-${service}-result`, "cache-control": "no-cache" },
  });
}
