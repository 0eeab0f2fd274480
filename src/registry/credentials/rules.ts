import { longestPrefix } from "../../oci/index.ts";
import type { CredentialRule } from "../../settings/index.ts";
import { RegistryError } from "../errors.ts";
import type { Credential } from "./credential.ts";
import { readCredentialFile } from "./file.ts";
import { type AskHelper, credentialFor } from "./helper.ts";
import { canonicalHost, helperServer } from "./key.ts";

/**
 * What the `credentials` of `waybill.yaml` say about a repository: a credential, that access is anonymous, or
 * nothing. The rule with the longest prefix decides. @throws {RegistryError} `credential-source`.
 */
export async function findByRule(
  rules: readonly CredentialRule[],
  host: string,
  path: string,
  environment: NodeJS.ProcessEnv,
  askHelper: AskHelper,
): Promise<Credential | "anonymous" | undefined> {
  const rule = longestPrefix(rules, prefixOfRule, `${host}/${path}`)?.entry;
  if (rule === undefined) return undefined;
  if (rule.anonymous === true) return "anonymous";
  const source = rule.where ?? "waybill.yaml";
  if (rule.helper !== undefined) return askHelper(rule.helper, helperServer(host), source);
  return credentialFor(rule.username ?? "", await password(rule, source, environment), source);
}

function prefixOfRule(rule: CredentialRule): string {
  const [host = "", ...path] = rule.repository.split("/");
  return [canonicalHost(host), ...path].join("/");
}

async function password(
  rule: CredentialRule,
  source: string,
  environment: NodeJS.ProcessEnv,
): Promise<string> {
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
