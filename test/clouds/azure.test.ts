import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type IdentitySetting, openIdentities } from "../../src/clouds/index.ts";
import { ciToken, ciTokenJudge, startCloud } from "../support/cloud.ts";
import { temporaryFolder } from "../support/tree.ts";

const audience = "api://AzureADTokenExchange";
const resource = "https://containerregistry.azure.net";

let home: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  home = await temporaryFolder("azure");
});
afterEach(() => home.remove());

function identitiesOf(environment: NodeJS.ProcessEnv, identities: Record<string, IdentitySetting> = {}) {
  return openIdentities({ identities, network: { environment }, homeDir: home.path });
}

/** Entra ID for one tenant and client, and a registry that takes its tokens, each for a refresh token. */
function microsoft() {
  const isGood = ciTokenJudge(audience);
  let count = 0;
  return startCloud({
    "/tenant-1/oauth2/v2.0/token": async ({ form }) => {
      const isWhole =
        form.get("client_id") === "client-1" &&
        form.get("grant_type") === "client_credentials" &&
        form.get("client_assertion_type") === "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
      const assertion = form.get("client_assertion");
      if (!isWhole || !(await isGood(assertion))) {
        return [
          401,
          { error: "invalid_client", error_description: `AADSTS700213: no match for ${assertion}` },
        ];
      }
      return [200, { access_token: `entra|${form.get("scope")}`, expires_in: 3599 }];
    },
    "/oauth2/exchange": ({ form, headers }) => {
      const isWhole = form.get("grant_type") === "access_token" && form.get("service") === headers.host;
      const token = form.get("access_token");
      if (!isWhole || token !== `entra|${resource}/.default`)
        return [401, { errors: [{ message: `not ${token}` }] }];
      count += 1;
      return [200, { refresh_token: `refresh-${count}` }];
    },
    "/identity": ({ headers, query }) =>
      headers["x-identity-header"] === "service-secret"
        ? [
            200,
            {
              access_token: `entra|${query.get("resource")}/.default`,
              expires_on: String(Math.floor(Date.now() / 1_000) + 3600),
            },
          ]
        : [401, { message: "no" }],
    "/metadata/identity/oauth2/token": ({ headers, query }) =>
      headers.metadata === "true" && query.get("client_id") === "managed-1"
        ? [200, { access_token: `entra|${query.get("resource")}/.default`, expires_in: "3599" }]
        : [400, { error: "invalid_request", error_description: "Identity not found" }],
  });
}

test("the token's file of a pod becomes a refresh token of the registry, asked for once", async () => {
  const server = await microsoft();
  const AZURE_FEDERATED_TOKEN_FILE = join(home.path, "token");
  await writeFile(AZURE_FEDERATED_TOKEN_FILE, await ciToken(audience));
  const identities = identitiesOf(
    {
      ...{ AZURE_FEDERATED_TOKEN_FILE, AZURE_CLIENT_ID: "client-1", AZURE_TENANT_ID: "tenant-1" },
      AZURE_AUTHORITY_HOST: `${server.origin}/`,
    },
    { pod: { cloud: "azure", hosts: [server.host] } },
  );
  const wish = { host: server.host, readsOnly: false };
  const logins = await Promise.all([
    identities.registryLogin("pod", wish),
    identities.registryLogin("pod", wish),
  ]);
  expect(logins[0]).toEqual({
    ...{ kind: "identity-token", token: "refresh-1" },
    source: `the identity pod (Entra ID, for the token of ${AZURE_FEDERATED_TOKEN_FILE})`,
  });
  expect(logins[1]).toEqual(logins[0]);
  expect([server.times("/tenant-1/oauth2/v2.0/token"), server.times("/oauth2/exchange")]).toEqual([1, 1]);
  // A second token of the pod is needed for another login, and the file has still the first.
  await expect(identities.registryLogin("pod", { ...wish, refused: "refresh-1" })).rejects.toMatchObject({
    code: "identity-refused",
  });
});

test("a token of GitLab's vouches for a client of the settings", async () => {
  const server = await microsoft();
  const ci: IdentitySetting = {
    ...{ cloud: "azure", tenant: "tenant-1", client: "client-1" },
    ...{ token: { variable: "AZURE_ID_TOKEN" }, hosts: [server.host] },
  };
  const AZURE_ID_TOKEN = await ciToken(audience);
  const environment = { AZURE_ID_TOKEN, AZURE_AUTHORITY_HOST: server.origin };
  expect(
    await identitiesOf(environment, { ci }).registryLogin("ci", { host: server.host, readsOnly: false }),
  ).toMatchObject({
    token: "refresh-1",
  });
  const error = await identitiesOf(environment, { ci })
    .azure("ci", resource)
    .then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    );
  expect(error).toMatchObject({ code: "identity-refused", message: expect.stringContaining("AADSTS700213") });
  expect(`${error?.stack}${JSON.stringify(error)}`).not.toContain(AZURE_ID_TOKEN);
});

test("the server of a service, and the metadata server of a machine, say who it is", async () => {
  const server = await microsoft();
  const service = identitiesOf({
    IDENTITY_ENDPOINT: `${server.origin}/identity`,
    IDENTITY_HEADER: "service-secret",
  });
  expect(await service.azure("azure", resource)).toEqual({
    ...{ value: `entra|${resource}/.default`, source: "Azure's identity server" },
  });
  const managed: IdentitySetting = { cloud: "azure", client: "managed-1" };
  const environment = { AZURE_POD_IDENTITY_AUTHORITY_HOST: server.origin };
  expect(await identitiesOf(environment, { managed }).azure("managed", resource)).toMatchObject({
    source: "Azure's metadata server",
  });
  await expect(identitiesOf(environment).azure("azure", resource)).rejects.toMatchObject({
    code: "identity-refused",
  });
});

test.each([
  { IDENTITY_ENDPOINT: "http://identity.example.com/", IDENTITY_HEADER: "x" },
  { IDENTITY_ENDPOINT: "https://identity.example.com/", IDENTITY_HEADER: "x" },
  { AZURE_POD_IDENTITY_AUTHORITY_HOST: "https://identity.example.com/" },
])("%s is told nothing", async (environment) => {
  await expect(identitiesOf(environment).azure("azure", resource)).rejects.toMatchObject({
    code: "identity-invalid",
  });
});

test("a token is shown to no other authority, and no other registry", async () => {
  const server = await microsoft();
  const AZURE_ID_TOKEN = await ciToken(audience);
  const ci: IdentitySetting = {
    cloud: "azure",
    tenant: "tenant-1",
    client: "client-1",
    token: { variable: "AZURE_ID_TOKEN" },
  };
  const elsewhere = { AZURE_ID_TOKEN, AZURE_AUTHORITY_HOST: "https://login.example.com" };
  await expect(identitiesOf(elsewhere, { ci }).azure("ci", resource)).rejects.toMatchObject({
    code: "identity-invalid",
  });
  const identities = identitiesOf({ AZURE_ID_TOKEN, AZURE_AUTHORITY_HOST: server.origin }, { ci });
  for (const host of [server.host, "evil.azurecr.io.example.com", "azurecr.io"]) {
    await expect(identities.registryLogin("ci", { host, readsOnly: false })).rejects.toMatchObject({
      code: "identity-invalid",
    });
  }
  expect(server.asked).toEqual([]);
});
