import { chmod, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { withLogin } from "../../src/registry/credentials/login-file.ts";
import { type LoginOptions, logIn, loginAttempt, logOut, openCredentials } from "../../src/registry/index.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { outputOf } from "../support/child.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { hasProgram, testWith } from "../support/programs.ts";
import { answer, startScriptedServer } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";

const password = "pass:of ann";
const auth = Buffer.from(`ann:${password}`).toString("base64");

let home: Awaited<ReturnType<typeof temporaryFolder>>;
let environment: NodeJS.ProcessEnv;
beforeEach(async () => {
  home = await temporaryFolder("login");
  environment = { HOME: home.path, PATH: `${home.path}:${process.env.PATH}` };
});
afterEach(() => home.remove());

const optionsOf = (attempt?: LoginOptions["attempt"]): LoginOptions => ({
  settings: defaultSettings,
  environment,
  attempt: attempt ?? loginAttempt({ settings: defaultSettings, environment }),
});
const accepted = optionsOf.bind(undefined, async () => true);
const file = (name: string) => join(home.path, name);
const config = async (text: string): Promise<void> => {
  await mkdir(file(".docker"), { recursive: true });
  await writeFile(file(".docker/config.json"), text, { mode: 0o644 });
};
const written = async () => JSON.parse(await readFile(file(".docker/config.json"), "utf8"));
const lookup = (host: string) =>
  openCredentials({ settings: defaultSettings, environment }).lookup(host, "app");

/** A helper that keeps what it is given in a file, and writes down what it is asked. */
async function helper(name: string, script: string): Promise<void> {
  const path = file(`docker-credential-${name}`);
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
}

describe("a login at a real registry", () => {
  let registry: DockerRegistry;
  beforeAll(async () => {
    if (hasProgram("docker-registry")) registry = await startDockerRegistry({ users: { ann: password } });
  });
  afterAll(() => registry?.stop());
  const real = testWith("docker-registry");

  real("is tried, kept in Docker's file for its owner alone, and found again", async () => {
    const kept = await logIn({ host: registry.host, username: "ann", password }, optionsOf());
    expect(kept).toEqual({
      host: registry.host,
      ...{ isTried: true, isPlain: true, keptIn: "~/.docker/config.json", hiddenBy: undefined },
    });
    expect(await written()).toEqual({ auths: { [registry.host]: { auth } } });
    expect((await stat(file(".docker/config.json"))).mode & 0o777).toBe(0o600);
    expect((await stat(file(".docker"))).mode & 0o777).toBe(0o700);
    expect(await readdir(file(".docker"))).toEqual(["config.json"]);
    expect(await lookup(registry.host)).toMatchObject({ username: "ann" });
  });

  real("that is refused is not kept, and is not repeated", async () => {
    const attempt = logIn({ host: registry.host, username: "ann", password: "wrong-horse" }, optionsOf());
    const error = await attempt.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "unauthorized", hint: expect.stringContaining("nothing was kept") });
    expect(String((error as Error).stack) + JSON.stringify(error)).not.toContain("wrong-horse");
    await expect(stat(file(".docker"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  testWith("docker-registry", "skopeo")("is one that skopeo goes in with, and out again", async () => {
    environment.REGISTRY_AUTH_FILE = file("auth.json");
    await logIn({ host: registry.host, username: "ann", password }, optionsOf());
    expect((await outputOf("skopeo", ["login", "--get-login", registry.host], environment)).trim()).toBe(
      "ann",
    );
    await outputOf("skopeo", ["logout", registry.host], environment);
    expect(await logOut(registry.host, optionsOf())).toMatchObject({ from: [] });
  });
});

describe("a registry", () => {
  test("that lets everybody in has not tried the login", async () => {
    const server = await startScriptedServer((_, response) => answer(response, 200, {}, "{}"));
    const kept = await logIn({ host: server.host, username: "ann", password }, optionsOf());
    expect(kept.isTried).toBe(false);
    expect(server.seen.map(({ authorization }) => authorization)).toEqual([undefined]);
    await server.close();
  });

  test("that sends us to somebody else for a token gets no password there", async () => {
    const server = await startScriptedServer((_, response) =>
      answer(response, 401, { "www-authenticate": 'Bearer realm="https://tokens.example.org/token"' }),
    );
    await expect(logIn({ host: server.host, username: "ann", password }, optionsOf())).rejects.toMatchObject({
      code: "unsafe-realm",
    });
    await expect(stat(file(".docker"))).rejects.toMatchObject({ code: "ENOENT" });
    await server.close();
  });

  test.each([404, 500])("that answers %i is none, and nothing is kept", async (status) => {
    const server = await startScriptedServer((_, response) => answer(response, status, {}, "<html>"));
    const settings = { ...defaultSettings, hosts: { [server.host]: { retries: 0 } } };
    const attempt = loginAttempt({ settings, environment });
    await expect(
      logIn({ host: server.host, username: "ann", password }, optionsOf(attempt)),
    ).rejects.toThrow();
    await expect(stat(file(".docker"))).rejects.toMatchObject({ code: "ENOENT" });
    await server.close();
  });

  test("that shows a page is none, and nothing is kept", async () => {
    const page = { "content-type": "text/html; charset=utf-8" };
    const server = await startScriptedServer((_, response) => answer(response, 200, page, "<html>"));
    await expect(logIn({ host: server.host, username: "ann", password }, optionsOf())).rejects.toMatchObject({
      code: "unexpected-response",
    });
    await expect(stat(file(".docker"))).rejects.toMatchObject({ code: "ENOENT" });
    await server.close();
  });

  test.each(["registry", "ann:pw@registry.example.com", "registry.example.com/team", ""])(
    "is not what %j names",
    async (host) => {
      const error = await logIn({ host, username: "ann", password }, accepted()).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({ code: "credential-source" });
      expect(JSON.stringify(error)).not.toContain("pw");
    },
  );
});

describe("the file", () => {
  const login = { host: "https://Registry.example.com/", username: "ann", password };

  test("keeps everything else that is in it, as it is", async () => {
    const before = {
      auths: {
        "https://registry.example.com": { auth: "b2xk", email: "a@b" },
        other: {},
        "a.b/c": { auth: "eDp5" },
      },
      credHelpers: { "gcr.io": "gcloud" },
      HttpHeaders: { "X-Meta": "1" },
      "a key that nobody knows": [1, { deep: null }],
    };
    await config(JSON.stringify(before, undefined, 3));
    expect(await logIn(login, accepted())).toMatchObject({ keptIn: "~/.docker/config.json" });
    const { auths, ...others } = before;
    expect(await written()).toEqual({
      auths: { other: {}, "a.b/c": auths["a.b/c"], "registry.example.com": { email: "a@b", auth } },
      ...others,
    });
    expect(await readFile(file(".docker/config.json"), "utf8")).toMatch(/^\{\n {3}"auths"/);
    expect((await stat(file(".docker/config.json"))).mode & 0o777).toBe(0o600);
    expect(await logOut("registry.example.com", accepted())).toEqual({
      ...{ host: "registry.example.com", from: ["~/.docker/config.json"], remaining: undefined },
    });
    expect((await written()).auths).toEqual({ other: {}, "a.b/c": auths["a.b/c"] });
    expect(await logOut("registry.example.com", accepted())).toMatchObject({ from: [] });
  });

  test.each([
    [
      "numbers and doubled keys",
      '{\n  "big": 12345678901234567890, "a": 1,  "a": 1.0,\n  "10": [ ],\n  "auths": {"é": {}, "é":{}},\n  "z":"\\u00e9\\/"\n}',
      '{\n  "big": 12345678901234567890, "a": 1,  "a": 1.0,\n  "10": [ ],\n  "auths": {"é": {}, "é":{},"registry.example.com": {\n      "auth": "$"\n    }},\n  "z":"\\u00e9\\/"\n}',
    ],
    [
      "one line",
      '{"auths":{"https://registry.example.com/v1/":{"auth":"b2xk","n":1e400},"other":{}},"x":0}\n',
      '{"auths":{"other":{},"registry.example.com":{"n":1e400,"auth":"$"}},"x":0}\n',
    ],
    [
      "the same host twice, and nothing else",
      '{"auths": {"registry.example.com": {"auth": "b2xk"}, "registry.example.com": null}}',
      '{"auths": {"registry.example.com":{"auth":"$"}}}',
    ],
    ["null", '{ "auths": null }', '{ "auths": {"registry.example.com":{"auth":"$"}} }'],
    ["no auths", '{"x": 0}', '{"x": 0,"auths":{"registry.example.com":{"auth":"$"}}}'],
    [
      "the line ends of Windows",
      '{\r\n  "auths": {\r\n    "other": {}\r\n  }\r\n}\r\n',
      '{\r\n  "auths": {\r\n    "other": {},\r\n    "registry.example.com": {\r\n      "auth": "$"\r\n    }\r\n  }\r\n}\r\n',
    ],
    ["nothing", " ", '{\n\t"auths": {\n\t\t"registry.example.com": {\n\t\t\t"auth": "$"\n\t\t}\n\t}\n}\n'],
  ])("keeps every other byte: %s", async (_, before, after) => {
    await config(before);
    await logIn(login, accepted());
    expect(await readFile(file(".docker/config.json"), "utf8")).toBe(after.replace("$", auth));
    await logOut("registry.example.com", accepted());
    expect(await readFile(file(".docker/config.json"), "utf8")).not.toContain("registry.example.com");
  });

  test("that has auths twice is refused, by a dry run as well", async () => {
    const before = '{"auths": {}, "auths": {}}';
    await config(before);
    for (const dryRun of [true, false]) {
      await expect(logIn(login, { ...accepted(), dryRun })).rejects.toMatchObject({
        ...{ code: "credential-source", where: "~/.docker/config.json:1" },
      });
    }
    expect(await readFile(file(".docker/config.json"), "utf8")).toBe(before);
  });

  test("may be a link, which stays one, also to a file that is not there yet", async () => {
    await mkdir(file("dotfiles"));
    await mkdir(file(".docker"));
    await symlink("../dotfiles/docker.json", file(".docker/config.json"));
    await logIn(login, accepted());
    await logIn({ ...login, host: "other.example.com" }, accepted());
    expect(await readlink(file(".docker/config.json"))).toBe("../dotfiles/docker.json");
    expect(Object.keys((await written()).auths)).toEqual(["registry.example.com", "other.example.com"]);
    expect((await stat(file("dotfiles/docker.json"))).mode & 0o777).toBe(0o600);
  });

  test("loses none of the logins that are written at the same time", async () => {
    const hosts = Array.from({ length: 8 }, (_, at) => `r${at}.example.com`);
    await Promise.all(hosts.map((host) => logIn({ ...login, host }, accepted())));
    expect(Object.keys((await written()).auths).sort()).toEqual(hosts);
  });

  test.each([
    "{",
    '{"auths": {}, "auths": {}}',
    '{"auths": []}',
    '{"auths": {"a.b": 1}}',
    '{"credsStore": 1}',
  ])("that is none, %s, is left as it is", async (text) => {
    await config(text);
    await expect(logIn(login, accepted())).rejects.toMatchObject({ code: "credential-source" });
    expect(await readFile(file(".docker/config.json"), "utf8")).toBe(text);
  });

  test("is no folder", async () => {
    await mkdir(file(".docker/config.json"), { recursive: true });
    await expect(logIn(login, accepted())).rejects.toMatchObject({ code: "credential-source" });
  });

  test("is not what counts where something goes before it, which is said", async () => {
    environment.DOCKER_AUTH_CONFIG = JSON.stringify({ auths: { "registry.example.com": { auth: "eDp5" } } });
    expect(await logIn(login, accepted())).toMatchObject({ hiddenBy: "DOCKER_AUTH_CONFIG" });
    expect(await logOut(login.host, accepted())).toMatchObject({ remaining: "DOCKER_AUTH_CONFIG" });
  });

  test("has Docker Hub under the name that Docker looks for", () => {
    const text = withLogin('{"auths":{"docker.io":{"auth":"b2xk"}}}', "it", "docker.io", {
      key: "https://index.docker.io/v1/",
      auth,
    });
    expect(JSON.parse(text ?? "")).toEqual({ auths: { "https://index.docker.io/v1/": { auth } } });
  });
});

describe("a credential helper", () => {
  const login = { host: "registry.example.com", username: "ann", password };
  const keeping = [
    'case "$1" in',
    'store) cat >"$HOME/kept";;',
    'get) test -f "$HOME/kept" || { echo "credentials not found in native keychain"; exit 1; }; cat "$HOME/kept";;',
    'erase) rm "$HOME/kept"; cat >"$HOME/erased";;',
    "esac",
  ].join("\n");

  test.each([
    ["credsStore", { credsStore: "vault" }],
    ["credHelpers", { credHelpers: { "registry.example.com": "vault" }, credsStore: "other" }],
  ])("of %s keeps the secret in place of the file, and forgets it", async (_, settings) => {
    await helper("vault", keeping);
    await config(
      JSON.stringify({ ...settings, auths: { "registry.example.com": { auth: "b2xkOm9sZA==" } } }),
    );
    expect(await logIn(login, accepted())).toEqual({
      host: "registry.example.com",
      ...{ isTried: true, isPlain: false, hiddenBy: undefined },
      keptIn: "docker-credential-vault, named in ~/.docker/config.json",
    });
    const kept = JSON.parse(await readFile(file("kept"), "utf8"));
    expect(kept).toEqual({ ServerURL: "registry.example.com", Username: "ann", Secret: password });
    expect(await written()).toEqual({ ...settings, auths: { "registry.example.com": {} } });
    const { from, remaining } = await logOut(login.host, accepted());
    expect(from[0]).toBe("docker-credential-vault, named in ~/.docker/config.json");
    expect(remaining).toBeUndefined();
    expect(await readFile(file("erased"), "utf8")).toBe("registry.example.com");
    expect(await logOut(login.host, accepted())).toMatchObject({ from: [] });
  });

  test("that is not there keeps nothing, and the file neither", async () => {
    await config('{"credsStore": "gone"}');
    await expect(logIn(login, accepted())).rejects.toMatchObject({ code: "credential-helper" });
    expect(await written()).toEqual({ credsStore: "gone" });
  });

  test("is not given what the file then cannot follow", async () => {
    await helper("vault", keeping);
    await config('{"credsStore": "vault", "auths": {"registry.example.com": {"auth": "b2xkOm9sZA=="}}}');
    await mkdir(file(".docker/config.json.waybill-lock"));
    await expect(logIn(login, accepted())).rejects.toMatchObject({ code: "credential-source" });
    await expect(stat(file("kept"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("keeps it once, though another program writes the file meanwhile", async () => {
    await helper("vault", `${keeping}\ntest "$1" = get || echo >>"$HOME/.docker/config.json"`);
    await config('{"credsStore": "vault", "auths": {"registry.example.com": {"auth": "b2xkOm9sZA=="}}}');
    expect(await logIn(login, accepted())).toMatchObject({ isPlain: false });
    expect(await written()).toEqual({ credsStore: "vault", auths: { "registry.example.com": {} } });
  });

  test("that has it when the file is lost at the last step is named", async () => {
    await helper("vault", `${keeping}\nrm "$HOME/.docker/config.json"; mkdir "$HOME/.docker/config.json"`);
    await config('{"credsStore": "vault", "auths": {"registry.example.com": {"auth": "b2xkOm9sZA=="}}}');
    await expect(logIn(login, accepted())).rejects.toMatchObject({
      message: expect.stringContaining("the login is kept, but an earlier one"),
      where: "docker-credential-vault, named in ~/.docker/config.json",
    });
    expect(await readFile(file("kept"), "utf8")).toContain(password);
  });

  test("that repeats the secret when it fails is not repeated", async () => {
    await helper("loud", 'input=$(cat); echo "cannot keep $input for ann, $input" >&2; exit 3');
    await config('{"credsStore": "loud"}');
    const error = await logIn(login, accepted()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: "credential-helper",
      message: expect.stringContaining("exit code 3"),
    });
    expect((error as Error).message).not.toContain(password);
    expect((error as Error).message).not.toContain(auth);
    expect(await written()).toEqual({ credsStore: "loud" });
  });

  test("that hangs is ended when its time is over", async () => {
    await helper("asleep", "exec sleep 600");
    await config('{"credsStore": "asleep"}');
    await expect(logIn(login, { ...accepted(), helperMilliseconds: 50 })).rejects.toMatchObject({
      code: "credential-helper",
      message: expect.stringContaining("gave no answer within 0.05 seconds"),
    });
  });
});
