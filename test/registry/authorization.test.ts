import type { IncomingMessage } from "node:http";
import { describe, expect, it, onTestFinished } from "vitest";
import { failureRecord, messageOf } from "../../src/errors/index.ts";
import { mediaTypes, parseTag } from "../../src/oci/index.ts";
import {
  basicCredential,
  type Credential,
  type CredentialStore,
  identityToken,
  registryToken,
} from "../../src/registry/credentials/credential.ts";
import { readToken } from "../../src/registry/host/token-service.ts";
import { openScripted as open } from "../support/registry-client.ts";
import { afterBody, answer, type Script, startScriptedServer } from "../support/scripted-server.ts";

const v1 = parseTag("v1");
const index = Buffer.from(`{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","manifests":[]}`);
const storeOf = (credential?: Credential): CredentialStore => ({ lookup: async () => credential });

/** A registry that takes the tokens it has issued, each for its scopes, until it forgets them. */
function tokenRegistry(
  issue?: (request: IncomingMessage, url: URL, body: string) => [number, object] | undefined,
) {
  let issued = new Map<string, string>();
  let count = 0;
  const asked: string[] = [];
  const script: Script = (request, response, url) => {
    const send = (status: number, json: object) => answer(response, status, {}, JSON.stringify(json));
    if (url.pathname === "/token") {
      return afterBody(request, (body) => {
        const form = new URLSearchParams(body.toString());
        const scopes = [...url.searchParams.getAll("scope"), ...form.getAll("scope")].join(" ");
        asked.push(scopes);
        count += 1;
        const token = `token-${count}`;
        issued.set(token, scopes);
        const [status, json] = issue?.(request, url, body.toString()) ?? [200, { token, expires_in: 300 }];
        send(status, json);
      });
    }
    const scopes = issued.get(request.headers.authorization?.replace("Bearer ", "") ?? "");
    if (scopes === undefined) {
      const realm = `http://${request.headers.host}/token`;
      return answer(response, 401, { "www-authenticate": `Bearer realm="${realm}",service="here"` });
    }
    if (url.pathname === "/v2/_catalog") return send(200, { repositories: ["a", "b/c"] });
    if (request.method === "PUT") return afterBody(request, () => answer(response, 201));
    answer(response, 200, { "content-type": mediaTypes.ociIndex }, index);
  };
  return {
    script,
    asked,
    forget: () => {
      issued = new Map();
    },
  };
}

describe("a token", () => {
  it("is fetched once for all who wait for it", async () => {
    const { script, asked } = tokenRegistry();
    const { repository } = await open(script);
    await Promise.all(Array.from({ length: 20 }, () => repository().fetch(v1)));
    expect(asked).toEqual(["repository:team/app:pull"]);
  });

  it("is asked for without another 401, once the host has shown its way", async () => {
    const { script, asked } = tokenRegistry();
    const { repository, requests } = await open(script);
    await repository("one").fetch(v1);
    await repository("two").fetch(v1);
    expect(requests()).toEqual(["manifest-get", "token", "manifest-get", "token", "manifest-get"]);
    expect(asked).toEqual(["repository:one:pull", "repository:two:pull"]);
  });

  it("for writing does for reading the same repository, not another one", async () => {
    const { script, asked } = tokenRegistry();
    const { repository } = await open(script);
    const document = (await repository("one").fetch(v1)) ?? expect.fail();
    await repository("two").put(document, v1);
    await repository("two").fetch(v1);
    await repository("one").fetch(v1);
    expect(asked).toEqual(["repository:one:pull", "repository:two:pull,push"]);
  });

  it("that is refused is replaced once, and a new one that is refused ends the matter", async () => {
    const registry = tokenRegistry();
    const { repository, server } = await open(registry.script);
    await repository().fetch(v1);
    await new Promise((resolve) => setTimeout(resolve, 2));
    registry.forget();
    expect((await repository().fetch(v1))?.bytes).toEqual(index);
    expect(registry.asked).toHaveLength(2);
    const never = await open((request, response, url) => {
      if (url.pathname === "/token") return answer(response, 200, {}, '{"token":"useless"}');
      const realm = `Bearer realm="http://${request.headers.host}/token"`;
      answer(response, 401, { "www-authenticate": realm });
    });
    await expect(never.repository().fetch(v1)).rejects.toMatchObject({ code: "unauthorized" });
    // Its list of tags may show that the tag is absent: virtual repositories refuse those.
    expect(never.requests()).toEqual(["manifest-get", "token", "manifest-get", "list", "token", "list"]);
    expect(server.seen.length).toBeGreaterThan(0);
  });

  it("is fetched with the password, which the registry itself never sees", async () => {
    const registry = tokenRegistry();
    const { repository, server } = await open(registry.script, {
      credentials: storeOf(basicCredential("user", "p4ss", "a test")),
    });
    await repository().fetch(v1);
    const basic = `Basic ${Buffer.from("user:p4ss").toString("base64")}`;
    const withPassword = server.seen.filter(({ authorization }) => authorization === basic);
    expect(withPassword.map(({ url }) => url.split("?")[0])).toEqual(["/token"]);
  });

  it("is fetched with an identity token, by POST and not in the address", async () => {
    let sent = new URLSearchParams();
    const registry = tokenRegistry((request, _, body) => {
      sent = new URLSearchParams(body);
      expect(request.method).toBe("POST");
      return undefined;
    });
    const { repository, server } = await open(registry.script, {
      credentials: storeOf(identityToken("refresh-me", "a test")),
    });
    await repository().fetch(v1);
    expect(Object.fromEntries(sent)).toEqual({
      grant_type: "refresh_token",
      client_id: "waybill",
      service: "here",
      scope: "repository:team/app:pull",
      refresh_token: "refresh-me",
    });
    expect(server.seen.map(({ url }) => url).join()).not.toContain("refresh-me");
  });

  it("of the registry itself is sent as it is, and no token service is asked", async () => {
    const { repository, server } = await open(
      (request, response) => {
        if (request.headers.authorization === "Bearer mine") {
          return answer(response, 200, { "content-type": mediaTypes.ociIndex }, index);
        }
        answer(response, 401, { "www-authenticate": `Bearer realm="http://${request.headers.host}/token"` });
      },
      { credentials: storeOf(registryToken("mine", "a test")) },
    );
    expect((await repository().fetch(v1))?.bytes).toEqual(index);
    expect(server.seen.map(({ url }) => url)).toEqual(Array(2).fill("/v2/team/app/manifests/v1"));
  });

  it("for the catalog has the scope of the catalog", async () => {
    const { script, asked } = tokenRegistry();
    const { registries, server } = await open(script);
    const found: string[] = [];
    for await (const name of registries.catalog(server.host)) found.push(name);
    expect(found).toEqual([`${server.host}/a`, `${server.host}/b/c`]);
    expect(asked).toEqual(["registry:catalog:*"]);
  });
});

describe("a token service that fails", () => {
  it("is asked so often as the settings say, and no more", async () => {
    const registry = tokenRegistry(() => [503, {}]);
    const { repository, retries } = await open(registry.script, { settings: { retries: 2 } });
    await expect(repository().fetch(v1)).rejects.toMatchObject({ code: "server-error" });
    expect(registry.asked).toHaveLength(3);
    expect(retries()).toHaveLength(2);
  });

  it("is asked again when it recovers", async () => {
    let failures = 2;
    const registry = tokenRegistry(() => (failures-- > 0 ? [429, {}] : undefined));
    const { repository } = await open(registry.script);
    expect((await repository().fetch(v1))?.bytes).toEqual(index);
  });

  it.each([
    [401, "unauthorized"],
    [400, "unauthorized"],
    [403, "unauthorized"],
    [404, "unexpected-response"],
    [302, "unsafe-redirect"],
  ])("with %i: %s, with the source of the credential and without the credential", async (status, code) => {
    const errors = [{ code: "UNAUTHORIZED", message: "Basic dXNlcjpzM2NyZXQ= has password s3cret" }];
    const registry = tokenRegistry(() => [status, { errors }]);
    const credentials = storeOf(basicCredential("user", "s3cret", "~/.docker/config.json"));
    const { repository } = await open(registry.script, { credentials });
    const failure = await repository()
      .fetch(v1)
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code });
    expect(messageOf(failure)).not.toMatch(/s3cret|dXNlcjpz/);
    if (code === "unauthorized")
      expect(failure).toMatchObject({ hint: expect.stringContaining("~/.docker") });
  });

  it.each([
    ["{}"],
    ['{"token":""}'],
    ['{"token":"a b"}'],
    ['{"token":"a\\r\\nb"}'],
    ["<html>"],
    ['{"token":7}'],
  ])("with the answer %s, which has no token", async (body) => {
    const { repository } = await open((request, response, url) => {
      if (url.pathname === "/token") return answer(response, 200, {}, body);
      answer(response, 401, { "www-authenticate": `Bearer realm="http://${request.headers.host}/token"` });
    });
    await expect(repository().fetch(v1)).rejects.toMatchObject({
      code: "unauthorized",
      hint: expect.stringContaining("token service"),
    });
  });
});

describe("a token service", () => {
  it("may begin its answer with a byte order mark", () => {
    const token = readToken(Buffer.from('\ufeff{"token":"t"}'), 0, undefined, "here");
    expect(token.value).toBe("t");
  });

  it("may answer with any success", async () => {
    const { repository } = await open((request, response, url) => {
      if (url.pathname === "/token") return answer(response, 201, {}, '{"token":"t"}');
      if (request.headers.authorization === "Bearer t") return answer(response, 404);
      answer(response, 401, { "www-authenticate": `Bearer realm="http://${request.headers.host}/token"` });
    });
    expect(await repository().fetch(v1)).toBeUndefined();
  });
});

describe("the life of a token", () => {
  const asked = Date.parse("2026-10-21T10:00:00Z");
  const date = "Wed, 21 Oct 2026 12:00:00 GMT";
  const lifeOf = (json: object) =>
    (readToken(Buffer.from(JSON.stringify({ token: "t", ...json })), asked, date, "here").expiresAt - asked) /
    1000;

  it("is what the service says, less a margin", () => expect(lifeOf({ expires_in: 300 })).toBe(295));
  it("is a minute at least", () => {
    expect(lifeOf({})).toBe(55);
    expect(lifeOf({ expires_in: 5 })).toBe(55);
  });
  it("is counted from its issue, by the clock of the service", () => {
    expect(lifeOf({ expires_in: 300, issued_at: "2026-10-21T11:58:00Z" })).toBe(175);
    expect(lifeOf({ expires_in: 300, issued_at: "2026-10-21T12:30:00Z" })).toBe(295);
    expect(lifeOf({ expires_in: 300, issued_at: "yesterday" })).toBe(295);
    expect(lifeOf({ expires_in: 300, issued_at: Date.parse("2026-10-21T11:58:00Z") / 1000 })).toBe(175);
    expect(lifeOf({ expires_in: 300, issued_at: {} })).toBe(295);
  });
  it.each([
    ["300", 295],
    ["300.5", 295.5],
    [300.5, 295.5],
    [" 300 ", 295],
    ["0", 55],
    [0, 55],
    [-1, 55],
    [null, 55],
    ["soon", 55],
    [[300], 55],
  ])("is read in all forms that services write it in: %o", (written, seconds) => {
    expect(lifeOf({ expires_in: written })).toBe(seconds);
  });
  it.each([
    { token: "t\n" },
    { access_token: "t" },
    { token: "", access_token: "t" },
    { token: null, access_token: "t", refresh_token: null },
    { token: { value: "x" }, access_token: "t" },
    { token: "t", access_token: 7, scope: null },
  ])("does not depend on where the token stands: %o", (json) => {
    expect(readToken(Buffer.from(JSON.stringify(json)), asked, date, "here").value).toBe("t");
  });
});

describe("a password", () => {
  const basic = "Basic dXNlcjpwNHNz";
  const registry: Script = (request, response) => {
    if (request.headers.authorization === basic) {
      return answer(response, 200, { "content-type": mediaTypes.ociIndex }, index);
    }
    answer(response, 401, { "www-authenticate": 'Basic realm="here"' });
  };

  it("is sent once the registry has asked for one, and then without being asked", async () => {
    const { repository, server } = await open(registry, {
      credentials: storeOf(basicCredential("user", "p4ss", "a test")),
    });
    await repository().fetch(v1);
    await repository("other").fetch(v1);
    expect(server.seen.map(({ authorization }) => authorization)).toEqual([undefined, basic, basic]);
  });

  it("is looked for where the repository is, not where it is called", async () => {
    const asked: string[] = [];
    const credentials: CredentialStore = {
      lookup: async (host, path) => {
        asked.push(`${host} ${path}`);
        return basicCredential("user", "p4ss", "a test");
      },
    };
    const { repository, server } = await open(registry, { credentials });
    await repository("deep/er/app").fetch(v1);
    expect(new Set(asked)).toEqual(new Set([`${server.host} deep/er/app`]));
  });

  it("is not shown, though the registry repeats it", async () => {
    const { repository } = await open(
      (request, response) => {
        if (request.headers.authorization === undefined) {
          return answer(response, 401, { "www-authenticate": "Basic" });
        }
        const message = `you sent ${request.headers.authorization}, that is user:p4ss; see /x?sig=abc&X-Amz=def`;
        answer(response, 403, {}, JSON.stringify({ errors: [{ code: "DENIED", message }] }));
      },
      { credentials: storeOf(basicCredential("user", "p4ss", "a test")) },
    );
    const failure = messageOf(
      await repository()
        .fetch(v1)
        .catch((error: unknown) => error),
    );
    expect(failure).toContain("DENIED");
    expect(failure).not.toMatch(/p4ss|dXNlcjpwNHNz|sig=|X-Amz/);
  });
});

describe("a host that the registry sends us to", () => {
  it("cannot ask for our password by a challenge", async () => {
    const asked: string[] = [];
    const storage = await startScriptedServer((_, response) =>
      answer(response, 401, { "www-authenticate": "Basic" }),
    );
    onTestFinished(storage.close);
    const { repository } = await open(
      (_, response) => answer(response, 307, { location: `${storage.origin}/blob` }),
      {
        credentials: {
          lookup: async (host) => {
            asked.push(host);
            return basicCredential("user", "p4ss", "a test");
          },
        },
      },
    );
    await expect(repository().fetch(v1)).rejects.toMatchObject({
      code: "denied",
      message: expect.stringContaining(storage.host),
    });
    expect(asked).toEqual([]);
    expect(storage.seen).toMatchObject([{ authorization: undefined }]);
  });

  it("cannot send a credential back to the registry", async () => {
    let back = "";
    const elsewhere = await startScriptedServer((_, response) => answer(response, 307, { location: back }));
    onTestFinished(elsewhere.close);
    const { repository, server } = await open(
      (request, response, url) => {
        if (url.pathname === "/back")
          return answer(response, 200, { "content-type": mediaTypes.ociIndex }, index);
        if (request.headers.authorization === undefined) {
          return answer(response, 401, { "www-authenticate": "Basic" });
        }
        answer(response, 307, { location: `${elsewhere.origin}/` });
      },
      { credentials: storeOf(basicCredential("user", "p4ss", "a test")) },
    );
    back = `${server.origin}/back`;
    expect((await repository().fetch(v1))?.bytes).toEqual(index);
    expect(server.seen.at(-1)).toMatchObject({ url: "/back", authorization: undefined });
  });
});

describe("a token service on another port of this machine", () => {
  it("is neither asked nor shown anything, and the refusal has the line that allows it", async () => {
    const { script, asked } = tokenRegistry();
    const service = await startScriptedServer(script);
    onTestFinished(service.close);
    const challenging: Script = (_, response) =>
      answer(response, 401, { "www-authenticate": `Bearer realm="${service.origin}/token"` });
    const lookups: string[] = [];
    const credentials: CredentialStore = {
      lookup: async (host) => {
        lookups.push(host);
        return basicCredential("me", "secret", "a test");
      },
    };
    const { repository, server } = await open(challenging, { credentials });
    const failure = await repository()
      .fetch(v1)
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({
      code: "unsafe-realm",
      message: expect.stringContaining(service.origin),
      hint: expect.stringContaining(`hosts: { "${server.host}": { tokenOrigins: [${service.origin}] } }`),
    });
    expect([lookups, asked, service.seen]).toEqual([[], [], []]);
  });
});

describe("a credential that is refused", () => {
  const paths = Array.from({ length: 20 }, (_, number) => `team/app-${number}`);
  const me = basicCredential("me", "wrong", "a test");

  async function failuresOf(script: Script) {
    const opened = await open(script, { credentials: storeOf(me) });
    const ends = await Promise.allSettled(paths.map((path) => opened.repository(path).fetch(v1)));
    const records = ends.map((end) => {
      if (end.status !== "rejected") return undefined;
      const { repository, ...record } = failureRecord(end.reason);
      return record;
    });
    const shown = opened.server.seen.filter(({ authorization }) => authorization?.startsWith("Basic"));
    return { ...opened, records, shown };
  }

  it("by a token service is shown to it three times for all, who fail alike", async () => {
    const { script } = tokenRegistry(() => [401, { errors: [{ code: "UNAUTHORIZED", message: "wrong" }] }]);
    const { records, shown, server, repository } = await failuresOf(script);
    expect(new Set(records.map((record) => JSON.stringify(record))).size).toBe(1);
    expect(records[0]).toMatchObject({ code: "unauthorized", host: server.host, where: server.host });
    expect(shown).toHaveLength(3);
    const before = server.seen.length;
    await expect(repository("team/later").fetch(v1)).rejects.toMatchObject({ host: server.host });
    expect(server.seen).toHaveLength(before);
  });

  it("by the registry itself is shown to it three times for all, who fail alike", async () => {
    const { records, shown, server } = await failuresOf((_, response) =>
      answer(response, 401, { "www-authenticate": 'Basic realm="here"' }),
    );
    expect(new Set(records.map((record) => JSON.stringify(record))).size).toBe(1);
    expect(records[0]).toMatchObject({
      ...{ code: "unauthorized", host: server.host },
      message: "the registry refused the credentials from a test",
    });
    expect(shown).toHaveLength(3);
  });

  it.each([401, 403])("for some repositories alone stops nothing else (%i)", async (status) => {
    const { script } = tokenRegistry((_, url) => {
      const isOurs = /app-[0-4]:/.test(url.searchParams.get("scope") ?? "");
      return isOurs ? [status, {}] : undefined;
    });
    const { records } = await failuresOf(script);
    expect(records.slice(0, 5)).toMatchObject(Array(5).fill({ code: "unauthorized" }));
    expect(records.slice(0, 5).filter((record) => record?.host !== undefined)).toEqual([]);
    expect(records.slice(5)).toEqual(Array(15).fill(undefined));
  });

  it("for one repository of a registry that wants passwords stops nothing else", async () => {
    const { records } = await failuresOf((request, response, url) => {
      const isOurs = /app-[01]\//.test(url.pathname);
      if (request.headers.authorization !== undefined && !isOurs)
        return answer(response, 200, { "content-type": mediaTypes.ociIndex }, index);
      answer(response, 401, { "www-authenticate": 'Basic realm="here"' });
    });
    expect(records.slice(2)).toEqual(Array(18).fill(undefined));
  });

  it("costs nothing as long as it is not: no request more, and no waiting for each other", async () => {
    const { script, asked } = tokenRegistry();
    const { server } = await failuresOf(script);
    expect(asked).toHaveLength(paths.length);
    expect(server.seen.filter(({ url }) => url === "/v2/")).toEqual([]);
  });
});
