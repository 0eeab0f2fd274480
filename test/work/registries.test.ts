import { expect, onTestFinished, test } from "vitest";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { defaultSettings, type Settings } from "../../src/settings/index.ts";
import { type RegistryAccess, registriesFor } from "../../src/work/registries.ts";
import { startCloud } from "../support/cloud.ts";
import { answer, serve } from "../support/scripted-server.ts";

const shownOf = (username: string, password: string) =>
  `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;

/** What a registry is shown in a run of a job, where everything has a credential for it. */
async function shownTo(
  access: RegistryAccess,
  job: string,
  serveSettings: (host: string) => Settings["serve"],
) {
  const registry = await serve((request, response) =>
    request.headers.authorization === undefined
      ? answer(response, 401, { "www-authenticate": 'Basic realm="here"' })
      : answer(response, 404),
  );
  const cloud = await startCloud({
    "/computeMetadata/": ({ query }) => [
      ...([
        200,
        { access_token: `google-${query.get("scopes")?.split("/").at(-1)}`, expires_in: 3599 },
      ] as const),
      { "metadata-flavor": "Google" },
    ],
  });
  const { host } = registry;
  const settings: Settings = {
    ...defaultSettings,
    identities: { machine: { cloud: "google", hosts: [host] } },
    credentials: [{ repository: host, username: "everybody", passwordEnv: "PASSWORD" }],
    serve: serveSettings(host),
  };
  const environment = {
    ...{
      PASSWORD: "secret",
      GCE_METADATA_HOST: cloud.host,
      HOME: "/nonexistent",
      XDG_RUNTIME_DIR: "/nonexistent",
    },
    DOCKER_AUTH_CONFIG: JSON.stringify({
      auths: { [host]: { auth: Buffer.from("docker:secret").toString("base64") } },
    }),
  };
  const never = new AbortController().signal;
  const registries = registriesFor(
    { isMine: () => true, stillMine: async () => true },
    { name: job },
    { settings, environment },
    { access, ending: { stop: never, cut: never }, listener: () => {}, say: () => {} },
  );
  onTestFinished(() => registries.close());
  await registries
    .repository(parseRepository(`${host}/app`))
    .resolve(parseTag("v1"))
    .catch(() => undefined);
  return [...new Set(registry.seen.flatMap(({ authorization }) => authorization ?? []))];
}

const serveSettings = (host: string): Settings["serve"] => ({
  readingCredentials: [{ repository: host, username: "reader", passwordEnv: "PASSWORD" }],
  jobCredentials: { promote: [{ repository: host, username: "promoter", passwordEnv: "PASSWORD" }] },
});

test("a review is shown what only reads, whatever its job and everybody else have", async () => {
  expect(await shownTo("foreign", "promote", serveSettings)).toEqual([shownOf("reader", "secret")]);
});

test("a review is shown nothing where nothing only reads", async () => {
  const shown = await shownTo("foreign", "promote", (host) => ({
    jobCredentials: serveSettings(host).jobCredentials ?? {},
  }));
  expect(shown).toEqual([]);
});

test("a review's identity is asked for the right to read alone, and a promotion's for more", async () => {
  const both = (host: string): Settings["serve"] => ({
    readingCredentials: [{ repository: host, identity: "machine" }],
    jobCredentials: { promote: [{ repository: host, identity: "machine" }] },
  });
  const passwordOf = (access: RegistryAccess) => shownTo(access, "promote", both);
  expect(await passwordOf("foreign")).toEqual([
    shownOf("oauth2accesstoken", "google-cloud-platform.read-only"),
  ]);
  expect(await passwordOf("reading")).toEqual([
    shownOf("oauth2accesstoken", "google-cloud-platform.read-only"),
  ]);
  expect(await passwordOf("writing")).toEqual([shownOf("oauth2accesstoken", "google-cloud-platform")]);
});

test("a job has its own credentials, and no other job has them", async () => {
  expect(await shownTo("writing", "promote", serveSettings)).toEqual([shownOf("promoter", "secret")]);
  expect(await shownTo("writing", "other", serveSettings)).toEqual([shownOf("everybody", "secret")]);
  expect(await shownTo("writing", "constructor", serveSettings)).toEqual([shownOf("everybody", "secret")]);
});
