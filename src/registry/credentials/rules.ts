import { CloudError } from "../../clouds/index.ts";
import { longestPrefix } from "../../oci/index.ts";
import { SecretError, type Secrets } from "../../secrets/index.ts";
import type { CredentialRule } from "../../settings/index.ts";
import { RegistryError } from "../errors.ts";
import { basicCredential, type Credential, identityToken } from "./credential.ts";
import { readCredentialFile } from "./file.ts";
import { credentialFor } from "./helper.ts";
import { canonicalHost, helperServer } from "./key.ts";
import type { CredentialSources } from "./sources.ts";

/** What is asked of rules. */
export interface RuleWish {
  /** The registry, by its one name. */
  readonly host: string;
  readonly path: string;
  /** As little as can be: what only reads. */
  readonly readsOnly: boolean;
  /** What the registry has just refused: where it can be had anew, it is. */
  readonly refused: Credential | undefined;
}

/**
 * What the `credentials` of `waybill.yaml` say about a repository: a credential, that access is anonymous, or
 * nothing. The rule with the longest prefix decides; one that names the host goes before those that leave it open.
 * @throws {RegistryError} `credential-source`, `credential-helper`.
 */
export async function findByRule(
  rules: readonly CredentialRule[],
  wish: RuleWish,
  sources: CredentialSources,
): Promise<Credential | "anonymous" | undefined> {
  const { host } = wish;
  const rule = ruleFor(rules, wish);
  if (rule === undefined) return undefined;
  if (rule.anonymous === true) return "anonymous";
  const source = rule.where ?? "waybill.yaml";
  if (rule.helper !== undefined) return sources.askHelper(rule.helper, helperServer(host), source);
  if (rule.identity !== undefined) return ofIdentity(rule.identity, source, wish, sources);
  return credentialFor(rule.username ?? "", await password(rule, source, sources), source);
}

function ruleFor(
  rules: readonly CredentialRule[],
  { host, path }: Pick<RuleWish, "host" | "path">,
): CredentialRule | undefined {
  const name = `${host}/${path}`;
  const found = longestPrefix(rules, prefixOfRule, name)?.entry;
  if (found !== undefined) return found;
  const open = rules.flatMap((rule) => {
    const [, below = "", rest = ""] = /^\*(\.[^/]+)(.*)$/.exec(rule.repository) ?? [];
    return below !== "" && host.endsWith(below) ? [{ rule, below, prefix: `${host}${rest}` }] : [];
  });
  const nearest = Math.max(...open.map(({ below }) => below.length));
  const candidates = open.filter(({ below }) => below.length === nearest);
  return longestPrefix(candidates, ({ prefix }) => prefix, name)?.entry.rule;
}

function prefixOfRule(rule: CredentialRule): string {
  const [host = "", ...path] = rule.repository.split("/");
  return [canonicalHost(host), ...path].join("/");
}

async function ofIdentity(
  identity: string,
  where: string,
  { host, readsOnly, refused }: RuleWish,
  { identities }: CredentialSources,
): Promise<Credential> {
  const secret = refused?.kind === "basic" ? refused.password : refused?.token;
  const login = await identities
    .registryLogin(identity, { host, readsOnly, refused: secret })
    .catch((error: unknown) => {
      throw error instanceof CloudError ? withoutIdentity(error, identity) : error;
    });
  const source = `${login.source}, named in ${where}`;
  return login.kind === "basic"
    ? basicCredential(login.username, login.password, source, true)
    : identityToken(login.token, source, true);
}

function withoutIdentity(error: CloudError, identity: string): RegistryError {
  const { message, where, hint, status, requestId } = error;
  return new RegistryError("credential-source", `the identity ${identity} gives no credential: ${message}`, {
    ...{ where, hint, status, requestId, cause: error },
  });
}

async function password(
  rule: CredentialRule,
  source: string,
  { environment, secrets }: CredentialSources,
): Promise<string> {
  if (rule.passwordFrom !== undefined) return keptElsewhere(rule.passwordFrom, source, secrets);
  if (rule.passwordEnv !== undefined) {
    const value = environment[rule.passwordEnv];
    if (value) return value;
    throw new RegistryError("credential-source", `the variable ${rule.passwordEnv} is not set`, {
      where: source,
      hint: `set it to the password for ${rule.repository}`,
    });
  }
  const file = rule.passwordFile ?? "";
  const text = await readCredentialFile(file, file);
  const value = text?.replace(/\r?\n$/, "");
  if (value) return value;
  const message = `the password file ${file} ${text === undefined ? "does not exist" : "is empty"}`;
  const hint = `it should hold the password for ${rule.repository} alone`;
  throw new RegistryError("credential-source", message, { where: source, hint });
}

async function keptElsewhere(reference: string, where: string, secrets: Secrets): Promise<string> {
  return secrets.read({ reference }).catch((error: unknown) => {
    if (!(error instanceof SecretError)) throw error;
    const { message, hint, status, requestId } = error;
    throw new RegistryError("credential-source", `the password at ${reference} cannot be had: ${message}`, {
      ...{ where, hint, status, requestId, cause: error },
    });
  });
}
