import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { basicCredential } from "../../src/registry/credentials/credential.ts";
import { parseDockerConfig } from "../../src/registry/credentials/docker-config.ts";
import { prefixOfKey } from "../../src/registry/credentials/key.ts";

const base64 = (text: string) => Buffer.from(text).toString("base64");
const noHelper = async () => undefined;

/** What a file gives for a repository, as plain data; helpers answer with their own name and what they were asked. */
async function found(config: unknown, repository: string): Promise<unknown> {
  const [host = "", ...path] = repository.split("/");
  const helper = async (name: string, server: string) => basicCredential(name, server, "helper");
  return plain(
    await parseDockerConfig(JSON.stringify(config), "config.json").find(host, path.join("/"), helper),
  );
}

function plain(credential: Awaited<ReturnType<typeof noHelper>> | object | undefined): unknown {
  if (credential === undefined) return undefined;
  const { kind, username, password, token } = credential as Record<string, string>;
  return kind === "basic" ? `${username}:${password}` : `${kind} ${token}`;
}

const entry = (user: string) => ({ auth: base64(`${user}:secret`) });

describe("an entry of auths", () => {
  test.each([
    ["user and password in base64", { auth: base64("me:pa:ss") }, "me:pa:ss"],
    ["user and password in the clear", { username: "me", password: "pw" }, "me:pw"],
    ["both, of which base64 counts", { auth: base64("me:pw"), username: "you", password: "x" }, "me:pw"],
    ["an identity token", { auth: base64("me:"), identitytoken: "refresh" }, "identity-token refresh"],
    ["a registry token", { registrytoken: "bearer" }, "registry-token bearer"],
    ["padding of old Docker versions", { auth: base64("me:pw\0\0") }, "me:pw"],
    ["nothing", {}, undefined],
    ["null", null, undefined],
    ["an empty text", { auth: "" }, undefined],
    ["an e-mail address alone", { email: "me@example.com" }, undefined],
  ])("with %s", async (_, value, credential) => {
    expect(await found({ auths: { "registry.example.com": value } }, "registry.example.com/app")).toBe(
      credential,
    );
  });

  test("that is not base64 or has no colon is an error with its line, once it is needed", async () => {
    const json = JSON.stringify(
      { auths: { "a.example.com": entry("a"), "b.example.com": { auth: "%%secret" } } },
      null,
      1,
    );
    const config = parseDockerConfig(json, "~/.docker/config.json");
    expect(plain(await config.find("a.example.com", "x", noHelper))).toBe("a:secret");
    const error = await config.find("b.example.com", "x", noHelper).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "credential-source", where: "~/.docker/config.json:6" });
    expect(String(error)).not.toContain("secret");
    await expect(
      parseDockerConfig(JSON.stringify({ auths: { "c.example.com": { auth: base64("me") } } }), "x").find(
        "c.example.com",
        "x",
        noHelper,
      ),
    ).rejects.toMatchObject({ code: "credential-source" });
  });

  test("with a registry token that is no token is refused: it would go into a header", async () => {
    await expect(
      found({ auths: { "a.example.com": { registrytoken: "x\r\nHost: evil" } } }, "a.example.com/app"),
    ).rejects.toMatchObject({ code: "credential-source" });
  });
});

describe("a key of auths", () => {
  test.each([
    ["registry.example.com", "registry.example.com"],
    ["Registry.Example.com", "registry.example.com"],
    ["https://registry.example.com", "registry.example.com"],
    ["https://registry.example.com/v2/", "registry.example.com"],
    ["http://localhost:5000", "localhost:5000"],
    ["registry.example.com/team/app", "registry.example.com/team/app"],
    ["https://registry.example.com/team", "registry.example.com/team"],
    ["https://index.docker.io/v1/", "docker.io"],
    ["index.docker.io", "docker.io"],
    ["registry-1.docker.io", "docker.io"],
    ["docker.io/library", "docker.io/library"],
    ["[::1]:5000", "[::1]:5000"],
    ["", undefined],
    ["registry", undefined],
    ["me@registry.example.com", undefined],
    ["https://", undefined],
  ])("%j stands for %j", (key, prefix) => {
    expect(prefixOfKey(key)).toBe(prefix);
  });

  test.each([
    "registry.example.com.evil.org/app",
    "evil.org/registry.example.com",
    "xregistry.example.com/app",
    "registry.example.com:5000/app",
    "registry.example.comx/app",
  ])("never gives its credential to %s", async (repository) => {
    const auths = { "registry.example.com": entry("me"), "https://registry.example.com/v2/": entry("me") };
    expect(await found({ auths }, repository)).toBeUndefined();
  });

  test("with the most path segments wins", async () => {
    const auths = {
      "registry.example.com": entry("host"),
      "registry.example.com/team": entry("team"),
      "registry.example.com/team/app": entry("app"),
    };
    expect(await found({ auths }, "registry.example.com/team/app/x")).toBe("app:secret");
    expect(await found({ auths }, "registry.example.com/team/apps")).toBe("team:secret");
    expect(await found({ auths }, "registry.example.com/teams")).toBe("host:secret");
  });

  test("gives its credential to no other host, whatever the names", async () => {
    const label = fc.stringMatching(/^[a-z]{1,3}$/);
    const host = fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => labels.join("."));
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(host, { minLength: 1 }), host, async (hosts, asked) => {
        const auths = Object.fromEntries(hosts.map((name) => [name, entry(name)]));
        const expected = hosts.includes(asked) ? `${asked}:secret` : undefined;
        expect(await found({ auths }, `${asked}/app`)).toBe(expected);
      }),
    );
  });
});

describe("helpers", () => {
  test("of the host come before the default one, and that before the host's entry", async () => {
    const auths = { "a.example.com": entry("file"), "b.example.com": entry("file") };
    const config = { auths, credHelpers: { "a.example.com": "own" }, credsStore: "default" };
    expect(await found(config, "a.example.com/app")).toBe("own:a.example.com");
    expect(await found(config, "b.example.com/app")).toBe("default:b.example.com");
    expect(await found({ auths, credHelpers: { "a.example.com": "own" } }, "b.example.com/app")).toBe(
      "file:secret",
    );
  });

  test("that know nothing leave it to the host's entry", async () => {
    const config = parseDockerConfig(
      JSON.stringify({ auths: { "a.example.com": entry("file") }, credsStore: "default" }),
      "config.json",
    );
    expect(plain(await config.find("a.example.com", "app", noHelper))).toBe("file:secret");
  });

  test("give way to an entry for a path", async () => {
    const config = {
      auths: { "a.example.com/team": entry("team") },
      credHelpers: { "a.example.com": "own" },
    };
    expect(await found(config, "a.example.com/team/app")).toBe("team:secret");
    expect(await found(config, "a.example.com/other")).toBe("own:a.example.com");
  });

  test("are switched off for a host by an empty name", async () => {
    const config = {
      auths: { "a.example.com": entry("file") },
      credHelpers: { "a.example.com": "" },
      credsStore: "x",
    };
    expect(await found(config, "a.example.com/app")).toBe("file:secret");
  });

  test("are asked for Docker Hub by the URL that docker login uses", async () => {
    for (const key of ["docker.io", "index.docker.io", "https://index.docker.io/v1/"]) {
      expect(await found({ credHelpers: { [key]: "hub" } }, "docker.io/library/app")).toBe(
        "hub:https://index.docker.io/v1/",
      );
    }
  });
});

describe("a file that is wrong", () => {
  test.each([
    ["broken JSON", '{\n  "auths": {\n    "a.example.com": { "auth": "c2VjcmV0" \n  }\n', "config.json:5:1"],
    ["a comma too many", '{\n  "auths": {},\n}', "config.json:3:1"],
    ["no JSON at all", "auth = c2VjcmV0", "config.json:1:1"],
    ["auths of the wrong type", '{\n  "auths": ["c2VjcmV0"]\n}', "config.json:2"],
    ["an entry of the wrong type", '{\n "auths": {\n  "a.example.com": "c2VjcmV0" } }', "config.json:3"],
    ["a list", '["c2VjcmV0"]', "config.json:1"],
  ])("%s is an error with its place, and repeats nothing of it", (_, json, where) => {
    let error: unknown;
    try {
      parseDockerConfig(json, "config.json");
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: "credential-source", where });
    expect(
      `${String(error)} ${JSON.stringify(error)} ${error instanceof Error ? error.stack : ""}`,
    ).not.toContain("c2VjcmV0");
    expect(error instanceof Error ? error.cause : error).toBeUndefined();
  });

  test.each(["", " \n", "{}", '{"auths":null,"credsStore":null}'])(
    "%j holds nothing, which is no error",
    async (json) => {
      expect(
        await parseDockerConfig(json, "config.json").find("a.example.com", "app", noHelper),
      ).toBeUndefined();
    },
  );
});
