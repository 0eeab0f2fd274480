import { afterEach, describe, expect, it } from "vitest";
import { addressOf } from "../../src/forge/address.ts";
import { forgeKindOf } from "../../src/forge/index.ts";
import { answer, type Script, type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts";

const servers: ScriptedServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function serve(script: Script): Promise<ScriptedServer> {
  const server = await startScriptedServer(script);
  servers.push(server);
  return server;
}

const quick = { firstBackoff: 1 };

describe("the kind of a forge", () => {
  it.each([
    ["github.com", "github"],
    ["GitHub.com", "github"],
    ["octo.ghe.com", "github"],
    ["gitlab.com", "gitlab"],
    ["codeberg.org", "gitea"],
    ["gitea.com", "gitea"],
  ])("of %s is known to be %s", async (host, kind) => {
    expect(await forgeKindOf(host)).toBe(kind);
  });

  it("is what is configured, without asking", async () => {
    const server = await serve((_, response) => answer(response, 500));
    expect(await forgeKindOf(server.host, { [server.host]: { kind: "gitlab" } })).toBe("gitlab");
    expect(server.seen).toEqual([]);
  });

  it.each([
    ["github", "/api/v3/", { "x-github-request-id": "1" }],
    ["gitlab", "/api/v4/", { "x-gitlab-meta": "{}" }],
    ["gitea", "/api/v1/", { "x-gitea-version": "1.22" }],
  ])("is seen to be %s when it asks everybody for a token", async (kind, prefix, headers) => {
    const server = await serve((request, response) => {
      if (request.url?.startsWith(prefix)) answer(response, 401, headers, '{"message":"401 Unauthorized"}');
      else answer(response, 404, {}, "not found");
    });
    expect(await forgeKindOf(server.host)).toBe(kind);
    const asked = server.seen.length;
    expect(await forgeKindOf(server.host)).toBe(kind);
    expect(server.seen).toHaveLength(asked);
    expect(server.seen.every(({ authorization }) => authorization === undefined)).toBe(true);
  });

  it.each([
    [
      "a page for everything",
      (_: unknown, response: Parameters<typeof answer>[0]) => answer(response, 200, {}, "<html>"),
    ],
    ["nothing", (_: unknown, response: Parameters<typeof answer>[0]) => answer(response, 404, {}, "")],
    [
      "a login",
      (_: unknown, response: Parameters<typeof answer>[0]) =>
        answer(response, 302, { location: "https://sso.example.org/" }),
    ],
    [
      "anything that is asked",
      (_: unknown, response: Parameters<typeof answer>[0]) =>
        answer(response, 200, {}, '{"version":"1","revision":"2","installed_version":"3"}'),
    ],
  ])("is unknown of a host that answers with %s", async (_, script) => {
    const server = await serve(script);
    await expect(forgeKindOf(server.host)).rejects.toMatchObject({
      code: "forge-unknown",
      hint: expect.stringContaining("configure it"),
    });
  });

  it("is not guessed when the host does not answer, and is asked again", async () => {
    let isDown = true;
    const server = await serve((request, response) => {
      if (isDown) request.socket.destroy();
      else if (request.url === "/api/v1/version")
        answer(response, 200, {}, '{"version":"7.0.0+gitea-1.22.0"}');
      else answer(response, 404);
    });
    await expect(forgeKindOf(server.host, {}, quick)).rejects.toMatchObject({ code: "unreachable" });
    isDown = false;
    expect(await forgeKindOf(server.host, {}, quick)).toBe("gitea");
  });
});

describe("the address of a forge's API", () => {
  it.each([
    ["github", "github.com", undefined, "https://api.github.com"],
    ["github", "octo.ghe.com", undefined, "https://api.octo.ghe.com"],
    ["github", "ghe.example.org", undefined, "https://ghe.example.org/api/v3"],
    ["gitlab", "gitlab.example.org:8443", undefined, "https://gitlab.example.org:8443/api/v4"],
    ["gitea", "localhost:3000", undefined, "http://localhost:3000/api/v1"],
    ["gitea", "[::1]:3000", undefined, "http://[::1]:3000/api/v1"],
    ["gitea", "127.0.0.1:3000", false, "https://127.0.0.1:3000/api/v1"],
    ["gitea", "localhost.example.org", undefined, "https://localhost.example.org/api/v1"],
    ["gitea", "10.0.0.1", undefined, "https://10.0.0.1/api/v1"],
    ["gitea", "git.example.org", true, "http://git.example.org/api/v1"],
    // Nothing turns off TLS for these.
    ["github", "github.com", true, "https://api.github.com"],
  ] as const)("of a %s at %s (http: %s) is %s", (kind, host, http, api) => {
    expect(addressOf(kind, host, http).api).toBe(api);
  });
});
