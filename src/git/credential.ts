import { withSettings } from "./environment.ts";

/** What Git shows a remote when it asks who is there. */
export interface GitCredential {
  /** The origin that it is for, such as `https://github.com`: no other one gets it. */
  readonly origin: string;
  readonly user: string;
  /** Asked for anew before each use where it lives for a short time. */
  readonly token: string | (() => Promise<string>);
}

/** Git runs this when the origin asks; the secret comes from the environment, where process lists do not show it. */
const helper =
  '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$WAYBILL_GIT_USER" "$WAYBILL_GIT_TOKEN"; }; f';

/**
 * An environment in which Git has the credential for its origin, and no other helper is asked there, nor told to keep
 * it. Neither a URL nor a command line nor a file ever holds it.
 */
export async function withCredential(
  environment: NodeJS.ProcessEnv,
  credential: GitCredential | undefined,
): Promise<NodeJS.ProcessEnv> {
  if (credential === undefined) return environment;
  const { token } = credential;
  const key = `credential.${credential.origin}.helper`;
  return {
    // An empty helper takes back those that are configured elsewhere (gitcredentials(7)).
    ...withSettings(environment, [
      [key, ""],
      [key, helper],
    ]),
    WAYBILL_GIT_USER: credential.user,
    WAYBILL_GIT_TOKEN: typeof token === "string" ? token : await token(),
  };
}
