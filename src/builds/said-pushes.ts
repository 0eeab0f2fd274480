import { stripVTControlCharacters } from "node:util";
import { messageOf } from "../errors/index.ts";
import { type Digest, isDigest, parseRepository, parseTag, type Tag } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";

/** What a step said that it pushed: a claim, to be confirmed by the registry. */
export interface SaidPush {
  readonly repository: string;
  readonly tag?: string | undefined;
  readonly digest: Digest;
}

/** What a registry says of a claim, or why nobody knows. */
export type SaidPushAnswer = { readonly repository: string; readonly digest: Digest } & (
  | { readonly tag?: Tag | undefined; readonly mediaType: string; readonly size: number }
  | { readonly reason: string }
);

/** Pushes of one step that are remembered: more would be asked of the registry than anybody pushes. */
const maxPushes = 500;
const maxLineLength = 2048;

const repository = "[a-z0-9][a-z0-9._:-]*(?:/[a-z0-9._-]+)+";
const digest = "sha256:[0-9a-f]{64}";

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

  take(chunk: Uint8Array): void {
    const lines = `${this.#rest}${Buffer.from(chunk).toString("latin1")}`.split("\n");
    this.#rest = (lines.pop() ?? "").slice(0, maxLineLength);
    for (const line of lines) this.#read(line.slice(0, maxLineLength));
  }

  /** What has been said so far, each once. */
  all(): readonly SaidPush[] {
    if (this.#rest !== "") this.#read(this.#rest);
    this.#rest = "";
    return [...this.#found.values()];
  }

  #read(colored: string): void {
    const line = stripVTControlCharacters(colored).trim();
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
    if (name === undefined || hash === undefined || !isDigest(hash) || this.#found.size >= maxPushes) return;
    this.#found.set(`${name}:${tag ?? ""}@${hash}`, { repository: name, tag, digest: hash });
  }
}

/** Questions that a host may fail to answer: whoever names hosts that are not there must not be waited for again and again. */
const maxFailures = 3;

/**
 * Asks registries whether they hold what steps of one build said that they pushed, each claim once. A tag that stands
 * elsewhere meanwhile is left out of the answer.
 */
export async function* askedFor(
  said: readonly SaidPush[],
  open: (repository: string) => Repository,
): AsyncGenerator<SaidPushAnswer> {
  const claims = new Map(said.map((push) => [`${push.repository}:${push.tag ?? ""}@${push.digest}`, push]));
  const failures = new Map<string, number>();
  for (const push of [...claims.values()].slice(0, maxPushes)) {
    const { repository, digest } = push;
    const [host = ""] = repository.split("/", 1);
    const failed = failures.get(host) ?? 0;
    try {
      if (failed >= maxFailures) throw new Error(`${host} does not answer`);
      const found = await whereItStands(open(parseRepository(repository)), push);
      yield { repository, digest, ...(found ?? { reason: "it is not there" }) };
    } catch (error) {
      failures.set(host, failed + 1);
      yield { repository, digest, reason: messageOf(error) };
    }
  }
}

async function whereItStands(repository: Repository, { tag: said, digest }: SaidPush) {
  const tag = said === undefined ? undefined : parseTag(said);
  const tagged = tag === undefined ? undefined : await repository.resolve(tag);
  const isTagged = tagged?.digest === digest;
  const found = isTagged ? tagged : await repository.resolve(digest);
  if (found === undefined) return undefined;
  const { mediaType, size } = found;
  return { mediaType, size, tag: isTagged ? tag : undefined };
}
