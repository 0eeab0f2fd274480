import { describe, expect, it } from "vitest";
import { basicCredential, type CredentialStore } from "../../src/registry/credentials/credential.ts";
import { openScripted } from "../support/registry-client.ts";
import { answer, type Script } from "../support/scripted-server.ts";

const known: CredentialStore = { lookup: async () => basicCredential("ann", "hunter2", "a test") };
const nobody: CredentialStore = { lookup: async () => undefined };

async function ask(script: Script, credentials: CredentialStore) {
  const { server, ...client } = await openScripted(script, { credentials, settings: { retries: 0 } });
  const result = await client.repository().mayPush?.();
  for (const { method } of server.seen) expect(["HEAD", "GET"]).toContain(method);
  return { result, seen: server.seen };
}

/** A registry with a token service that gives tokens with these rights, or refuses. */
const withTokens =
  (token: string | undefined, status = 404): Script =>
  (request, response, url) => {
    if (url.pathname === "/token") {
      if (token === undefined) return answer(response, 403, {}, "{}");
      return answer(response, 200, {}, JSON.stringify({ token }));
    }
    if (request.headers.authorization === undefined) {
      const realm = `http://${request.headers.host}/token`;
      return answer(response, 401, { "www-authenticate": `Bearer realm="${realm}",service="here"` });
    }
    answer(response, status, {});
  };

const jwt = (access: unknown): string =>
  ["{}", JSON.stringify({ access }), "signature"]
    .map((part) => Buffer.from(part).toString("base64url"))
    .join(".");
const rights = (name: string, ...actions: string[]): string => jwt([{ type: "repository", name, actions }]);

describe("whether a push would be allowed", () => {
  it("is what the token says that the registry's service gives for it", async () => {
    expect((await ask(withTokens(rights("team/app", "pull", "push")), known)).result).toBe(true);
    expect((await ask(withTokens(rights("team/app", "*")), known)).result).toBe(true);
    expect((await ask(withTokens(rights("team/app", "pull")), known)).result).toBe(false);
    expect((await ask(withTokens(rights("team/other", "push")), known)).result).toBe(false);
    expect((await ask(withTokens(jwt([])), known)).result).toBe(false);
  });

  it("is asked for with the scope of a push, and nothing is written", async () => {
    const { seen } = await ask(withTokens(rights("team/app", "push")), known);
    expect(seen.map(({ method }) => method)).toEqual(["HEAD", "GET", "HEAD"]);
    expect(seen[1]?.url).toContain(encodeURIComponent("repository:team/app:pull,push"));
  });

  it("is not known where a token says nothing, or there is none", async () => {
    for (const token of ["opaque", "a.b.c", jwt("x")]) {
      expect((await ask(withTokens(token), known)).result).toBeUndefined();
    }
    expect((await ask((_, response) => answer(response, 404, {}), known)).result).toBeUndefined();
  });

  it("is denied by whoever refuses credentials, and not known where there were none", async () => {
    const refusing: Script = (_, response) =>
      answer(response, 401, { "www-authenticate": 'Basic realm="here"' });
    expect((await ask(refusing, known)).result).toBe(false);
    expect((await ask(refusing, nobody)).result).toBeUndefined();
    expect((await ask(withTokens(undefined), known)).result).toBe(false);
    expect((await ask(withTokens(undefined), nobody)).result).toBeUndefined();
    expect((await ask(withTokens(rights("team/app", "push"), 403), known)).result).toBe(false);
  });

  it("could not be asked where the registry fails", async () => {
    await expect(ask((_, response) => answer(response, 500, {}), known)).rejects.toMatchObject({
      code: "server-error",
    });
  });
});
