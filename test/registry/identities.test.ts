import { expect, onTestFinished, test } from "vitest";
import { mediaTypes, parseRepository, parseTag } from "../../src/oci/index.ts";
import { openRegistries, type RegistryEvent } from "../../src/registry/index.ts";
import { defaultSettings, parseSettings, type Settings } from "../../src/settings/index.ts";
import { startCloud } from "../support/cloud.ts";
import { answer, type Script, serve } from "../support/scripted-server.ts";

const v1 = parseTag("v1");
const index = `{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","manifests":[]}`;

/** Google's metadata server, whose tokens end when the test wants it. */
async function machine() {
  const world = { count: 0 };
  const server = await startCloud({
    "/computeMetadata/": ({ headers }) => {
      if (headers["metadata-flavor"] !== "Google") return [403];
      world.count += 1;
      return [
        200,
        { access_token: `ya29.${world.count}`, expires_in: 3600 },
        { "metadata-flavor": "Google" },
      ];
    },
  });
  return { ...server, world, current: () => `ya29.${world.count}` };
}

type Machine = Awaited<ReturnType<typeof machine>>;
const basicOf = (password: string) =>
  `Basic ${Buffer.from(`oauth2accesstoken:${password}`).toString("base64")}`;

/** A registry that takes one password at a time. */
function basicRegistry(isGood: (authorization: string | undefined, path: string) => boolean): Script {
  return (request, response, { pathname }) =>
    isGood(request.headers.authorization, pathname)
      ? answer(response, 200, { "content-type": mediaTypes.ociIndex }, index)
      : answer(response, 401, { "www-authenticate": 'Basic realm="here"' });
}

/** The registries of a machine whose identity is for one host. */
function registriesOf(settings: Settings, { host: metadata }: Machine) {
  return registriesIn(settings, { GCE_METADATA_HOST: metadata });
}

function registriesIn(settings: Settings, environment: NodeJS.ProcessEnv) {
  const events: RegistryEvent[] = [];
  const registries = openRegistries({
    settings,
    environment: { ...environment, HOME: "/nonexistent", XDG_RUNTIME_DIR: "/nonexistent" },
    listener: (event) => events.push(event),
  });
  onTestFinished(() => registries.close());
  return { events, at: (name: string) => registries.repository(parseRepository(name)) };
}

function settingsFor(host: string): Settings {
  return {
    ...defaultSettings,
    identities: { here: { cloud: "google", hosts: [host] } },
    credentials: [{ repository: host, identity: "here", where: "waybill.yaml:3" }],
  };
}

test("an identity is asked once for all requests, and told of once", async () => {
  const cloud = await machine();
  const registry = await serve(basicRegistry((shown) => shown === basicOf(cloud.current())));
  const { at, events } = registriesOf(settingsFor(registry.host), cloud);
  await Promise.all(["a", "b", "c"].map((path) => at(`${registry.host}/${path}`).resolve(v1)));
  expect(cloud.world.count).toBe(1);
  expect(events.filter(({ type }) => type === "credential")).toEqual([
    {
      ...{ type: "credential", host: registry.host },
      source: "the identity here (Google's metadata server), named in waybill.yaml:3",
    },
  ]);
  expect(JSON.stringify(events)).not.toContain("ya29");
});

test("a token that ends in the middle of a run is renewed, and what was refused is asked again", async () => {
  const cloud = await machine();
  let revoked = "";
  const registry = await serve(
    basicRegistry((shown) => shown === basicOf(cloud.current()) && cloud.current() !== revoked),
  );
  const { at } = registriesOf(settingsFor(registry.host), cloud);
  await at(`${registry.host}/a`).resolve(v1);
  revoked = "ya29.1";
  const all = ["b", "c", "d"].map((path) => at(`${registry.host}/${path}`).resolve(v1));
  expect((await Promise.all(all)).every((found) => found !== undefined)).toBe(true);
  expect(cloud.world.count).toBe(2);
});

test("a token service that refuses a token that has ended is shown another one", async () => {
  const cloud = await machine();
  let revoked = "";
  const registry = await serve((request, response, { pathname }) => {
    const shown = request.headers.authorization;
    if (pathname === "/token") {
      const isGood = shown === basicOf(cloud.current()) && cloud.current() !== revoked;
      return answer(
        response,
        isGood ? 200 : 401,
        {},
        isGood ? JSON.stringify({ token: `bearer-${pathname}`, expires_in: 300 }) : "{}",
      );
    }
    if (shown?.startsWith("Bearer "))
      return answer(response, 200, { "content-type": mediaTypes.ociIndex }, index);
    answer(response, 401, {
      "www-authenticate": `Bearer realm="http://${request.headers.host}/token",service="here"`,
    });
  });
  const { at } = registriesOf(settingsFor(registry.host), cloud);
  await at(`${registry.host}/a`).resolve(v1);
  revoked = "ya29.1";
  expect(await at(`${registry.host}/b`).resolve(v1)).toBeDefined();
  expect(cloud.world.count).toBe(2);
});

test("a registry of Amazon's is logged in to, and again when its login has ended", async () => {
  const world = { count: 0, revoked: "" };
  const amazon = await startCloud({
    "/": ({ headers }) => {
      if (headers["x-amz-target"] !== "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken")
        return [400];
      world.count += 1;
      const authorizationToken = Buffer.from(`AWS:login-${world.count}`).toString("base64");
      return [200, { authorizationData: [{ authorizationToken, expiresAt: Date.now() / 1_000 + 43_200 }] }];
    },
  });
  const isGood = (shown: string | undefined) =>
    shown === `Basic ${Buffer.from(`AWS:login-${world.count}`).toString("base64")}` &&
    `login-${world.count}` !== world.revoked;
  const registry = await serve(basicRegistry(isGood));
  const settings: Settings = {
    ...defaultSettings,
    identities: { here: { cloud: "aws", region: "eu-west-1", hosts: [registry.host] } },
    credentials: [{ repository: registry.host, identity: "here" }],
  };
  const { at } = registriesIn(settings, {
    ...{ AWS_ACCESS_KEY_ID: "AKIDOWN", AWS_SECRET_ACCESS_KEY: "secret", AWS_ENDPOINT_URL_ECR: amazon.origin },
  });
  await at(`${registry.host}/a`).resolve(v1);
  world.revoked = "login-1";
  const all = ["b", "c", "d"].map((path) => at(`${registry.host}/${path}`).resolve(v1));
  expect((await Promise.all(all)).every((found) => found !== undefined)).toBe(true);
  expect(world.count).toBe(2);
});

test("a registry of Azure's takes a token of Entra ID for a refresh token, and that for its own", async () => {
  const azure = await startCloud({
    "/identity": () => [200, { access_token: "entra", expires_in: 3599 }],
    "/oauth2/exchange": ({ form }) =>
      form.get("access_token") === "entra" ? [200, { refresh_token: "refresh" }] : [401],
    "/oauth2/token": ({ form }) =>
      form.get("grant_type") === "refresh_token" && form.get("refresh_token") === "refresh"
        ? [200, { access_token: `acr ${form.get("scope")}`.replaceAll(" ", "|"), expires_in: 4500 }]
        : [401],
    "/v2/": ({ headers, path }) => {
      const [, name = ""] = /^\/v2\/(.+)\/manifests\//.exec(path) ?? [];
      return headers.authorization === `Bearer acr|repository:${name}:pull`
        ? [200, JSON.parse(index), { "content-type": mediaTypes.ociIndex }]
        : [
            401,
            "",
            {
              "www-authenticate": `Bearer realm="http://${headers.host}/oauth2/token",service="${headers.host}"`,
            },
          ];
    },
  });
  const settings: Settings = {
    ...defaultSettings,
    identities: { here: { cloud: "azure", hosts: [azure.host] } },
    credentials: [{ repository: azure.host, identity: "here" }],
  };
  const { at } = registriesIn(settings, {
    IDENTITY_ENDPOINT: `${azure.origin}/identity`,
    IDENTITY_HEADER: "x",
  });
  const found = await Promise.all(["a", "b"].map((path) => at(`${azure.host}/${path}`).resolve(v1)));
  expect(found.every((each) => each !== undefined)).toBe(true);
  expect([azure.times("/identity"), azure.times("/oauth2/exchange")]).toEqual([1, 1]);
});

test("where a new token is refused as well, no more of them are got", async () => {
  const cloud = await machine();
  const registry = await serve(basicRegistry((_, path) => path === "/v2/" || path.startsWith("/v2/mine/")));
  const { at } = registriesOf(settingsFor(registry.host), cloud);
  for (let round = 0; round < 3; round += 1) {
    for (const path of ["a", "b", "c", "d", "e"]) {
      await expect(at(`${registry.host}/${path}`).resolve(v1)).rejects.toMatchObject({
        code: "unauthorized",
      });
    }
  }
  expect(cloud.world.count).toBeLessThanOrEqual(4);
  expect(await at(`${registry.host}/mine/app`).resolve(v1)).toBeDefined();
});

test("a registry of nobody's cloud gets no token, even by a rule for it", async () => {
  const cloud = await machine();
  const registry = await serve(basicRegistry(() => false));
  const settings: Settings = {
    ...defaultSettings,
    credentials: [{ repository: registry.host, identity: "google" }],
  };
  const { at } = registriesOf(settings, cloud);
  await expect(at(`${registry.host}/a`).resolve(v1)).rejects.toMatchObject({
    ...{
      code: "credential-source",
      message: expect.stringContaining("is not known as a registry of the cloud google"),
    },
  });
  expect(cloud.world.count).toBe(0);
  expect(registry.seen.every(({ authorization }) => authorization === undefined)).toBe(true);
});

test("a registry cannot have a token sent elsewhere", async () => {
  const cloud = await machine();
  const other = await serve((_, response) => answer(response, 200, {}, JSON.stringify({ token: "x" })));
  const registry = await serve((_, response) =>
    answer(response, 401, { "www-authenticate": `Bearer realm="${other.origin}/token",service="here"` }),
  );
  const { at } = registriesOf(settingsFor(registry.host), cloud);
  await expect(at(`${registry.host}/a`).resolve(v1)).rejects.toMatchObject({ code: "unsafe-realm" });
  expect([cloud.world.count, other.seen.length]).toEqual([0, 0]);
});

test("identities of a settings file", () => {
  const settings = parseSettings(
    [
      "identities:",
      "  release:",
      "    cloud: google",
      "    provider: projects/12/locations/global/workloadIdentityPools/ci/providers/github",
      "    serviceAccount: promoter@example.iam.gserviceaccount.com",
      "    token: github",
      "  ci: { cloud: aws, role: 'arn:aws:iam::123456789012:role/ci', token: { variable: AWS_ID_TOKEN } }",
      "  acr: { cloud: azure, tenant: t-1, client: c-1, token: { github: 'api://other' }, hosts: [registry.example.com] }",
      "credentials:",
      "  - { repository: europe-docker.pkg.dev/example, identity: release }",
      "  - { repository: '*.azurecr.io/team', identity: acr }",
    ].join("\n"),
    "/etc/waybill.yaml",
  );
  expect(settings.identities).toEqual({
    release: {
      ...{ cloud: "google", token: { github: { audience: undefined } }, where: "/etc/waybill.yaml:3" },
      provider: "projects/12/locations/global/workloadIdentityPools/ci/providers/github",
      serviceAccount: "promoter@example.iam.gserviceaccount.com",
    },
    ci: {
      ...{ cloud: "aws", role: "arn:aws:iam::123456789012:role/ci", token: { variable: "AWS_ID_TOKEN" } },
      where: "/etc/waybill.yaml:7",
    },
    acr: {
      ...{ cloud: "azure", tenant: "t-1", client: "c-1", token: { github: { audience: "api://other" } } },
      ...{ hosts: ["registry.example.com"], where: "/etc/waybill.yaml:8" },
    },
  });
});

test.each([
  [
    "identities: { a: { cloud: google, role: 'arn:aws:iam::123456789012:role/ci' } }",
    "role is for the cloud aws alone",
  ],
  ["identities: { a: { cloud: google, token: github } }", "provider and token need each other"],
  ["identities: { a: { cloud: aws, token: github } }", "token needs the role beside it"],
  ["identities: { a: { cloud: aws, role: x } }", "expected the ARN of a role"],
  [
    "identities: { a: { cloud: azure, token: { file: a, variable: B } } }",
    "expected exactly one of: github, file, variable",
  ],
  ["identities: { a: { cloud: azure, clientSecret: hunter2 } }", "clientSecret"],
  ["credentials: [{ repository: '*.io', identity: google }]", "hosts are left open below two names at least"],
  ["credentials: [{ repository: gcr.io, identity: google, helper: gcr }]", "expected exactly one of"],
])("%s is refused", (text, message) => {
  expect(() => parseSettings(text, "waybill.yaml")).toThrow(message);
});
