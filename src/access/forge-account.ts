import { parseRemote } from "../forge/index.ts";
import type { AccessSettings, Principal } from "./model.ts";

/** Whose account on a forge somebody has, or why nobody can tell. */
export type ForgeAccount =
  | { readonly login: string; readonly subject: string }
  | { readonly unknown: string };

/**
 * The account on the forge of a repository with which somebody has logged in here: where the forge itself vouches for it, and no
 * token stands in for the person. What another provider calls somebody says nothing of who that is on the forge.
 * @param url Of the repository, in any form.
 */
export function forgeAccountOf(
  { kind, account }: Principal,
  { providers }: Pick<AccessSettings, "providers">,
  url: string,
): ForgeAccount {
  const host = parseRemote(url)?.host;
  if (kind === "anonymous") return { unknown: "nobody is logged in" };
  if (kind === "machine") {
    return { unknown: "it is done by people who have logged in themselves, not with a token" };
  }
  const provider = providers.find(({ name }) => name === account?.provider);
  if (account === undefined || provider === undefined || host === undefined) {
    return { unknown: "nobody vouches for who that is on the forge" };
  }
  const { host: own, pathname } = new URL(provider.issuer);
  // Another service may stand beside a forge, at a path of the same host.
  if (own.toLowerCase() !== host.toLowerCase() || pathname !== "/") {
    return {
      unknown: `${provider.name}, with which you have logged in, does not say who you are at ${host}`,
    };
  }
  return { login: account.login, subject: account.subject };
}
