import { chmod, lstat } from "node:fs/promises";
import { dirname } from "node:path";
import { diskFaultOf, holdingLock, ifPresent, makeFolder, replaceFile, targetOf } from "../../disk/index.ts";
import { RegistryError } from "../errors.ts";
import type { ShownFile } from "./credentials.ts";
import { parseDockerConfig } from "./docker-config.ts";
import { readCredentialFile } from "./file.ts";
import { lineOfKey } from "./json.ts";
import { membersOf, withMember, withoutMembers } from "./json-object.ts";
import { prefixOfKey } from "./key.ts";

/** What is to stand in a file for a host. */
export interface LoginEntry {
  readonly key: string;
  /** User name and password, in base64; none when something else keeps them. */
  readonly auth: string | undefined;
}

const secretFields: ReadonlySet<string> = new Set([
  "auth",
  "username",
  "password",
  "identitytoken",
  "registrytoken",
]);

/**
 * The text of a `config.json` with another entry for a host, in place of all that it has for it under any spelling, or
 * without one. Everything else stays as it is written; `undefined` when nothing is to be changed.
 * @throws {RegistryError} `credential-source` for a file that is none, or has `auths` twice.
 */
export function withLogin(
  text: string,
  shown: string,
  host: string,
  entry: LoginEntry | undefined,
): string | undefined {
  parseDockerConfig(text, shown);
  const config = text.trim() === "" ? "{\n}\n" : text;
  const [held, another] = membersOf(config).filter(({ key }) => key === "auths");
  if (another !== undefined) {
    throw new RegistryError("credential-source", "auths is there twice", {
      where: `${shown}:${lineOfKey(text, "auths")}`,
      hint: "make one of the two: tools that read the file take different ones",
    });
  }
  const auths = held === undefined || held.value === "null" ? "{}" : held.value;
  const own = membersOf(auths).filter(({ key }) => prefixOfKey(key) === host);
  const fields = own.flatMap(({ value }) => (value === "null" ? [] : membersOf(value)));
  const others = fields.filter(({ key }) => !secretFields.has(key));
  const isKept = entry?.auth !== undefined;
  if (own.length === 0 && !isKept) return undefined;
  if (entry !== undefined && !isKept && fields.length === others.length) return undefined;
  const isOneLine = !config.trim().includes("\n");
  const [, end = "\n", indent = "\t"] = /(\r?\n)([ \t]+)(?=")/.exec(config) ?? [];
  const lines = isOneLine ? undefined : { end, indent };
  const without = withoutMembers(auths, (key) => prefixOfKey(key) === host);
  const made = isKept ? [...others, { key: "auth", value: JSON.stringify(entry.auth) }] : others;
  const value = made.reduce((object, field) => withMember(object, field, lines, 2), "{}");
  const changed = entry === undefined ? without : withMember(without, { key: entry.key, value }, lines, 1);
  return withMember(config, { key: "auths", value: changed }, lines, 0);
}

/** Attempts, where other programs write the file at the same time. */
const maxAttempts = 5;

class ChangedMeanwhile extends Error {
  override readonly message = "other programs keep writing the file";
}

/**
 * Changes a file of credentials, or makes it, so that it is whole at any time and outlives a crash, and its owner alone may
 * read it. A link stays one: what it leads to is changed. Other processes of ours wait; what another program has written
 * meanwhile is read again.
 * @param change Given the text, empty where there is no file; `undefined` when nothing is to be changed.
 * @param beforehand Done when all else that could fail has been done, right before the file is another one: what it throws leaves
 * the file as it was. Done also when nothing is to be changed; not in a dry run; again when another program has written meanwhile.
 * @returns Whether it was changed; in a dry run, whether it would be.
 * @throws {RegistryError} `credential-source`.
 */
export async function changeLoginFile(
  { file, shown, dryRun = false }: ShownFile & { readonly dryRun?: boolean | undefined },
  change: (text: string) => string | undefined,
  beforehand: () => Promise<void>,
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
    const isToChange = change(await read()) !== undefined;
    if (!isToChange && !dryRun) await beforehand();
    if (!isToChange || dryRun) return isToChange;
    if ((await makeFolder(dirname(file))) !== undefined) await chmod(dirname(file), 0o700);
    const path = await regularTarget(file, shown);
    return await holdingLock(
      `${path}.waybill-lock`,
      async (lock) => {
        for (let attempt = 1; ; attempt += 1) {
          const text = await read();
          const changed = change(text);
          const unchanged = async (): Promise<void> => {
            if (!(await lock.isMine()) || (await read()) !== text) throw new ChangedMeanwhile();
          };
          const check = async (): Promise<void> => {
            await unchanged();
            await beforehand();
            await unchanged();
          };
          if (changed === undefined) {
            await beforehand();
            return false;
          }
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

async function regularTarget(file: string, shown: string): Promise<string> {
  const target = await targetOf(file);
  const found = target.kind === "name" ? await ifPresent(lstat(target.path)) : undefined;
  if (target.kind === "name" && (found === undefined || found.isFile())) return target.path;
  throw new RegistryError("credential-source", "a login is kept in a file, and this is none", {
    where: shown,
  });
}
