import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import {
  type Logins,
  openLogins,
  openProviderFetch,
  type PersonIdentity,
  type ProviderSettings,
} from "../../src/access/index.ts";
import { type Account, Browser, startIdentityProvider } from "../support/identity-provider.ts";
import { serve } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";

const publicUrl = new URL("http://localhost:3999");
const callback = "http://localhost:3999/auth/sso/callback";
const ann: Account = {
  subject: "17",
  claims: { preferred_username: "ann", name: "Ann A.", groups: ["org", "org:release", 3, ""] },
};

/** Logins at one provider, as a server has them. */
function loginsAt(settings: Partial<ProviderSettings>, more: { url?: URL; now?: () => Date } = {}): Logins {
  const { fetch, close } = openProviderFetch({ environment: {} });
  onTestFinished(close);
  const provider: ProviderSettings = {
    ...{ name: "sso", kind: "openid", issuer: "http://127.0.0.1:1", clientId: "waybill" },
    ...{ clientSecret: { variable: "SECRET" }, ...settings },
  };
  return openLogins({
    providers: [provider],
    publicUrl: more.url ?? publicUrl,
    fetch,
    environment: { SECRET: "s3cret\n" },
    now: more.now ?? (() => new Date()),
  });
}

/** Logs in, with a browser that does what it is told. */
async function logIn(
  logins: Logins,
  returnTo = "/",
): Promise<{ identity: PersonIdentity; returnTo: string }> {
  const { url, kept } = await logins.begin("sso", returnTo);
  const end = await new Browser().follow(url, callback);
  return logins.finish("sso", new URL(end).search, kept);
}

test("a person logs in by OpenID Connect", async () => {
  const { issuer } = await startIdentityProvider(callback, ann);
  const logins = loginsAt({ issuer });
  const { url } = await logins.begin("sso", "/");
  const asked = new URL(url).searchParams;
  expect(Object.fromEntries(asked)).toMatchObject({
    ...{ response_type: "code", scope: "openid profile", code_challenge_method: "S256" },
    ...{ redirect_uri: callback, client_id: "waybill" },
    ...{ state: expect.any(String), nonce: expect.any(String), code_challenge: expect.any(String) },
  });
  expect(await logIn(logins, "/runs?job=a")).toEqual({
    returnTo: "/runs?job=a",
    identity: {
      ...{ provider: "sso", issuer, subject: "17", login: "ann", shown: "Ann A." },
      groups: ["org", "org/release"],
    },
  });
});

test("an address that nobody has verified is no login", async () => {
  const { issuer } = await startIdentityProvider(callback, { subject: "18", claims: { email: "ann@a.org" } });
  const { identity } = await logIn(loginsAt({ issuer }));
  expect(identity).toMatchObject({ subject: "18", login: "18", shown: "18", groups: [] });
});

test("a login that another browser began, or another login, is refused", async () => {
  const { issuer } = await startIdentityProvider(callback, ann);
  const logins = loginsAt({ issuer });
  const [mine, other] = [await logins.begin("sso", "/"), await logins.begin("sso", "/")];
  const { search } = new URL(await new Browser().follow(mine.url, callback));
  const refused = { code: "login-refused" };
  await expect(logins.finish("sso", search, other.kept)).rejects.toMatchObject(refused);
  for (const kept of ["", "e30", "%", Buffer.from("[1]").toString("base64url")]) {
    await expect(logins.finish("sso", search, kept)).rejects.toMatchObject(refused);
  }
  await expect(logins.finish("sso", "?error=access_denied&state=x", mine.kept)).rejects.toMatchObject(
    refused,
  );
  await expect(logins.finish("sso", "", mine.kept)).rejects.toMatchObject(refused);
  expect(await logins.finish("sso", search, mine.kept)).toMatchObject({ identity: { login: "ann" } });
  await expect(logins.finish("sso", search, mine.kept)).rejects.toMatchObject(refused);
});

test("the nonce and the verifier are those of the login", async () => {
  const { issuer } = await startIdentityProvider(callback, ann);
  const logins = loginsAt({ issuer });
  for (const field of ["nonce", "verifier"]) {
    const { url, kept } = await logins.begin("sso", "/");
    const { search } = new URL(await new Browser().follow(url, callback));
    const own = JSON.parse(Buffer.from(kept, "base64url").toString());
    const other = Buffer.from(JSON.stringify({ ...own, [field]: "a".repeat(43) })).toString("base64url");
    await expect(logins.finish("sso", search, other)).rejects.toMatchObject({ code: "login-refused" });
  }
});

test("a login ends after ten minutes", async () => {
  const { issuer } = await startIdentityProvider(callback, ann);
  let time = Date.now();
  const logins = loginsAt({ issuer }, { now: () => new Date(time) });
  const { url, kept } = await logins.begin("sso", "/");
  const { search } = new URL(await new Browser().follow(url, callback));
  time += 10 * 60_000;
  await expect(logins.finish("sso", search, kept)).rejects.toMatchObject({ code: "login-refused" });
});

test("a provider that is away when the server starts is asked again by the next login", async () => {
  const { issuer, close } = await startIdentityProvider(callback, ann);
  const logins = loginsAt({ issuer });
  await close();
  await expect(logins.begin("sso", "/")).rejects.toMatchObject({ code: "login-unavailable" });
  const port = Number(new URL(issuer).port);
  let asked = "";
  const { createServer } = await import("node:http");
  const server = createServer((request, response) => {
    asked = request.url ?? "";
    response.end("{}");
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  await expect(logins.begin("sso", "/")).rejects.toMatchObject({ code: "login-refused" });
  expect(asked).toBe("/.well-known/openid-configuration");
});

test("no secret, a wrong secret, and another issuer let nobody in, and no secret is told", async () => {
  const { issuer } = await startIdentityProvider(callback, ann);
  const folder = await temporaryFolder("secret");
  onTestFinished(folder.remove);
  const file = join(folder.path, "secret");
  await writeFile(file, "wr0ng");
  const wrong = logIn(loginsAt({ issuer, clientSecret: { file } }));
  await expect(wrong).rejects.toMatchObject({
    code: "login-refused",
    message: "sso answers with invalid_client",
  });
  await expect(wrong).rejects.not.toThrow(/wr0ng/);
  await rm(file);
  await expect(logIn(loginsAt({ issuer, clientSecret: { file } }))).rejects.toMatchObject({
    ...{ code: "login-unavailable", where: file },
  });
  await expect(logIn(loginsAt({ issuer, clientSecret: { variable: "NONE" } }))).rejects.toMatchObject({
    code: "login-unavailable",
  });
  await expect(logIn(loginsAt({ issuer: issuer.replace("127.0.0.1", "localhost") }))).rejects.toMatchObject({
    code: "login-refused",
  });
});

test("nobody logs in over plain HTTP, but on this machine", async () => {
  const { issuer } = await startIdentityProvider(callback, ann);
  const logins = loginsAt({ issuer }, { url: new URL("http://waybill.lan") });
  await expect(logins.begin("sso", "/")).rejects.toMatchObject({ code: "public-url-unsafe" });
  await expect(loginsAt({ issuer: "http://sso.example.org" }).begin("sso", "/")).rejects.toMatchObject({
    code: "login-unavailable",
  });
  await expect(logins.begin("other", "/")).rejects.toMatchObject({ code: "provider-unknown" });
});

/** GitHub, as far as a login needs it. */
function gitHub(more: { status?: number; teams?: number } = {}) {
  return serve((request, response, url) => {
    const json = (value: unknown, status = 200) => {
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    };
    if (url.pathname === "/login/oauth/access_token") {
      let body = "";
      request.on("data", (piece: Buffer) => {
        body += piece.toString();
      });
      request.on("end", () => {
        const sent = new URLSearchParams(body);
        const isRight =
          sent.get("code") === "c0de" &&
          sent.get("client_secret") === "s3cret" &&
          (sent.get("code_verifier") ?? "").length > 40;
        if (isRight) json({ access_token: "gho_token", token_type: "bearer", scope: "read:org" });
        else json({ error: "bad_verification_code", error_description: "The code passed is incorrect" });
      });
      return;
    }
    if (request.headers.authorization !== "Bearer gho_token")
      return json({ message: "Bad credentials" }, 401);
    const page = Number(url.searchParams.get("page") ?? 1);
    if (url.pathname === "/api/v3/user") {
      return json({ id: 583231, login: "octocat", name: null }, more.status ?? 200);
    }
    if (url.pathname === "/api/v3/user/orgs") return json([{ login: "Org" }]);
    const teams = Array.from({ length: more.teams ?? 1 }, (_, at) => ({
      slug: `team-${at}`,
      organization: { login: "Org" },
    }));
    return json(teams.slice((page - 1) * 100, page * 100));
  });
}

test("a person logs in by GitHub's OAuth, with organizations and teams", async () => {
  const { origin, seen } = await gitHub({ teams: 150 });
  const logins = loginsAt({ kind: "github", issuer: origin });
  const { url, kept } = await logins.begin("sso", "/jobs");
  const asked = new URL(url);
  expect(asked.href.startsWith(`${origin}/login/oauth/authorize?`)).toBe(true);
  const state = asked.searchParams.get("state") ?? "";
  const { identity } = await logins.finish("sso", `?code=c0de&state=${state}`, kept);
  expect(identity).toMatchObject({ subject: "583231", login: "octocat", shown: "octocat" });
  expect(identity.groups).toHaveLength(151);
  expect(identity.groups.slice(0, 2)).toEqual(["Org", "Org/team-0"]);
  expect(seen.every(({ url: path }) => !path.includes("gho_token") && !path.includes("s3cret"))).toBe(true);
});

test("GitHub that says no lets nobody in", async () => {
  const { origin } = await gitHub({ status: 500 });
  const logins = loginsAt({ kind: "github", issuer: origin });
  const { url, kept } = await logins.begin("sso", "/");
  const state = new URL(url).searchParams.get("state") ?? "";
  const refused = { code: "login-refused" };
  await expect(logins.finish("sso", `?code=wrong&state=${state}`, kept)).rejects.toMatchObject(refused);
  await expect(logins.finish("sso", "?code=c0de&state=other", kept)).rejects.toMatchObject(refused);
  await expect(logins.finish("sso", `?code=c0de&state=${state}`, kept)).rejects.toMatchObject(refused);
});
