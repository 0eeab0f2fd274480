import { GitError } from "./errors.ts";
import { complaint, notStarted, startGit } from "./program.ts";

/** What `git cat-file` says of an object. */
export interface GitObject {
  readonly hash: string;
  readonly type: string;
  readonly size: number;
  /** Empty when only the object's head was asked for. */
  readonly content: Buffer;
}

/** Why there is no object: nothing is there, or a symbolic link leads nowhere, in a circle, or out of the commit. */
export type NoObject = "missing" | "dangling" | "loop" | "notdir" | "symlink";

/**
 * One `git cat-file` process that answers for any number of objects, one after the other (git-cat-file(1), "BATCH
 * OUTPUT"). Symbolic links are followed within a commit.
 */
export class CatFile {
  readonly #child: ReturnType<typeof startGit>;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #withContent: boolean;
  #rest: Buffer = Buffer.alloc(0);
  #stderr = "";
  #failure: GitError | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param mode `--batch` for objects with their content, `--batch-check` for their heads. */
  constructor(folder: string, mode: "--batch" | "--batch-check", environment: NodeJS.ProcessEnv) {
    this.#child = startGit(folder, ["cat-file", mode, "--follow-symlinks"], environment);
    this.#chunks = this.#child.stdout[Symbol.asyncIterator]();
    this.#child.on("error", (error) => {
      this.#failure = notStarted(error);
    });
    this.#child.stdin.on("error", () => undefined);
    this.#child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = `${this.#stderr}${text}`.slice(-4096);
    });
    this.#withContent = mode === "--batch";
  }

  /** @param object a hash, or `hash:path`, on one line. @throws {GitError} `git-failed`. */
  ask(object: string): Promise<GitObject | NoObject> {
    this.#put(object);
    const answer = this.#last.then(() => this.#answer());
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  close(): void {
    this.#child.stdin.end();
    this.#child.kill();
  }

  /** Questions that are asked at the same time are written at once: answers come in their order. */
  #put(object: string): void {
    const { stdin } = this.#child;
    if (stdin.writableCorked === 0) {
      stdin.cork();
      process.nextTick(() => stdin.uncork());
    }
    stdin.write(`${object}\n`);
  }

  async #answer(): Promise<GitObject | NoObject> {
    const line = await this.#line();
    const found = /^([0-9a-f]{40,64}) (\w+) (\d+)$/.exec(line);
    if (found !== null) {
      const [, hash = "", type = "", length] = found;
      const size = Number(length);
      return { hash, type, size, content: this.#withContent ? await this.#content(size) : Buffer.alloc(0) };
    }
    const astray = /^(dangling|loop|notdir|symlink) (\d+)$/.exec(line);
    if (astray !== null) {
      await this.#content(Number(astray[2]));
      return astray[1] as NoObject;
    }
    if (line.endsWith(" missing")) return "missing";
    throw new GitError("git-failed", "git cat-file answered something else than it documents");
  }

  async #line(): Promise<string> {
    let end = this.#rest.indexOf("\n");
    while (end < 0) {
      await this.#more();
      end = this.#rest.indexOf("\n");
    }
    return this.#take(end + 1).toString("utf8", 0, end);
  }

  /** That many bytes, without the line end behind them. */
  async #content(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let left = length + 1;
    while (left > this.#rest.length) {
      left -= this.#rest.length;
      parts.push(this.#take(this.#rest.length));
      await this.#more();
    }
    parts.push(this.#take(left));
    return Buffer.concat(parts).subarray(0, length);
  }

  #take(length: number): Buffer {
    const taken = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    return taken;
  }

  async #more(): Promise<void> {
    const { value, done } = await this.#chunks.next();
    if (done === true) {
      throw this.#failure ?? new GitError("git-failed", `git cat-file ended: ${complaint(this.#stderr)}`);
    }
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
  }
}
