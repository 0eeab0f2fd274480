import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type IdentitySetting, openIdentities } from "../../src/clouds/index.ts";
import { localSecrets, openSecrets, type SecretManagerSetting } from "../../src/secrets/index.ts";
import { parseSettings } from "../../src/settings/index.ts";
import { isSignedByAmazon } from "../support/amazon-signature.ts";
import { ciToken, ciTokenJudge, startCloud } from "../support/cloud.ts";
import { temporaryFolder } from "../support/tree.ts";

let home: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  home = await temporaryFolder("secrets");
});
afterEach(() => home.remove());

interface Given {
  readonly environment?: NodeJS.ProcessEnv;
  readonly identities?: Record<string, IdentitySetting>;
  readonly managers?: Record<string, SecretManagerSetting>;
  readonly googleSecrets?: string;
}

/** Reads references as a process with these variables and settings does. */
function readerOf({ environment = {}, identities = {}, managers = {}, googleSecrets }: Given) {
  const origins = { homeDir: home.path, services: googleSecrets === undefined ? {} : { googleSecrets } };
  const known = openIdentities({ identities, network: { environment }, ...origins });
  const secrets = openSecrets({ managers, identities: known, environment, ...origins });
  return (reference: string) => secrets.read({ reference });
}

const errorOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: unknown) => error as Error,
  );

/** Vault with one secret, for whoever has one of its tokens. */
function vault(audience = "vault") {
  const isGood = ciTokenJudge(audience);
  const world = { tokens: new Set(["s.own"]), logins: 0 };
  return startCloud({
    "/v1/secret/data/team/registry": ({ headers }) =>
      world.tokens.has(String(headers["x-vault-token"])) && headers["x-vault-namespace"] === "prod"
        ? [200, { data: { data: { password: "hunter2", user: "bot" }, metadata: { version: 3 } } }]
        : [403, { errors: [`permission denied for ${headers["x-vault-token"]}`] }],
    "/v1/auth/": async ({ body, path }) => {
      const { role, jwt } = JSON.parse(body);
      if (role !== "waybill" || !(await isGood(jwt))) return [400, { errors: [`invalid: ${jwt}`] }];
      world.logins += 1;
      const token = `s.${path.split("/")[3]}-${world.logins}`;
      world.tokens.add(token);
      return [200, { auth: { client_token: token, lease_duration: 3600 } }];
    },
  }).then((server) => ({ ...server, world }));
}

test("Vault gives a field, read once for all who need it", async () => {
  const server = await vault();
  const managers: Given["managers"] = { vault: { kind: "vault", address: server.origin, namespace: "prod" } };
  const read = readerOf({ environment: { VAULT_TOKEN: "s.own" }, managers });
  const all = await Promise.all([read("vault:team/registry#password"), read("vault:team/registry#user")]);
  expect(all).toEqual(["hunter2", "bot"]);
  expect(server.asked).toHaveLength(1);
  const error = await errorOf(read("vault:team/registry#other"));
  expect(error).toMatchObject({ code: "secret-missing", where: "vault:team/registry#other" });
  await expect(read("vault:team/registry")).rejects.toMatchObject({ code: "secret-missing" });
});

test("a pod logs in to Vault with the token of its account, and again when its login has ended", async () => {
  const server = await vault();
  const file = join(home.path, "token");
  await writeFile(file, await ciToken("vault"));
  const managers: Given["managers"] = {
    vault: {
      ...{ kind: "vault", address: server.origin, namespace: "prod" },
      ...{ auth: "kubernetes", role: "waybill", token: { file } },
    },
  };
  const read = readerOf({ managers });
  expect(await read("vault:team/registry#password")).toBe("hunter2");
  server.world.tokens.clear();
  await writeFile(file, await ciToken("vault"));
  // What was read is used for a while; another field's reader asks for the same.
  expect(await read("vault:team/registry#user")).toBe("bot");
  expect(server.world.logins).toBe(1);
});

test("a login that has ended between two secrets is renewed once", async () => {
  const server = await vault();
  const other = await startCloud({
    "/v1/secret/data/one": ({ headers }) =>
      headers["x-vault-token"] === "s.1" ? [200, { data: { data: { a: "1" } } }] : [403],
    "/v1/secret/data/two": ({ headers }) =>
      headers["x-vault-token"] === "s.2" ? [200, { data: { data: { a: "2" } } }] : [403],
    "/v1/auth/jwt/login": () => [
      200,
      { auth: { client_token: `s.${other.times("/v1/auth/jwt/login")}`, lease_duration: 3600 } },
    ],
  });
  const managers: Given["managers"] = {
    bao: {
      kind: "vault",
      address: other.origin,
      auth: "jwt",
      role: "ci",
      token: { variable: "VAULT_ID_TOKEN" },
    },
  };
  const read = readerOf({ environment: { VAULT_ID_TOKEN: "a.b.c" }, managers });
  expect([await read("bao:one"), await read("bao:two")]).toEqual(["1", "2"]);
  expect(other.times("/v1/auth/jwt/login")).toBe(2);
  await expect(read("bao:one/../two")).rejects.toMatchObject({ code: "secret-invalid" });
  expect(server.asked).toEqual([]);
});

test("what Vault refuses shows neither its token nor that of the job", async () => {
  const server = await vault();
  const token = await ciToken("somebody else");
  const own: SecretManagerSetting = { kind: "vault", address: server.origin, namespace: "prod" };
  const jwt: SecretManagerSetting = {
    ...own,
    auth: "jwt",
    role: "waybill",
    token: { variable: "VAULT_ID_TOKEN" },
  };
  const read = readerOf({
    environment: { VAULT_TOKEN: "s.wrong-token-1", VAULT_ID_TOKEN: token },
    managers: { own, jwt },
  });
  for (const name of ["own", "jwt"]) {
    const error = await errorOf(read(`${name}:team/registry#password`));
    expect(error).toMatchObject({ code: "secret-refused" });
    expect(`${error?.stack}${JSON.stringify(error)}`).not.toMatch(new RegExp(`s\\.wrong-token-1|${token}`));
  }
});

const metadata = ({ headers }: { headers: Record<string, unknown> }) =>
  headers["metadata-flavor"] === "Google"
    ? ([200, { access_token: "ya29.machine", expires_in: 3599 }, { "metadata-flavor": "Google" }] as const)
    : ([403] as const);

test("Google's Secret Manager is asked as the machine", async () => {
  const payload = { data: Buffer.from('{"password":"hunter2"}\n').toString("base64") };
  const server = await startCloud({
    "/computeMetadata/": metadata,
    "/v1/projects/example/secrets/": ({ headers, path }) =>
      headers.authorization === "Bearer ya29.machine" && path.endsWith("/registry/versions/latest:access")
        ? [200, { name: "n", payload }]
        : [403, { error: { code: 403, message: "Permission denied" } }],
  });
  const managers: Given["managers"] = { gsm: { kind: "google", project: "example" } };
  const read = readerOf({
    environment: { GCE_METADATA_HOST: server.host },
    managers,
    googleSecrets: server.origin,
  });
  expect(await read("gsm:registry#password")).toBe("hunter2");
  expect(await read("gsm:registry")).toBe('{"password":"hunter2"}');
  await expect(read("gsm:registry/7")).rejects.toMatchObject({
    code: "secret-refused",
    message: expect.stringContaining("Permission denied"),
  });
  await expect(read("gsm:../other")).rejects.toMatchObject({ code: "secret-invalid" });
});

test("Amazon's Secrets Manager is asked with a signature", async () => {
  const key = { id: "AKIDOWN", secret: "own/secret" };
  const server = await startCloud({
    "/": ({ request, body, headers }) =>
      headers["x-amz-target"] === "secretsmanager.GetSecretValue" &&
      headers.authorization?.includes("/eu-west-1/secretsmanager/aws4_request") === true &&
      isSignedByAmazon(request, Buffer.from(body), key, ["x-amz-target"])
        ? [200, { SecretString: `secret of ${JSON.parse(body).SecretId}` }]
        : [400, { __type: "AccessDeniedException", Message: "no" }],
  });
  const environment = {
    ...{ AWS_ACCESS_KEY_ID: key.id, AWS_SECRET_ACCESS_KEY: key.secret },
    AWS_ENDPOINT_URL_SECRETS_MANAGER: server.origin,
  };
  const read = readerOf({ environment, managers: { asm: { kind: "aws", region: "eu-west-1" } } });
  expect(await read("asm:prod/registry")).toBe("secret of prod/registry");
  const wrong = readerOf({
    environment: { ...environment, AWS_SECRET_ACCESS_KEY: "x" },
    managers: { asm: { kind: "aws", region: "eu-west-1" } },
  });
  await expect(wrong("asm:prod/registry")).rejects.toMatchObject({ code: "secret-refused" });
});

test("Azure's Key Vault is asked with a token for vaults alone", async () => {
  const server = await startCloud({
    "/identity": ({ query }) => [200, { access_token: `entra|${query.get("resource")}`, expires_in: 3599 }],
    "/secrets/registry": ({ headers, query }) =>
      headers.authorization === "Bearer entra|https://vault.azure.net" && query.get("api-version") === "7.4"
        ? [200, { value: "hunter2" }]
        : [401, { error: { code: "Unauthorized", message: "no" } }],
  });
  const environment = { IDENTITY_ENDPOINT: `${server.origin}/identity`, IDENTITY_HEADER: "x" };
  const read = readerOf({
    environment,
    managers: {
      kv: { kind: "azure", address: server.origin },
      evil: { kind: "azure", address: "https://vault.azure.net.example.com" },
    },
  });
  expect(await read("kv:registry")).toBe("hunter2");
  const before = server.asked.length;
  await expect(read("evil:registry")).rejects.toMatchObject({ code: "secret-invalid" });
  expect(server.asked).toHaveLength(before);
});

test("files and variables count as references, and are read anew each time", async () => {
  const file = join(home.path, "password");
  const environment: NodeJS.ProcessEnv = { PASSWORD: "one" };
  const read = readerOf({ environment });
  await writeFile(file, "first\n");
  expect([await read("env:PASSWORD"), await read(`file:${file}`)]).toEqual(["one", "first"]);
  await writeFile(file, "second");
  environment.PASSWORD = "two";
  expect([await read("env:PASSWORD"), await read(`file:${file}`)]).toEqual(["two", "second"]);
  for (const [reference, code] of [
    ["env:NOBODY", "secret-missing"],
    [`file:${file}-not-there`, "secret-missing"],
    ["file:relative", "secret-invalid"],
    ["vault:team/registry#password", "secret-invalid"],
  ] as const) {
    await expect(read(reference)).rejects.toMatchObject({ code });
  }
  expect(await localSecrets(environment).read({ variable: "PASSWORD" })).toBe("two");
  await expect(localSecrets(environment).read({ reference: "vault:a#b" })).rejects.toMatchObject({
    code: "secret-invalid",
  });
});

test("managers of secrets of a settings file", () => {
  const settings = parseSettings(
    [
      "secretManagers:",
      "  vault: { kind: vault, address: 'https://vault.example.com:8200', auth: kubernetes, role: waybill }",
      "  gsm: { kind: google, project: example, identity: release }",
      "  asm: { kind: aws, region: eu-west-1 }",
      "  kv: { kind: azure, address: 'https://example.vault.azure.net' }",
      "credentials:",
      "  - { repository: registry.example.com, username: bot, passwordFrom: 'vault:team/registry#password' }",
      "forges: { git.example.com: { kind: gitea, tokenFrom: 'vault:forge#token' } }",
      "serve:",
      "  databaseFrom: asm:prod/database",
      "  webhooks: { github: [{ from: 'gsm:github-webhook' }] }",
    ].join("\n"),
    "/etc/waybill.yaml",
  );
  expect(settings.secretManagers).toEqual({
    vault: {
      ...{ kind: "vault", address: "https://vault.example.com:8200", auth: "kubernetes", role: "waybill" },
      where: "/etc/waybill.yaml:2",
    },
    gsm: { kind: "google", project: "example", identity: "release", where: "/etc/waybill.yaml:3" },
    asm: { kind: "aws", region: "eu-west-1", where: "/etc/waybill.yaml:4" },
    kv: { kind: "azure", address: "https://example.vault.azure.net", where: "/etc/waybill.yaml:5" },
  });
  expect(settings.credentials[0]).toMatchObject({ passwordFrom: "vault:team/registry#password" });
  expect(settings.forges).toEqual({ "git.example.com": { kind: "gitea", tokenFrom: "vault:forge#token" } });
  expect(settings.serve).toMatchObject({
    ...{ databaseFrom: "asm:prod/database", webhooks: { github: [{ reference: "gsm:github-webhook" }] } },
  });
});

test.each([
  ["secretManagers: { v: { kind: vault } }", "address is missing"],
  ["secretManagers: { v: { kind: google, address: 'https://x.example.com' } }", "address is not for google"],
  [
    "secretManagers: { v: { kind: vault, address: 'https://x.example.com', auth: jwt, role: a } }",
    "token is missing",
  ],
  ["secretManagers: { env: { kind: aws, region: eu-west-1 } }", "env: has a meaning of its own"],
  [
    "credentials: [{ repository: gcr.io, username: a, passwordFrom: hunter2 }]",
    "expected where the secret is kept, not the secret",
  ],
  [
    "credentials: [{ repository: gcr.io, username: a, passwordFrom: 'env:A', passwordEnv: B }]",
    "username needs one of",
  ],
  ["serve: { databaseFile: a, databaseFrom: 'env:A' }", "databaseFile says it as well"],
])("%s is refused", (text, message) => {
  const refusal = () => parseSettings(text, "waybill.yaml");
  expect(refusal).toThrow(message);
  expect(refusal).not.toThrow("hunter2");
});
