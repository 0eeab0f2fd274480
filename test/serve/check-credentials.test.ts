import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openCredentialSources } from "../../src/registry/index.ts";
import { checkCredentials } from "../../src/serve/check-credentials.ts";
import { parseSettings } from "../../src/settings/index.ts";
import { startCloud } from "../support/cloud.ts";
import { temporaryFolder } from "../support/tree.ts";

test("a check tries all that rules name, and says where from, never what", async () => {
  const { path: folder, remove } = await temporaryFolder("check-credentials");
  onTestFinished(remove);
  await writeFile(join(folder, "password"), "hunter2\n");
  const cloud = await startCloud({
    "/computeMetadata/": ({ query }) => [
      ...([
        200,
        { access_token: `ya29.${query.get("scopes")?.split(".").at(-1)}`, expires_in: 3599 },
      ] as const),
      { "metadata-flavor": "Google" },
    ],
  });
  const text = [
    "credentials:",
    "  - { repository: europe-docker.pkg.dev, identity: google }",
    "  - { repository: registry.example.com, identity: google }",
    "  - { repository: '*.azurecr.io', identity: azure }",
    "  - { repository: ghcr.io, anonymous: true }",
    "forges: { git.example.com: { kind: gitea, tokenFrom: 'env:NOBODY' } }",
    "serve:",
    "  readingCredentials: [{ repository: europe-docker.pkg.dev, identity: google }]",
    "  jobCredentials: { promote-app: [{ repository: quay.io, username: bot, passwordFile: password }] }",
  ].join("\n");
  const settings = parseSettings(text, join(folder, "waybill.yaml"));
  const environment = { GCE_METADATA_HOST: cloud.host };
  const credentialSources = openCredentialSources({ settings, environment, homeDir: folder });
  const checks = await checkCredentials({ settings, credentialSources });
  const google = "from the identity google (Google's metadata server), named in";
  expect(
    checks.map(({ state, where, message }) => `${state} ${where}: ${message.replaceAll(folder, "")}`),
  ).toEqual([
    `fine credentials: europe-docker.pkg.dev: ${google} /waybill.yaml:2`,
    "problem credentials: registry.example.com: the identity google gives no credential: registry.example.com is not known as a registry of the cloud google",
    "fine credentials: *.azurecr.io: not tried: it leaves open which host it is for",
    "fine credentials: ghcr.io: asked as anybody",
    `fine serve.readingCredentials: europe-docker.pkg.dev: ${google} /waybill.yaml:8`,
    "fine serve.jobCredentials.promote-app: quay.io: from /waybill.yaml:9",
    "problem forges.git.example.com: the variable NOBODY is not set",
  ]);
  expect(JSON.stringify(checks)).not.toMatch(/hunter2|ya29/);
});
