import { createHmac, randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { readNamed } from "../disk/index.ts";
import { messageOf } from "../errors/index.ts";
import { type Compare, compareInThread } from "./bcrypt-thread.ts";
import { RegistryServerError } from "./errors.ts";
import { createLoginQueue } from "./login-queue.ts";

interface Applicant {
  readonly header: string | undefined;
  /** Who it is, as far as limits are concerned. */
  readonly client: string;
  /** Aborts when nobody waits for the answer any more. */
  readonly gone: AbortSignal;
}

/** The name of the user whose password the applicant knows; `busy` when too many have to be looked at before. */
export type Authenticate = (applicant: Applicant) => Promise<{ readonly user: string } | "wrong" | "busy">;

/** What an answer to anybody else carries. Basic only: the registry has no token service. */
export const challenge = 'Basic realm="Waybill registry", charset="UTF-8"';

const rememberedWrong = 1_000;
const maxHeaderLength = 4_096;

const bcryptHash = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/;

/**
 * Basic authentication against an htpasswd file with bcrypt entries (`htpasswd -B`), read once. bcrypt is slow on
 * purpose, so it is asked rarely: a password that was right is known from then on. Unknown users cost as much time as
 * wrong passwords. Whoever tries many passwords is answered ever later, and waits behind everybody else. What is
 * remembered is a keyed hash, never the password.
 * @throws {RegistryServerError} `htpasswd-invalid` when the file cannot be read, has no entry, or one of another kind.
 */
export async function basicAuthentication(
  file: string,
  compareHash: Compare = compareInThread,
): Promise<Authenticate> {
  const hashes = readEntries(await readHtpasswd(file), file);
  const [anyHash] = hashes.values();
  const key = randomBytes(32);
  /** Of each user the password that was right last. */
  const right = new Map<string, string>();
  const wrong = new Set<string>();
  const underWay = new Map<string, Promise<boolean | undefined>>();
  const queue = createLoginQueue();
  const slowdown = createSlowdown();

  function compare({ username, password }: Credentials, client: string): Promise<boolean | undefined> {
    const hash = hashes.get(username);
    // Names that nobody has stand in one line, for anybody can make up as many as he likes.
    const line = `${client} ${hash === undefined ? "" : username}`;
    return queue.run(
      line,
      async () => (await compareHash(password, hash ?? anyHash ?? "")) && hash !== undefined,
    );
  }

  function remember(username: string, name: string, isRight: boolean): void {
    if (isRight) {
      right.set(username, name);
      return;
    }
    const [oldest] = wrong;
    if (wrong.size >= rememberedWrong && oldest !== undefined) wrong.delete(oldest);
    wrong.add(name);
  }

  return async ({ header, client, gone }) => {
    const credentials =
      header === undefined || header.length > maxHeaderLength ? undefined : readBasic(header);
    if (credentials === undefined) return "wrong";
    const { username, password } = credentials;
    const name = createHmac("sha256", key)
      .update(JSON.stringify([username, password]))
      .digest("base64");
    if (right.get(username) === name) return { user: username };
    if (wrong.has(name)) return "wrong";
    // Many requests start at once with the same password: one comparison answers all of a client.
    const question = `${client} ${name}`;
    const asked = underWay.get(question) ?? compare(credentials, client);
    underWay.set(question, asked);
    const answer = await asked.finally(() => underWay.delete(question));
    if (answer !== undefined) remember(username, name, answer);
    if (answer === true) return { user: username };
    const delay = slowdown.after(client, queue.milliseconds, performance.now());
    if (delay > 0) await sleep(delay, undefined, { signal: gone, ref: false }).catch(() => undefined);
    return answer === undefined ? "busy" : "wrong";
  };
}

interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** User name and password of a header of the scheme `Basic` (RFC 7617). */
function readBasic(header: string): Credentials | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=]+) *$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** Bytes of the users of a very large house. */
const maxFileBytes = 16 * 1024 * 1024;

async function readHtpasswd(file: string): Promise<string> {
  try {
    return (await readNamed(file, maxFileBytes)).bytes.toString();
  } catch (cause) {
    throw new RegistryServerError(
      "htpasswd-invalid",
      `the htpasswd file cannot be read: ${messageOf(cause)}`,
      {
        where: file,
        hint: "write one with: htpasswd -B -c FILE USER",
        cause,
      },
    );
  }
}

function readEntries(text: string, file: string): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const [at, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const colon = line.indexOf(":");
    const hash = line.slice(colon + 1).trim();
    if (colon < 1 || !bcryptHash.test(hash)) {
      // The line itself is not shown: it holds a secret, or what was meant to be one.
      throw new RegistryServerError("htpasswd-invalid", "the line is no user name with a bcrypt hash", {
        where: `${file}:${at + 1}`,
        hint: "write entries with: htpasswd -B",
      });
    }
    hashes.set(line.slice(0, colon), hash);
  }
  if (hashes.size > 0) return hashes;
  throw new RegistryServerError("htpasswd-invalid", "the htpasswd file has no entry: nobody could log in", {
    where: file,
    hint: "add one with: htpasswd -B -c FILE USER",
  });
}

/** Failures that are answered at once: people mistype. */
const failuresAtOnce = 10;
const minInterval = 250;
const maxDelay = 30_000;
const rememberedClients = 10_000;

/**
 * How long those have to wait for an answer who have failed again and again. A client that waits for its answers before it
 * goes on asks no faster than it gets them, by however many connections it comes.
 */
export function createSlowdown() {
  // Until when the failures of a client last, if each of them takes an interval.
  const until = new Map<string, number>();
  return {
    /**
     * Counts a failure.
     * @param effort What finding out took, in milliseconds: a client may take a quarter of our time at most.
     * @returns How many milliseconds later it is to be told.
     */
    after(client: string, effort: number, now: number): number {
      const interval = Math.max(minInterval, 4 * effort);
      const end = Math.max(until.get(client) ?? now, now) + interval;
      until.delete(client);
      const [oldest] = until.keys();
      if (until.size >= rememberedClients && oldest !== undefined) until.delete(oldest);
      until.set(client, Math.min(end, now + failuresAtOnce * interval + maxDelay));
      return Math.min(maxDelay, Math.max(0, end - now - failuresAtOnce * interval));
    },
  };
}
