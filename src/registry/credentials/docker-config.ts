import * as z from "zod/mini";
import { longestPrefix } from "../../oci/index.ts";
import { RegistryError } from "../errors.ts";
import { basicCredential, type Credential, identityToken, registryToken } from "./credential.ts";
import { type AskHelper, credentialFor } from "./helper.ts";
import { lineOfKey, parseSecretJson } from "./json.ts";
import { helperServer, prefixOfKey } from "./key.ts";

/** Docker's `config.json` or Podman's `auth.json`, as far as credentials go. */
export type DockerConfig = ReturnType<typeof parseDockerConfig>;

const text = z.nullish(z.string());
const entrySchema = z.looseObject({
  auth: text,
  username: text,
  password: text,
  identitytoken: text,
  registrytoken: text,
});
type Entry = z.output<typeof entrySchema>;

const entryOrNone = z.pipe(
  z.nullable(entrySchema),
  z.transform((entry): Entry => entry ?? {}),
);
const configSchema = z.looseObject({
  auths: z.nullish(z.record(z.string(), entryOrNone)),
  credHelpers: z.nullish(z.record(z.string(), z.string())),
  credsStore: text,
});

/**
 * Reads Docker's `config.json` (docker-login(1)) or Podman's `auth.json` (containers-auth.json(5)). Within the file
 * the more specific place wins: an entry for a path, then the host's helper (`credHelpers`, else `credsStore`), then
 * the host's entry. An entry that holds nothing counts as none; a text that is empty as an empty file.
 * @throws {RegistryError} `credential-source` with file and line.
 */
export function parseDockerConfig(json: string, shown: string) {
  if (json.trim() === "") return { find: async () => undefined, helperOf: () => undefined };
  const parsed = configSchema.safeParse(parseSecretJson(json, shown));
  if (!parsed.success) {
    const path = parsed.error.issues[0]?.path ?? [];
    const line = lineOfKey(json, String(path.at(-1) ?? ""));
    const message = `${path.length === 0 ? "the document" : path.join(".")} has the wrong type`;
    const hint = "log in again with the tool that wrote it";
    throw new RegistryError("credential-source", message, { where: `${shown}:${line}`, hint });
  }
  const { auths, credHelpers, credsStore } = parsed.data;
  const entries = byPrefix(auths).filter(({ value }) => holdsSomething(value));
  const helpers = new Map(byPrefix(credHelpers).map(({ prefix, value }) => [prefix, value]));
  const helperOf = (host: string) => (helpers.get(host) ?? credsStore) || undefined;
  return {
    /** The name of the helper that keeps the secrets of a host, or `undefined` when the file itself does. */
    helperOf,
    /** The credential for a repository, or `undefined` when this file has none. @throws {RegistryError} */
    async find(host: string, path: string, askHelper: AskHelper): Promise<Credential | undefined> {
      const found = longestPrefix(entries, ({ prefix }) => prefix, `${host}/${path}`)?.entry;
      const forPath = found !== undefined && found.prefix !== host;
      const helper = forPath ? undefined : helperOf(host);
      const answer = helper !== undefined ? await askHelper(helper, helperServer(host), shown) : undefined;
      if (answer !== undefined || found === undefined) return answer;
      return credentialOf(found.value, shown, `${shown}:${lineOfKey(json, found.key)}`);
    },
  };
}

function byPrefix<Value>(
  record: Readonly<Record<string, Value>> | null | undefined,
): { readonly prefix: string; readonly key: string; readonly value: Value }[] {
  return Object.entries(record ?? {}).flatMap(([key, value]) => {
    const prefix = prefixOfKey(key);
    return prefix === undefined ? [] : [{ prefix, key, value }];
  });
}

function holdsSomething(entry: Entry): boolean {
  return Boolean(
    entry.auth || entry.identitytoken || entry.registrytoken || (entry.username && entry.password),
  );
}

function credentialOf(entry: Entry, source: string, where: string): Credential {
  if (entry.registrytoken) return registryToken(headerSafe(entry.registrytoken, where), source);
  if (entry.identitytoken) return identityToken(entry.identitytoken, source);
  if (!entry.auth) return basicCredential(entry.username ?? "", entry.password ?? "", source);
  const decoded = Buffer.from(entry.auth, "base64").toString("utf8");
  const colon = decoded.indexOf(":");
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(entry.auth.trim()) || colon < 0) {
    throw new RegistryError("credential-source", "auth is not a user name and password in base64", {
      where,
      hint: "log in again with the tool that wrote it",
    });
  }
  return credentialFor(decoded.slice(0, colon), decoded.slice(colon + 1).replace(/\0+$/, ""), source);
}

function headerSafe(token: string, where: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new RegistryError("credential-source", "registrytoken has characters that no token has", { where });
}
