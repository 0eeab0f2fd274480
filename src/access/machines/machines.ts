import type { JWTPayload, JWTVerifyGetKey } from "jose";
import * as z from "zod/mini";
import type { Sql } from "../../database/index.ts";
import { AccessError } from "../errors.ts";
import type { ProviderFetch } from "../fetch.ts";
import { issuerOf } from "../login/provider.ts";
import type { MachineTrust } from "../model.ts";
import { issueToken, type TokenRecord } from "../tokens.ts";

/** Milliseconds that a token lives that a CI system's job gets for showing who it is. */
export const machineTokenLife = 15 * 60_000;

/** CI systems whose jobs show by a token of the system's who they are (GitHub's and GitLab's OIDC tokens). */
export interface Machines {
  /**
   * Judges a token of a CI system's, for which its issuer may have to be asked for its keys.
   * @throws {AccessError} `machine-refused`, `login-unavailable`.
   */
  verify(shown: string): Promise<VerifiedToken>;
  /**
   * Gives a token of Waybill's for one that was verified, which is taken once. Asks nobody but the database.
   * @throws {AccessError} `machine-refused`.
   */
  exchange(
    sql: Sql,
    verified: VerifiedToken,
  ): Promise<{
    readonly token: string;
    readonly record: TokenRecord;
    /** What the CI system says of the job, for the audit log. */
    readonly claims: Readonly<Record<string, string>>;
  }>;
}

/** A token of a CI system's that is what it says, and the trust that it fits. */
export interface VerifiedToken {
  readonly trust: MachineTrust;
  readonly payload: JWTPayload;
  /** By what its issuer knows it. */
  readonly jti: string;
}

/** Claims that say which repository it is, whatever it is called now: names can be given to somebody else. */
export const boundBy = { github: "repository_id", gitlab: "project_id" } as const;

/** Claims that are noted, where there are such. */
const noted = [
  "sub",
  "repository",
  "ref",
  "sha",
  "run_id",
  "job_workflow_ref",
  "project_path",
  "pipeline_id",
];

const maxTokenBytes = 16 * 1024;
const discoverySchema = z.object({ issuer: z.string(), jwks_uri: z.url() });

/** Opens the way in for jobs of CI systems. No issuer is asked for its keys yet. */
export function openMachines(
  trusts: readonly MachineTrust[],
  fetch: ProviderFetch,
  now: () => Date,
): Machines {
  const keySets = new Map<string, Promise<JWTVerifyGetKey>>();
  const keysOf = (trust: MachineTrust): Promise<JWTVerifyGetKey> => {
    const known = keySets.get(trust.issuer);
    if (known !== undefined) return known;
    const found = findKeys(trust, fetch).catch((error: unknown) => {
      keySets.delete(trust.issuer);
      throw error;
    });
    keySets.set(trust.issuer, found);
    return found;
  };

  return {
    async verify(shown) {
      const { decodeJwt, jwtVerify, errors } = await import("jose");
      if (shown.length > maxTokenBytes) throw refused("it is too long to be one");
      try {
        // Nobody is asked for keys but issuers that are configured.
        const { iss } = decodeJwt(shown);
        const known = trusts.filter(({ issuer }) => issuer === iss);
        const [first] = known;
        if (first === undefined) throw refused("nobody here trusts who issued it");
        const { payload } = await jwtVerify(shown, await keysOf(first), {
          issuer: first.issuer,
          audience: known.map(({ audience }) => audience),
          algorithms: ["RS256"],
          clockTolerance: 60,
          requiredClaims: ["exp", "iat", "sub"],
          currentDate: now(),
        });
        const trust = known.find((candidate) => fits(candidate, payload));
        if (trust === undefined) throw refused("its claims are those of no job that is trusted");
        const { jti } = payload;
        if (typeof jti === "string" && jti !== "") return { trust, payload, jti };
        throw refused("it has no id, so nobody could tell that it is shown twice");
      } catch (error) {
        if (error instanceof errors.JOSEError) throw refused(sayingOf(error.code));
        throw error;
      }
    },
    async exchange(sql, { trust, payload, jti }) {
      // So long as the tolerance lets it be shown.
      const ends = new Date((payload.exp ?? 0) * 1_000 + 120_000);
      const first = await sql.query(
        `INSERT INTO access_shown_token (issuer, jti, ends_at) VALUES ($1, $2, $3)
         ON CONFLICT DO NOTHING RETURNING jti`,
        [trust.issuer, jti, ends],
      );
      if (first.length === 0) throw refused("it was shown before");
      const issued = await issueToken(
        sql,
        {
          ...{ name: trust.name, role: trust.role, jobs: trust.jobs },
          ...{ endsAt: new Date(now().getTime() + machineTokenLife), madeBy: `${trust.kind} ${trust.name}` },
        },
        now(),
      );
      const claims = noted.flatMap((name) => {
        const value = payload[name];
        return typeof value === "string" || typeof value === "number" ? [[name, String(value)]] : [];
      });
      return { ...issued, claims: Object.fromEntries(claims) };
    },
  };
}

/** Whether it is what a trust asks for; one that binds no repository fits nobody. */
function fits({ kind, audience, claims }: MachineTrust, payload: JWTPayload): boolean {
  if (!Object.hasOwn(claims, boundBy[kind])) return false;
  if (![payload.aud ?? []].flat().includes(audience)) return false;
  // The workflow is the trusted branch's, and what it checks out may be a stranger's.
  if (kind === "github" && payload.event_name === "pull_request_target") return false;
  return Object.entries(claims).every(([name, value]) => {
    const told = payload[name];
    return (
      (typeof told === "string" || typeof told === "number" || typeof told === "boolean") &&
      String(told) === value
    );
  });
}

async function findKeys(trust: MachineTrust, fetch: ProviderFetch): Promise<JWTVerifyGetKey> {
  const { createRemoteJWKSet, customFetch } = await import("jose");
  const { href } = issuerOf(trust);
  const at = `${href.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const answer = await fetch(at, { headers: { accept: "application/json" } });
  const found = answer.ok ? discoverySchema.safeParse(await answer.json().catch(() => undefined)) : undefined;
  if (found?.success !== true || found.data.issuer !== trust.issuer) {
    throw new AccessError("login-unavailable", `${trust.issuer} does not say which keys it signs with`, {
      where: at,
      status: answer.status,
      hint: "write the issuer as its tokens have it",
    });
  }
  const keys = new URL(found.data.jwks_uri);
  issuerOf({ issuer: keys.href, name: trust.name });
  return createRemoteJWKSet(keys, { [customFetch]: fetch });
}

function refused(why: string): AccessError {
  return new AccessError("machine-refused", `this token is not taken: ${why}`, {
    hint: "ask the CI system for one with the audience that is configured, in a job that is trusted",
  });
}

function sayingOf(code: string): string {
  const known: Readonly<Record<string, string>> = {
    ERR_JWT_EXPIRED: "it has ended",
    ERR_JWS_SIGNATURE_VERIFICATION_FAILED: "its signature is not that of its issuer",
    ERR_JWKS_NO_MATCHING_KEY: "its issuer has no such key",
    ERR_JWT_CLAIM_VALIDATION_FAILED: "it is for somebody else, or lacks a claim",
    ERR_JOSE_ALG_NOT_ALLOWED: "it is signed in a way that is not taken",
  };
  return known[code] ?? "it is none";
}
