import { type Digest, isDigest } from "../oci/index.ts";

/** What a step said that it pushed: a claim, to be confirmed by the registry. */
export interface SaidPush {
  readonly repository: string;
  readonly tag?: string;
  readonly digest: Digest;
}

/** Pushes of one step that are remembered: more would be asked of the registry than anybody pushes. */
const mostPushes = 500;
const longestLine = 2048;

const repository = "[a-z0-9][a-z0-9._:-]*(?:/[a-z0-9._-]+)+";
const digest = "sha256:[0-9a-f]{64}";

/** Lines of programs that push. */
const inBuildKit = new RegExp(`pushing manifest for (${repository}):([\\w.-]+)@(${digest})`);
const named = new RegExp(`(?:^|[\\s"'])(${repository})(?::([\\w.-]+))?@(${digest})`);
const inDocker = new RegExp(`^([\\w.-]+): digest: (${digest}) size: \\d+`);
const dockerHead = new RegExp(`^The push refers to (?:a )?repository \\[(${repository})\\]`);
/** Programs that print nothing but the digest of what they pushed, under words of their own. */
const pushing = /push|publish|upload/i;

/**
 * Reads the output of a step for what it says it pushed: `docker push`, BuildKit, and others that print
 * `repository[:tag]@digest` on a line that speaks of pushing or publishing (crane, ko, regctl, oras, Helm).
 */
export class SaidPushes {
  readonly #found = new Map<string, SaidPush>();
  #rest = "";
  #dockerRepository: string | undefined;

  /** Takes a chunk of output. */
  take(chunk: Uint8Array): void {
    const lines = `${this.#rest}${Buffer.from(chunk).toString("latin1")}`.split("\n");
    this.#rest = (lines.pop() ?? "").slice(0, longestLine);
    for (const line of lines) this.#read(line.slice(0, longestLine));
  }

  /** What has been said so far, each once. */
  all(): readonly SaidPush[] {
    if (this.#rest !== "") this.#read(this.#rest);
    this.#rest = "";
    return [...this.#found.values()];
  }

  #read(coloured: string): void {
    const line = coloured.replace(colours, "").trim();
    const head = dockerHead.exec(line);
    if (head !== null) {
      this.#dockerRepository = head[1];
      return;
    }
    const ended = inDocker.exec(line);
    if (ended !== null) {
      this.#add(this.#dockerRepository, ended[1], ended[2]);
      return;
    }
    const built = inBuildKit.exec(line);
    if (built !== null) {
      this.#add(built[1], built[2], built[3]);
      return;
    }
    const said = pushing.test(line) ? named.exec(line) : null;
    if (said !== null) this.#add(said[1], said[2], said[3]);
  }

  #add(name: string | undefined, tag: string | undefined, hash: string | undefined): void {
    if (name === undefined || hash === undefined || !isDigest(hash) || this.#found.size >= mostPushes) return;
    this.#found.set(`${name}:${tag ?? ""}@${hash}`, {
      repository: name,
      ...(tag === undefined ? {} : { tag }),
      digest: hash,
    });
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: what colours begin with is one
const colours = /\u001b\[[0-9;]*[A-Za-z]/g;
