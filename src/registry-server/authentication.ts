import { createHmac, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import bcrypt from "bcryptjs";
import pLimit from "p-limit";
import { RegistryServerError } from "./errors.ts";

/** Says whether an `Authorization` header is that of a user. */
export type Authenticate = (header: string | undefined) => Promise<boolean>;

/** What an answer to anybody else carries. Basic only: the registry has no token service. */
export const challenge = 'Basic realm="Waybill registry", charset="UTF-8"';

/** How long a password that was right is taken to be right without asking bcrypt again, which is slow on purpose. */
const rememberedMilliseconds = 5 * 60_000;
const rememberedHeaders = 1_000;
const longestHeader = 4_096;
const comparisonsAtOnce = 2;

const bcryptHash = /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/;

/**
 * Basic authentication against an htpasswd file with bcrypt entries (`htpasswd -B`), read once. Unknown users cost as
 * much time as wrong passwords. What is remembered is a keyed hash of the header, never the password.
 * @throws {RegistryServerError} `htpasswd-invalid` when the file cannot be read, has no entry, or one of another kind.
 */
export async function basicAuthentication(file: string, now: () => number = Date.now): Promise<Authenticate> {
  const hashes = readEntries(await readHtpasswd(file), file);
  const [anyHash] = hashes.values();
  const key = randomBytes(32);
  const remembered = new Map<string, number>();
  const underWay = new Map<string, Promise<boolean>>();
  const limit = pLimit(comparisonsAtOnce);

  async function compare(username: string, password: string): Promise<boolean> {
    const hash = hashes.get(username);
    const matches = await limit(() => bcrypt.compare(password, hash ?? anyHash ?? ""));
    return matches && hash !== undefined;
  }

  function remember(name: string): void {
    const [oldest] = remembered.keys();
    if (remembered.size >= rememberedHeaders && oldest !== undefined) remembered.delete(oldest);
    remembered.set(name, now() + rememberedMilliseconds);
  }

  return async (header) => {
    if (header === undefined || header.length > longestHeader) return false;
    const credentials = readBasic(header);
    if (credentials === undefined) return false;
    const name = createHmac("sha256", key).update(header).digest("base64");
    if ((remembered.get(name) ?? 0) > now()) return true;
    remembered.delete(name);
    // Many requests start at once with the same header: one comparison answers them all.
    const asked = underWay.get(name) ?? compare(credentials.username, credentials.password);
    underWay.set(name, asked);
    const right = await asked.finally(() => underWay.delete(name));
    if (right) remember(name);
    return right;
  };
}

/** User name and password of a header of the scheme `Basic` (RFC 7617). */
function readBasic(header: string): { username: string; password: string } | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=]+) *$/i.exec(header)?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  return colon < 0 ? undefined : { username: text.slice(0, colon), password: text.slice(colon + 1) };
}

async function readHtpasswd(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new RegistryServerError("htpasswd-invalid", "the htpasswd file cannot be read", {
      where: file,
      cause,
    });
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
