import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { jwtVerify } from "jose";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type IdentityOrigins, type IdentitySetting, openIdentities } from "../../src/clouds/index.ts";
import { ciToken, ciTokenJudge, startCloud } from "../support/cloud.ts";
import { temporaryFolder } from "../support/tree.ts";

const host = "europe-docker.pkg.dev";
const provider = "projects/12/locations/global/workloadIdentityPools/ci/providers/github";
const account = "promoter@example.iam.gserviceaccount.com";
const scopes = {
  whole: "https://www.googleapis.com/auth/cloud-platform",
  readOnly: "https://www.googleapis.com/auth/cloud-platform.read-only",
};
const wish = { host, readsOnly: false };

let home: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  home = await temporaryFolder("google");
});
afterEach(() => home.remove());

/** Identities of a machine with these variables, whose services are all at one server. */
function identitiesWith(
  environment: NodeJS.ProcessEnv,
  { identities = {}, origin }: Partial<Pick<IdentityOrigins, "identities">> & { origin?: string } = {},
) {
  const services =
    origin === undefined ? undefined : { googleSts: origin, googleIam: origin, googleOauth: origin };
  return openIdentities({ identities, network: { environment }, homeDir: home.path, services });
}
const file = async (name: string, content: object | string): Promise<string> => {
  const path = join(home.path, name);
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};
const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error as Error & { code: string },
  );

const metadataPath = "/computeMetadata/v1/instance/service-accounts/default/token";
const metadata = () => {
  let count = 0;
  return startCloud({
    [metadataPath]: ({ headers }) => {
      if (headers["metadata-flavor"] !== "Google") return [403, "Missing Metadata-Flavor:Google header."];
      count += 1;
      return [
        200,
        { access_token: `ya29.machine-${count}`, expires_in: 3599, token_type: "Bearer" },
        { "metadata-flavor": "Google" },
      ];
    },
  });
};

test("the metadata server's token is a registry's password, asked for once", async () => {
  const server = await metadata();
  const identities = identitiesWith({ GCE_METADATA_HOST: server.host });
  const logins = await Promise.all([
    identities.registryLogin("google", wish),
    identities.registryLogin("google", { ...wish, host: "gcr.io" }),
  ]);
  expect(logins[0]).toEqual({
    ...{ kind: "basic", username: "oauth2accesstoken", password: "ya29.machine-1" },
    source: "the identity google (Google's metadata server)",
  });
  expect(logins[1]).toEqual(logins[0]);
  expect(server.asked.map(({ query }) => query.get("scopes"))).toEqual([scopes.whole]);
  await identities.registryLogin("google", { ...wish, readsOnly: true });
  expect(server.asked.at(-1)?.query.get("scopes")).toBe(scopes.readOnly);
});

test("a token that a registry has refused is asked for anew", async () => {
  const server = await metadata();
  const identities = identitiesWith({ GCE_METADATA_HOST: server.host });
  const first = await identities.registryLogin("google", wish);
  const refused = first.kind === "basic" ? first.password : "";
  expect(await identities.registryLogin("google", { ...wish, refused })).toMatchObject({
    password: "ya29.machine-2",
  });
  expect(await identities.registryLogin("google", { ...wish, refused })).toMatchObject({
    password: "ya29.machine-2",
  });
  expect(server.asked).toHaveLength(2);
});

test.each([
  "registry.example.com",
  "pkg.dev.example.com",
  "gcr.io:8443",
  "evilgcr.io",
  "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
])("no token is asked for where %s would see it", async (other) => {
  const server = await metadata();
  const identities = identitiesWith({ GCE_METADATA_HOST: server.host });
  await expect(identities.registryLogin("google", { ...wish, host: other })).rejects.toMatchObject({
    code: "identity-invalid",
    hint: expect.stringContaining(`hosts: [${other}]`),
  });
  expect(server.asked).toEqual([]);
});

test("a registry that the settings name sees one", async () => {
  const server = await metadata();
  const mirror: IdentitySetting = { cloud: "google", hosts: ["mirror.example.com"] };
  const identities = identitiesWith({ GCE_METADATA_HOST: server.host }, { identities: { mirror } });
  expect(await identities.registryLogin("mirror", { ...wish, host: "mirror.example.com" })).toMatchObject({
    password: "ya29.machine-1",
  });
});

test("a metadata server elsewhere is not asked, and what is none is not believed", async () => {
  await expect(
    identitiesWith({ GCE_METADATA_HOST: "metadata.example.com" }).google("google"),
  ).rejects.toMatchObject({
    code: "identity-invalid",
  });
  const server = await startCloud({
    [metadataPath]: () => [200, { access_token: "ya29.x", expires_in: 60 }],
  });
  await expect(identitiesWith({ GCE_METADATA_HOST: server.host }).google("google")).rejects.toMatchObject({
    code: "identity-unreachable",
  });
});

test("a key of a service account signs who it is", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const server = await startCloud({
    "/token": async ({ form }) => {
      const { payload, protectedHeader } = await jwtVerify(form.get("assertion") ?? "", publicKey, {
        ...{ issuer: account, audience: "https://oauth2.googleapis.com/token", algorithms: ["RS256"] },
        requiredClaims: ["iat", "exp"],
      });
      return [
        200,
        { access_token: `${protectedHeader.kid} ${payload.scope}`.replaceAll(" ", "|"), expires_in: 3600 },
      ];
    },
  });
  const path = await file("key.json", {
    ...{ type: "service_account", client_email: account, private_key_id: "kid-1" },
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
    token_uri: "https://evil.example.com/token",
  });
  const identities = identitiesWith({ GOOGLE_APPLICATION_CREDENTIALS: path }, { origin: server.origin });
  expect(await identities.google("google")).toEqual({
    ...{ value: `kid-1|${scopes.whole}`, source: `Google, by the key in ${path}` },
  });
  expect(server.asked[0]?.form.get("grant_type")).toBe("urn:ietf:params:oauth:grant-type:jwt-bearer");
});

/** A security token service that judges tokens of a CI system, and the IAM that lets its own act as the account. */
function federation(audience: string) {
  const isGood = ciTokenJudge(audience);
  return startCloud({
    "/oidc": async ({ headers, query }) =>
      headers.authorization === "Bearer job-secret"
        ? [200, { count: 1, value: await ciToken(query.get("audience") ?? "") }]
        : [401, { message: "no" }],
    "/v1/token": async ({ form }) => {
      const token = form.get("subject_token");
      if (form.get("audience") !== `//iam.googleapis.com/${provider}`)
        return [400, { error: "invalid_target" }];
      if (!(await isGood(token))) {
        return [400, { error: "invalid_grant", error_description: `no such token: ${token}` }];
      }
      return [200, { access_token: `federated|${form.get("scope")}`, expires_in: 3600 }];
    },
    "/v1/projects/-/serviceAccounts/": ({ headers, body, path }) => {
      const { scope } = JSON.parse(body);
      if (headers.authorization !== `Bearer federated|${scopes.whole}`)
        return [403, { error: { message: "no" } }];
      const of = decodeURIComponent(path.split("/").at(-1) ?? "").replace(":generateAccessToken", "");
      return [
        200,
        { accessToken: `${of}|${scope}`, expireTime: new Date(Date.now() + 3_600_000).toISOString() },
      ];
    },
  });
}

test("a token of GitHub Actions is exchanged, and the account is acted as", async () => {
  const server = await federation(`https://iam.googleapis.com/${provider}`);
  const release: IdentitySetting = {
    ...{ cloud: "google", provider, serviceAccount: account, token: { github: { audience: undefined } } },
  };
  const identities = identitiesWith(
    {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${server.origin}/oidc?v=1`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: "job-secret",
    },
    { identities: { release }, origin: server.origin },
  );
  expect(await identities.registryLogin("release", wish)).toEqual({
    ...{ kind: "basic", username: "oauth2accesstoken", password: `${account}|${scopes.whole}` },
    source: `the identity release (Google, for a token of GitHub Actions, as ${account})`,
  });
  expect(await identities.registryLogin("release", { ...wish, readsOnly: true })).toMatchObject({
    password: `${account}|${scopes.readOnly}`,
  });
});

test("a token that was shown before is refused, and what is said of it does not show it", async () => {
  const server = await federation("pool");
  const token = await ciToken("pool");
  const ci: IdentitySetting = { cloud: "google", provider, token: { variable: "GOOGLE_ID_TOKEN" } };
  const setting = { identities: { ci }, origin: server.origin };
  const environment = { GOOGLE_ID_TOKEN: token };
  expect(await identitiesWith(environment, setting).google("ci")).toMatchObject({
    value: `federated|${scopes.whole}`,
  });
  const error = await errorOf(identitiesWith(environment, setting).google("ci"));
  expect(error).toMatchObject({
    code: "identity-refused",
    message: expect.stringContaining("invalid_grant"),
  });
  expect(`${error?.stack}${JSON.stringify(error)}`).not.toContain(token);
});

const external = (more: object = {}) => ({
  ...{ type: "external_account", audience: `//iam.googleapis.com/${provider}` },
  ...{
    subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
    token_url: "https://sts.googleapis.com/v1/token",
  },
  ...more,
});

test("a federation's file names where the token is", async () => {
  const server = await federation("pool");
  const path = await file(
    "federation.json",
    external({
      service_account_impersonation_url: `https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/${account}:generateAccessToken`,
      credential_source: {
        ...{ file: await file("token.json", { id: await ciToken("pool") }) },
        format: { type: "json", subject_token_field_name: "id" },
      },
    }),
  );
  const identities = identitiesWith({ GOOGLE_APPLICATION_CREDENTIALS: path }, { origin: server.origin });
  expect(await identities.google("google")).toMatchObject({ value: `${account}|${scopes.whole}` });
});

test("a federation's file may name a server of the machine that has the token", async () => {
  const sts = await federation("pool");
  const machine = await startCloud({
    "/token": async ({ headers }) => (headers.metadata === "True" ? [200, await ciToken("pool")] : [400]),
  });
  const credential_source = { url: `${machine.origin}/token`, headers: { Metadata: "True" } };
  const path = await file("federation.json", external({ credential_source }));
  const identities = identitiesWith({ GOOGLE_APPLICATION_CREDENTIALS: path }, { origin: sts.origin });
  expect(await identities.google("google")).toMatchObject({ value: `federated|${scopes.whole}` });
});

test.each([
  [
    "a token service elsewhere",
    external({ token_url: "https://evil.example.com/v1/token", credential_source: { file: "/x" } }),
  ],
  [
    "an account's service elsewhere",
    external({
      service_account_impersonation_url:
        "https://evil.example.com/v1/projects/-/serviceAccounts/a@b:generateAccessToken",
      credential_source: { file: "/x" },
    }),
  ],
  ["a program", external({ credential_source: { executable: { command: "/bin/sh" } } })],
  ["a server without TLS", external({ credential_source: { url: "http://tokens.example.com/" } })],
  ["something else", { type: "impersonated_service_account", private_key: "hunter2" }],
])("a file that names %s is refused before anybody is asked", async (_, content) => {
  const server = await federation("pool");
  const path = await file("bad.json", content);
  const error = await errorOf(
    identitiesWith({ GOOGLE_APPLICATION_CREDENTIALS: path }, { origin: server.origin }).google("google"),
  );
  expect(error).toMatchObject({ code: "identity-invalid" });
  expect(`${error?.stack}${JSON.stringify(error)}`).not.toContain("hunter2");
  expect(server.asked).toEqual([]);
});

test("what asks GitHub for a token is not told to others", async () => {
  const ci: IdentitySetting = { cloud: "google", provider, token: { github: { audience: "pool" } } };
  const secret = { ACTIONS_ID_TOKEN_REQUEST_TOKEN: "job-secret" };
  for (const ACTIONS_ID_TOKEN_REQUEST_URL of [
    "https://evil.example.com/oidc",
    "http://token.actions.githubusercontent.com/",
  ]) {
    const identities = identitiesWith({ ...secret, ACTIONS_ID_TOKEN_REQUEST_URL }, { identities: { ci } });
    await expect(identities.google("ci")).rejects.toMatchObject({ code: "identity-invalid" });
  }
  await expect(identitiesWith({}, { identities: { ci } }).google("ci")).rejects.toMatchObject({
    ...{ code: "identity-missing", hint: expect.stringContaining("id-token: write") },
  });
});
