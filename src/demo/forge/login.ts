import { createHash, randomBytes } from "node:crypto";
import type { Context, Hono } from "hono";
import { getCookie } from "hono/cookie";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { ForgePerson } from "./state.ts";

/** How people log in elsewhere with their account at the forge: OpenID Connect, as far as one client needs it. */
export interface ForgeLogin {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Where browsers may be sent back to; nowhere before it is said. */
  allow(redirect: string): void;
  /** Begins a session at the forge. @returns The cookie of it. */
  begin(person: ForgePerson): string;
}

const cookieName = "demo-forge";
const minute = 60_000;

interface Granted {
  readonly person: ForgePerson;
  readonly nonce: string | undefined;
  readonly challenge: string | undefined;
  readonly until: number;
}

/** Adds the addresses of it (OpenID Connect Core 1.0, section 3.1; RFC 7636). */
export async function addLogin(app: Hono, origin: () => string): Promise<ForgeLogin> {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const key = { ...(await exportJWK(publicKey)), kid: "demo", alg: "RS256", use: "sig" };
  const sessions = new Map<string, ForgePerson>();
  const codes = new Map<string, Granted>();
  const clientId = "waybill";
  const clientSecret = randomBytes(24).toString("hex");
  let redirect: string | undefined;

  app.get("/.well-known/openid-configuration", (c) =>
    c.json({
      ...{ issuer: origin(), authorization_endpoint: `${origin()}/login/oauth/authorize` },
      ...{ token_endpoint: `${origin()}/login/oauth/access_token`, jwks_uri: `${origin()}/login/oauth/keys` },
      ...{ response_types_supported: ["code"], subject_types_supported: ["public"] },
      ...{ id_token_signing_alg_values_supported: ["RS256"], code_challenge_methods_supported: ["S256"] },
      token_endpoint_auth_methods_supported: ["client_secret_post", "client_secret_basic"],
    }),
  );
  app.get("/login/oauth/keys", (c) => c.json({ keys: [key] }));
  app.get("/login/oauth/authorize", (c) => {
    const person = sessions.get(getCookie(c, cookieName) ?? "");
    if (person === undefined) return c.text("nobody is logged in here\n", 403);
    if (c.req.query("client_id") !== clientId || c.req.query("redirect_uri") !== redirect) {
      return c.text("this is not where the login began\n", 400);
    }
    const code = randomBytes(24).toString("base64url");
    const [nonce, challenge] = [c.req.query("nonce"), c.req.query("code_challenge")];
    codes.set(code, { person, nonce, challenge, until: Date.now() + minute });
    const to = new URL(redirect ?? origin());
    to.searchParams.set("code", code);
    to.searchParams.set("state", c.req.query("state") ?? "");
    return c.redirect(to.href, 302);
  });
  app.post("/login/oauth/access_token", async (c) => {
    const form = new URLSearchParams(await c.req.text());
    const code = form.get("code") ?? "";
    const granted = codes.get(code);
    codes.delete(code);
    const challenge = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    const isGood = granted !== undefined && granted.challenge === challenge && granted.until > Date.now();
    if (!isGood || !isClient(c, form)) return c.json({ error: "invalid_grant" }, 400);
    const { person, nonce } = granted;
    const idToken = await new SignJWT({ nonce, preferred_username: person.name, groups: ["team"] })
      .setProtectedHeader({ alg: "RS256", kid: key.kid })
      .setIssuer(origin())
      .setAudience(clientId)
      .setSubject(String(person.id))
      .setIssuedAt()
      .setExpirationTime("5m")
      .sign(privateKey);
    const accessToken = randomBytes(24).toString("hex");
    return c.json({
      ...{ access_token: accessToken, token_type: "Bearer", expires_in: 300, id_token: idToken },
    });
  });

  const isClient = (c: Context, form: URLSearchParams): boolean => {
    const encoded = /^basic (.+)$/i.exec(c.req.header("authorization") ?? "")?.[1];
    const shown =
      encoded === undefined
        ? `${form.get("client_id")}:${form.get("client_secret")}`
        : Buffer.from(encoded, "base64").toString();
    return shown === `${clientId}:${clientSecret}`;
  };

  return {
    ...{ clientId, clientSecret },
    allow: (to) => {
      redirect = to;
    },
    begin(person) {
      const session = randomBytes(24).toString("base64url");
      sessions.set(session, person);
      return `${cookieName}=${session}; HttpOnly; SameSite=Lax; Path=/`;
    },
  };
}
