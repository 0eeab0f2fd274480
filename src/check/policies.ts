import type { Diagnostic } from "../diagnostics/index.ts";
import { type ManifestTree, type PoliciesBeside, readPolicyFile } from "../manifest/index.ts";
import type { TrustSettings } from "../settings/index.ts";

/** What the settings say that policies are checked by. */
export type PolicySettings = Pick<TrustSettings, "keys" | "policy">;

/**
 * All that is wrong with the policies of manifests and of the settings, for a run with these settings: a key that they do not name is
 * nobody's.
 */
export async function policyFindings(
  { policyFile }: Pick<ManifestTree, "policyFile">,
  settings: PolicySettings,
): Promise<readonly Diagnostic[]> {
  const named = settings.policy === undefined ? undefined : await readPolicyFile(settings.policy);
  const files = [policyFile, named].filter((file) => file !== undefined);
  return (await Promise.all(files.map((file) => findingsOf(file, settings)))).flat();
}

async function findingsOf(
  { file, text }: PoliciesBeside,
  settings: PolicySettings,
): Promise<readonly Diagnostic[]> {
  if (typeof text === "string") return checkPolicies(text, file, settings);
  const { code, message, hint } = text;
  return [{ code, severity: "error", message, hint, file }];
}

/** All that is wrong with a policy file. @param settings Left out, nobody knows which keys there are. */
export async function checkPolicies(
  text: string,
  file: string,
  settings?: PolicySettings,
): Promise<readonly Diagnostic[]> {
  // Few trees have policies, and reading keys takes much of Node.
  const { parsePolicyFile } = await import("../policy/index.ts");
  // Names are what is looked at: whether their files are keys is found out by those who verify.
  const names = Object.keys(settings?.keys ?? {});
  const keys = settings && Object.fromEntries(names.map((name) => [name, name]));
  return parsePolicyFile(text, file, { now: new Date(), keys }).diagnostics;
}
