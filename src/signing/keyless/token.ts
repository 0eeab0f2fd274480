import * as z from "zod/mini";
import { CloudError, readAnswer, type SubjectPlace, safeUrl } from "../../clouds/index.ts";
import { isSuccess } from "../../http/index.ts";
import { jsonIn } from "../../oci/index.ts";
import { SigningError } from "../errors.ts";
import type { KeylessOptions, SignerIdentity, SigningServices } from "../model.ts";

const usualAudience = "sigstore";
/** Where GitLab's jobs have a token for Sigstore, as cosign looks for it. */
const gitLabVariable = "SIGSTORE_ID_TOKEN";

/** A token that says who this process is, and what is read of it. Nobody here verifies it: that is for the authority. */
export interface IdentityToken {
  readonly token: string;
  readonly claims: z.output<typeof claims>;
}

const text = z.string().check(z.maxLength(4096));
const claims = z.looseObject({
  iss: text,
  sub: z.optional(text),
  email: z.optional(text),
  email_verified: z.optional(z.union([z.boolean(), z.literal("true"), z.literal("false")])),
  /** GitHub's. */
  job_workflow_ref: z.optional(text),
  /** GitLab's. */
  ci_config_ref_uri: z.optional(text),
});

/** Gets a token from where the settings say. Looked for anew each time: such tokens end within minutes. @throws {SigningError} */
export async function identityToken(
  { token: place, audience = usualAudience }: KeylessOptions,
  services: TokenServices,
): Promise<IdentityToken> {
  const { token, source } = await tokenFrom(place, audience, services).catch(asSigningError);
  const [, payload = ""] = token.split(".");
  const read = claims.safeParse(jsonIn(Buffer.from(payload, "base64url").toString("utf8")));
  if (read.success) return { token, claims: read.data };
  throw new SigningError("signer-unavailable", "this is no token of an OpenID Connect issuer", {
    where: source,
  });
}

type TokenServices = Pick<SigningServices, "identities" | "environment" | "cloudServices">;
type FoundToken = { readonly token: string; readonly source: string };

async function tokenFrom(
  place: KeylessOptions["token"],
  audience: string,
  services: TokenServices,
): Promise<FoundToken> {
  const { identities } = services;
  const subject = (where: SubjectPlace) => identities.subject(where, audience);
  if (place === "github") return subject({ github: { audience } });
  if (place === "gitlab") return subject({ variable: gitLabVariable });
  if (place === "google") return tokenOfMachine(audience, services);
  const { file, variable, googleAccount } = place;
  if (googleAccount !== undefined) return tokenOfAccount(googleAccount, audience, services);
  return subject({ ...(file !== undefined && { file }), ...(variable !== undefined && { variable }) });
}

const jwt = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** The metadata server of Google's machines (https://cloud.google.com/compute/docs/instances/verifying-instance-identity). */
async function tokenOfMachine(
  audience: string,
  { identities, environment }: TokenServices,
): Promise<FoundToken> {
  const who = "Google's metadata server";
  const host = environment.GCE_METADATA_HOST || "169.254.169.254";
  const path = "/computeMetadata/v1/instance/service-accounts/default/identity";
  const url = safeUrl(`http://${host}${path}`, "GCE_METADATA_HOST");
  url.search = new URLSearchParams({ audience, format: "full" }).toString();
  const answer = await identities.wire({ method: "GET", url, headers: { "metadata-flavor": "Google" }, who });
  const token = Buffer.from(answer.bytes).toString("utf8").trim();
  if (isSuccess(answer) && jwt.test(token)) return { token, source: who };
  throw new SigningError("signer-unavailable", `${who} gives no token of an identity (${answer.status})`, {
    where: url.host,
    hint: "does the machine run as a service account?",
  });
}

const givenToken = z.object({ token: z.string().check(z.regex(jwt)) });

/** A token of a service account that this process may act as (Google's IAM Credentials API, `generateIdToken`). */
async function tokenOfAccount(
  account: string,
  audience: string,
  { identities, cloudServices }: TokenServices,
): Promise<FoundToken> {
  const who = "Google's IAM";
  const { value } = await identities.google("google");
  const base = cloudServices?.googleIam ?? "https://iamcredentials.googleapis.com";
  const url = new URL(`/v1/projects/-/serviceAccounts/${encodeURIComponent(account)}:generateIdToken`, base);
  const answer = await identities.wire({
    ...{ method: "POST", url, authorization: `Bearer ${value}`, who },
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ audience, includeEmail: true }),
  });
  const hint = `may this process act as ${account}? It needs the role Service Account OpenID Connect Identity Token Creator`;
  return { token: readAnswer(answer, givenToken, who, hint).token, source: account };
}

function asSigningError(error: unknown): never {
  if (!(error instanceof CloudError)) throw error;
  const { message, where, hint, status, requestId } = error;
  throw new SigningError("signer-unavailable", message, { where, hint, status, requestId, cause: error });
}

/** What the bearer of a token signs to prove that the key is its own (Fulcio): the e-mail address, or else the subject. */
export function challengeOf({ email, sub = "" }: IdentityToken["claims"]): string {
  return email ?? sub;
}

const gitHub = "https://token.actions.githubusercontent.com";

/** GitHub's issuer, or that of an enterprise there, which has its name behind it. */
function isOfGitHub(issuer: string): boolean {
  return issuer === gitHub || issuer.startsWith(`${gitHub}/`);
}

/**
 * Whom Fulcio takes the bearer for, where that is known without asking it: runs of GitHub and GitLab, and accounts with a verified
 * e-mail address (sigstore/fulcio, `config/identity/config.yaml`).
 */
export function identityOf(found: IdentityToken["claims"]): SignerIdentity | undefined {
  const { iss: issuer, email, email_verified: verified } = found;
  const { job_workflow_ref: gitHubRef, ci_config_ref_uri: gitLabRef } = found;
  const identity =
    email !== undefined && String(verified) === "true" && found.federated_claims === undefined
      ? email
      : gitHubRef !== undefined && isOfGitHub(issuer)
        ? `https://github.com/${gitHubRef}`
        : gitLabRef !== undefined
          ? `https://${gitLabRef}`
          : undefined;
  return identity === undefined ? undefined : { kind: "certificate", identity, issuer };
}
