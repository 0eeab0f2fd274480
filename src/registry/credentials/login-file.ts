import { chmod, lstat } from "node:fs/promises";
import { dirname } from "node:path";
import { diskFaultOf, holdingLock, ifPresent, makeFolder, replaceFile, targetOf } from "../../disk/index.ts";
import { RegistryError } from "../errors.ts";
import type { ShownFile } from "./credentials.ts";
import { parseDockerConfig } from "./docker-config.ts";
import { readCredentialFile } from "./file.ts";
import { parseSecretJson } from "./json.ts";
import { prefixOfKey } from "./key.ts";

/** What is to stand in a file for a host. */
export interface LoginEntry {
  /** The key of a new entry. */
  readonly key: string;
  /** User name and password, in base64; none when something else keeps them. */
  readonly auth: string | undefined;
}

type Json = Readonly<Record<string, unknown>>;

const secretFields: ReadonlySet<string> = new Set([
  "auth",
  "username",
  "password",
  "identitytoken",
  "registrytoken",
]);

/**
 * The text of a `config.json` with another entry for a host, in place of all that it has for it under any spelling, or
 * without one. Everything else stays, in the order and indentation that it has; `undefined` when nothing is to be changed.
 * @throws {RegistryError} `credential-source` for a file that is none.
 */
export function withLogin(
  text: string,
  shown: string,
  host: string,
  entry: LoginEntry | undefined,
): string | undefined {
  parseDockerConfig(text, shown);
  const config = text.trim() === "" ? {} : asObject(parseSecretJson(text, shown));
  const auths = Object.entries(asObject(config.auths));
  const own = auths.filter(([key]) => prefixOfKey(key) === host);
  const isKept = entry?.auth !== undefined;
  if (own.length === 0 && !isKept) return undefined;
  if (entry !== undefined && !isKept && own.every(([, held]) => !holdsSecret(held))) return undefined;
  const others = auths.filter((each) => !own.includes(each));
  const unknown = own.flatMap(([, held]) =>
    Object.entries(asObject(held)).filter(([name]) => !secretFields.has(name)),
  );
  const made: [string, unknown][] =
    entry === undefined
      ? []
      : [[entry.key, { ...Object.fromEntries(unknown), ...(isKept ? { auth: entry.auth } : {}) }]];
  const indent = /^[ \t]+(?=")/m.exec(text)?.[0] ?? "\t";
  return `${JSON.stringify({ ...config, auths: Object.fromEntries([...others, ...made]) }, undefined, indent)}\n`;
}

function asObject(value: unknown): Json {
  return typeof value === "object" && value !== null ? (value as Json) : {};
}

function holdsSecret(held: unknown): boolean {
  return Object.keys(asObject(held)).some((name) => secretFields.has(name));
}

/** Attempts, where other programs write the file at the same time. */
const maxAttempts = 5;

class ChangedMeanwhile extends Error {}

/**
 * Changes a file of credentials, or makes it, so that it is whole at any time and outlives a crash, and its owner alone may
 * read it. A link stays one: what it leads to is changed. Other processes of ours wait; what another program has written
 * meanwhile is read again.
 * @param change Given the text, empty where there is no file; `undefined` when nothing is to be changed.
 * @returns Whether it was changed; in a dry run, whether it would be.
 * @throws {RegistryError} `credential-source`.
 */
export async function changeLoginFile(
  { file, shown, dryRun = false }: ShownFile & { readonly dryRun?: boolean | undefined },
  change: (text: string) => string | undefined,
): Promise<boolean> {
  const failure = (cause: unknown): RegistryError => {
    if (cause instanceof RegistryError) return cause;
    const { message, hint } = diskFaultOf(cause);
    return new RegistryError("credential-source", `the login cannot be written: ${message}`, {
      where: shown,
      hint,
      cause,
    });
  };
  const read = async (): Promise<string> => (await readCredentialFile(file, shown)) ?? "";
  try {
    const before = await read();
    if (change(before) === undefined) return false;
    if (dryRun) return true;
    if ((await makeFolder(dirname(file))) !== undefined) await chmod(dirname(file), 0o700);
    const path = await regularTarget(file, shown);
    return await holdingLock(
      `${path}.waybill-lock`,
      async (lock) => {
        for (let attempt = 1; ; attempt += 1) {
          const text = await read();
          const changed = change(text);
          if (changed === undefined) return false;
          const check = async (): Promise<void> => {
            if (!(await lock.isMine()) || (await read()) !== text) throw new ChangedMeanwhile();
          };
          try {
            await replaceFile(path, changed, { mode: 0o600, check });
            return true;
          } catch (error) {
            if (!(error instanceof ChangedMeanwhile) || attempt === maxAttempts) throw error;
          }
        }
      },
      { failure },
    );
  } catch (error) {
    throw failure(error);
  }
}

/** The file that a name leads to, or is to lead to. */
async function regularTarget(file: string, shown: string): Promise<string> {
  const target = await targetOf(file);
  const found = target.kind === "name" ? await ifPresent(lstat(target.path)) : undefined;
  if (target.kind === "name" && (found === undefined || found.isFile())) return target.path;
  throw new RegistryError("credential-source", "a login is kept in a file, and this is none", {
    where: shown,
  });
}
