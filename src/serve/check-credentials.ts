import { ruledCredentials } from "../registry/index.ts";
import type { CredentialRule } from "../settings/index.ts";
import { problemOf, type ServeCheck } from "./checked.ts";
import type { ServeOptions } from "./options.ts";

type Part = Pick<ServeOptions, "settings" | "credentialSources">;

/** Whether what rules of credentials and tokens of forges name can be had, and where it comes from; never what it is. */
export async function checkCredentials(options: Part): Promise<readonly ServeCheck[]> {
  const { settings } = options;
  const { readingCredentials = [], jobCredentials = {} } = settings.serve;
  const lists: readonly (readonly [name: string, rules: readonly CredentialRule[], readsOnly: boolean])[] = [
    ["credentials", settings.credentials, false],
    ["serve.readingCredentials", readingCredentials, true],
    ...Object.entries(jobCredentials).map(
      ([job, rules]) => [`serve.jobCredentials.${job}`, rules, false] as const,
    ),
  ];
  const rules = lists.flatMap(([name, all, readsOnly]) =>
    all.map((rule) => checkRule(name, rule, readsOnly, options)),
  );
  const forges = Object.entries(settings.forges).flatMap(([host, { tokenFrom }]) =>
    tokenFrom === undefined ? [] : [checkForge(host, tokenFrom, options)],
  );
  return Promise.all([...rules, ...forges]);
}

async function checkRule(
  list: string,
  rule: CredentialRule,
  readsOnly: boolean,
  { credentialSources: sources }: Part,
): Promise<ServeCheck> {
  const what = "credentials";
  const where = `${list}: ${rule.repository}`;
  const [host = "", ...path] = rule.repository.split("/");
  if (host.startsWith("*.")) {
    return { what, where, state: "fine", message: "not tried: it leaves open which host it is for" };
  }
  try {
    const found = await ruledCredentials([rule], { sources, readsOnly }).lookup(host, path.join("/"));
    if (found !== undefined) return { what, where, state: "fine", message: `from ${found.source}` };
    return rule.anonymous === true
      ? { what, where, state: "fine", message: "asked as anybody" }
      : { what, where, state: "warning", message: "the helper knows none: it is asked as anybody" };
  } catch (error) {
    return { what, where, ...problemOf(error) };
  }
}

async function checkForge(
  host: string,
  reference: string,
  { credentialSources: { secrets } }: Part,
): Promise<ServeCheck> {
  const [what, where] = ["credentials", `forges.${host}`] as const;
  try {
    await secrets.read({ reference });
    return { what, where, state: "fine", message: `from ${reference}` };
  } catch (error) {
    return { what, where, ...problemOf(error) };
  }
}
