import { describe, expect, it } from "vitest";
import { openIdentities } from "../../src/clouds/index.ts";
import { identityOf, identityToken } from "../../src/signing/keyless/token.ts";
import type { KeylessOptions } from "../../src/signing/model.ts";
import { serve } from "../support/scripted-server.ts";
import { signingServices } from "./services.ts";
import { tokenOf } from "./sigstore-server.ts";

const google = "https://accounts.google.com";
const account = "release@example.iam.gserviceaccount.com";

function tokenFrom(keyless: KeylessOptions, environment: NodeJS.ProcessEnv, googleIam?: string) {
  return identityToken(keyless, {
    ...signingServices(environment),
    ...(googleIam !== undefined && {
      identities: openIdentities({
        ...{ identities: {}, network: { environment }, homeDir: "/nowhere" },
        services: { googleIam },
      }),
      cloudServices: { googleIam },
    }),
  });
}

describe("the token of a keyless signer", () => {
  it("is GitHub's, for the audience of Sigstore", async () => {
    const token = tokenOf({ iss: "https://token.actions.githubusercontent.com", sub: "repo:org/app" });
    const server = await serve((_, response, url) => {
      response.end(JSON.stringify({ value: url.searchParams.get("audience") === "sigstore" ? token : "" }));
    });
    const environment = {
      ACTIONS_ID_TOKEN_REQUEST_URL: `${server.origin}/token`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: "runner",
    };
    expect((await tokenFrom({ token: "github" }, environment)).token).toBe(token);
    expect(server.seen[0]?.authorization).toBe("Bearer runner");
  });

  it("is GitLab's, where its jobs have one for Sigstore", async () => {
    const token = tokenOf({ iss: "https://gitlab.com", sub: "project_path:org/app" });
    expect((await tokenFrom({ token: "gitlab" }, { SIGSTORE_ID_TOKEN: token })).token).toBe(token);
    await expect(tokenFrom({ token: "gitlab" }, {})).rejects.toMatchObject({
      code: "signer-unavailable",
      where: "$SIGSTORE_ID_TOKEN",
    });
  });

  it("is that of a machine of Google's", async () => {
    const token = tokenOf({ iss: google, email: account, email_verified: true });
    const server = await serve(({ headers }, response, url) => {
      const isAsked = headers["metadata-flavor"] === "Google" && url.searchParams.get("audience") === "mine";
      response.writeHead(isAsked && url.pathname.endsWith("/identity") ? 200 : 404).end(token);
    });
    const environment = { GCE_METADATA_HOST: server.host };
    expect((await tokenFrom({ token: "google", audience: "mine" }, environment)).token).toBe(token);
    await expect(tokenFrom({ token: "google" }, environment)).rejects.toMatchObject({
      code: "signer-unavailable",
    });
    const elsewhere = { GCE_METADATA_HOST: "metadata.example.com" };
    await expect(tokenFrom({ token: "google" }, elsewhere)).rejects.toMatchObject({
      code: "signer-unavailable",
    });
  });

  it("is that of a service account that the machine may act as", async () => {
    const token = tokenOf({ iss: google, email: account, email_verified: true });
    const server = await serve(({ headers }, response, url) => {
      if (url.pathname.endsWith("/token")) {
        response.setHeader("metadata-flavor", "Google");
        response.end(JSON.stringify({ access_token: "machine", expires_in: 3600 }));
      } else if (headers.authorization === "Bearer machine" && url.pathname.endsWith(":generateIdToken")) {
        response.end(JSON.stringify({ token }));
      } else response.writeHead(403).end();
    });
    const environment = { GCE_METADATA_HOST: server.host };
    const found = await tokenFrom({ token: { googleAccount: account } }, environment, server.origin);
    expect(found.token).toBe(token);
    expect(server.seen.at(-1)?.url).toBe(
      `/v1/projects/-/serviceAccounts/${encodeURIComponent(account)}:generateIdToken`,
    );
  });

  it("is one that says whose it is", async () => {
    await expect(tokenFrom({ token: { variable: "T" } }, { T: "secret" })).rejects.toThrow(
      "this is no token of an OpenID Connect issuer",
    );
  });
});

describe("whom Fulcio takes the bearer of a token for", () => {
  it.each([
    [
      "a workflow of GitHub",
      {
        iss: "https://token.actions.githubusercontent.com",
        job_workflow_ref: "o/r/.github/workflows/x.yml@refs/heads/main",
      },
      "https://github.com/o/r/.github/workflows/x.yml@refs/heads/main",
    ],
    [
      "a pipeline of GitLab",
      { iss: "https://gitlab.com", ci_config_ref_uri: "gitlab.com/o/r//.gitlab-ci.yml@refs/heads/main" },
      "https://gitlab.com/o/r//.gitlab-ci.yml@refs/heads/main",
    ],
    ["an account", { iss: google, email: account, email_verified: true }, account],
  ])("is known of %s", (_, claims, identity) => {
    expect(identityOf(claims)).toEqual({ kind: "certificate", identity, issuer: claims.iss });
  });

  it.each([
    ["an address that nobody has verified", { iss: google, email: account, email_verified: false }],
    [
      "a login by way of somebody else",
      { iss: "https://oauth2.sigstore.dev/auth", email: "a@b", email_verified: true, federated_claims: {} },
    ],
    ["anybody else", { iss: "https://ci.example.com", sub: "job" }],
    [
      "somebody who only claims to be GitHub's",
      { iss: "https://ci.example.com", job_workflow_ref: "o/r@main" },
    ],
  ])("is left to Fulcio of %s", (_, claims) => {
    expect(identityOf(claims)).toBeUndefined();
  });
});
