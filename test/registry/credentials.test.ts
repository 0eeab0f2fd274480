import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { inspect } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  basicCredential,
  type Credential,
  identityToken,
  registryToken,
} from "../../src/registry/credentials/credential.ts";
import { openCredentials } from "../../src/registry/credentials/credentials.ts";
import type { CredentialRule } from "../../src/settings/index.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "waybill-credentials-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function put(path: string, content: string | object): Promise<string> {
  const file = join(home, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

const login = (user: string, key = "registry.example.com") => ({
  auths: { [key]: { auth: Buffer.from(`${user}:secret`).toString("base64") } },
});

function open(environment: NodeJS.ProcessEnv = {}, credentials: readonly CredentialRule[] = []) {
  // Without this variable the machine's own /run/containers would be read.
  const runtime = { XDG_RUNTIME_DIR: join(home, "run") };
  return openCredentials({
    settings: { credentials },
    environment: { ...runtime, ...environment },
    homeDir: home,
  });
}

const nameOf = (credential: Credential | undefined) =>
  credential?.kind === "basic" ? credential.username : credential?.kind;

describe("the first source that has a credential gives it", () => {
  const sources: [name: string, place: (user: string) => Promise<NodeJS.ProcessEnv>, source: () => string][] =
    [
      [
        "REGISTRY_AUTH_FILE",
        async (user) => ({ REGISTRY_AUTH_FILE: await put("named/auth.json", login(user)) }),
        () => join(home, "named/auth.json"),
      ],
      [
        "DOCKER_AUTH_CONFIG",
        async (user) => ({ DOCKER_AUTH_CONFIG: JSON.stringify(login(user)) }),
        () => "DOCKER_AUTH_CONFIG",
      ],
      [
        "~/.docker",
        async (user) => {
          await put(".docker/config.json", login(user));
          return {};
        },
        () => "~/.docker/config.json",
      ],
      [
        "XDG_RUNTIME_DIR",
        async (user) => {
          await put("run/containers/auth.json", login(user));
          return {};
        },
        () => "~/run/containers/auth.json",
      ],
      [
        "~/.config",
        async (user) => {
          await put(".config/containers/auth.json", login(user));
          return {};
        },
        () => "~/.config/containers/auth.json",
      ],
    ];

  test.each(sources.map(([name], at) => [name, at] as const))("%s before those after it", async (_, at) => {
    const environment: NodeJS.ProcessEnv = {};
    for (const [name, place] of sources.slice(at)) Object.assign(environment, await place(name));
    const credential = await open(environment).lookup("registry.example.com", "app");
    expect(nameOf(credential)).toBe(sources[at]?.[0]);
    expect(credential?.source).toBe(sources[at]?.[2]());
  });

  test("a rule of waybill.yaml before all, and anonymous ends the search", async () => {
    const environment = { REGISTRY_AUTH_FILE: await put("auth.json", login("file")), PW: "env secret" };
    const rules: CredentialRule[] = [
      { repository: "registry.example.com", anonymous: true, where: "waybill.yaml:2" },
      {
        repository: "registry.example.com/team",
        username: "robot",
        passwordEnv: "PW",
        where: "waybill.yaml:3",
      },
    ];
    const store = open(environment, rules);
    expect(await store.lookup("registry.example.com", "app")).toBeUndefined();
    expect(nameOf(await store.lookup("registry.example.com", "team/app"))).toBe("robot");
    expect((await store.lookup("registry.example.com", "team/app"))?.source).toBe("waybill.yaml:3");
    expect(nameOf(await open(environment).lookup("registry.example.com", "app"))).toBe("file");
  });

  test("and when none has one, access is anonymous", async () => {
    expect(await open().lookup("registry.example.com", "app")).toBeUndefined();
    await put(".docker/config.json", {
      auths: { "registry.example.com": {} },
      HttpHeaders: { "User-Agent": "x" },
    });
    await put(".config/containers/auth.json", "");
    expect(await open().lookup("registry.example.com", "app")).toBeUndefined();
  });

  test("DOCKER_CONFIG stands for ~/.docker, XDG_CONFIG_HOME for ~/.config", async () => {
    await put(".docker/config.json", login("default"));
    await put(".config/containers/auth.json", login("default"));
    await put("docker/config.json", login("named"));
    await put("config/containers/auth.json", login("other", "other.example.com"));
    const store = open({ DOCKER_CONFIG: join(home, "docker"), XDG_CONFIG_HOME: join(home, "config") });
    expect(nameOf(await store.lookup("registry.example.com", "app"))).toBe("named");
    expect(nameOf(await store.lookup("other.example.com", "app"))).toBe("other");
  });

  test("all names of Docker Hub are one host", async () => {
    await put(".docker/config.json", login("hub", "https://index.docker.io/v1/"));
    for (const host of ["docker.io", "index.docker.io", "registry-1.docker.io"]) {
      expect(nameOf(await open().lookup(host, "library/app"))).toBe("hub");
    }
    const rules: CredentialRule[] = [{ repository: "index.docker.io/library", anonymous: true }];
    expect(await open({}, rules).lookup("docker.io", "library/app")).toBeUndefined();
  });
});

describe("a source that cannot be read is an error, not anonymous access", () => {
  test.each([
    ["broken JSON", "{", "~/.docker/config.json:1:2"],
    ["a folder", undefined, "~/.docker/config.json"],
    ["bytes that are no text", "\u0000", "~/.docker/config.json:1:1"],
  ])("%s", async (_, content, where) => {
    if (content === undefined) await mkdir(join(home, ".docker/config.json"), { recursive: true });
    else await put(".docker/config.json", content);
    await expect(open().lookup("registry.example.com", "app")).rejects.toMatchObject({
      code: "credential-source",
      where,
    });
  });

  test("a file that REGISTRY_AUTH_FILE names and that is not there", async () => {
    const file = join(home, "none.json");
    await expect(open({ REGISTRY_AUTH_FILE: file }).lookup("a.b", "app")).rejects.toMatchObject({
      code: "credential-source",
      where: file,
    });
  });

  test("but only once it is needed", async () => {
    await put(".docker/config.json", "{");
    const store = open({ DOCKER_AUTH_CONFIG: JSON.stringify(login("me")) });
    expect(nameOf(await store.lookup("registry.example.com", "app"))).toBe("me");
    await expect(store.lookup("other.example.com", "app")).rejects.toMatchObject({
      code: "credential-source",
    });
  });

  test("DOCKER_AUTH_CONFIG that is no JSON, of which nothing is repeated", async () => {
    const error = await open({ DOCKER_AUTH_CONFIG: '{"auths": c2VjcmV0}' })
      .lookup("a.b", "app")
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "credential-source", where: "DOCKER_AUTH_CONFIG:1:11" });
    expect(inspect(error)).not.toContain("c2VjcmV0");
  });
});

describe("a rule of waybill.yaml", () => {
  const rule = (rest: Partial<CredentialRule>) => [
    { repository: "registry.example.com", username: "robot", where: "waybill.yaml:7", ...rest },
  ];

  test("reads the password from a file, without its last line break", async () => {
    for (const [content, password] of [
      ["pw\n", "pw"],
      ["pw\r\n", "pw"],
      ["pw", "pw"],
      [" p w \n\n", " p w \n"],
    ] as const) {
      const passwordFile = await put("password", content);
      const credential = await open({}, rule({ passwordFile })).lookup("registry.example.com", "app");
      expect(credential?.kind === "basic" && credential.password).toBe(password);
    }
  });

  test("whose password is missing is an error that says where it should be", async () => {
    const passwordFile = join(home, "password");
    await expect(
      open({}, rule({ passwordFile })).lookup("registry.example.com", "app"),
    ).rejects.toMatchObject({
      code: "credential-source",
      message: `the password file ${passwordFile} does not exist`,
      where: "waybill.yaml:7",
    });
    await put("password", "\n");
    await expect(
      open({}, rule({ passwordFile })).lookup("registry.example.com", "app"),
    ).rejects.toMatchObject({
      message: `the password file ${passwordFile} is empty`,
    });
    await expect(
      open({}, rule({ passwordEnv: "NOT_SET" })).lookup("registry.example.com", "app"),
    ).rejects.toMatchObject({ message: "the variable NOT_SET is not set", where: "waybill.yaml:7" });
  });

  test("never meets a host that only starts like its own", async () => {
    const store = open({ PW: "secret" }, rule({ passwordEnv: "PW" }));
    for (const host of [
      "registry.example.com.evil.org",
      "registry.example.com:5000",
      "registry.example.co",
    ]) {
      expect(await store.lookup(host, "app")).toBeUndefined();
    }
  });

  test("asks the helper it names, and a helper that knows nothing leaves it to the next source", async () => {
    const file = await put("bin/docker-credential-mine", "#!/bin/sh\necho credentials not found; exit 1\n");
    await chmod(file, 0o755);
    await put(".docker/config.json", login("file"));
    const rules = [{ repository: "registry.example.com", helper: "mine", where: "waybill.yaml:7" }];
    const environment = { PATH: `${dirname(file)}:${process.env.PATH}` };
    expect(nameOf(await open(environment, rules).lookup("registry.example.com", "app"))).toBe("file");
    await put("bin/docker-credential-mine", '#!/bin/sh\necho \'{"Username":"helped","Secret":"pw"}\'\n');
    const credential = await open(environment, rules).lookup("registry.example.com", "app");
    expect(nameOf(credential)).toBe("helped");
    expect(credential?.source).toBe("docker-credential-mine, named in waybill.yaml:7");
  });
});

describe("a credential", () => {
  test.each([
    ["basic", basicCredential("me", "hunter2", "config.json")],
    ["identity token", identityToken("hunter2", "config.json")],
    ["registry token", registryToken("hunter2", "config.json")],
  ])("of kind %s shows its secret to nobody who prints or copies it", (_, credential) => {
    const prints = [
      inspect(credential, { showHidden: true, depth: 9 }),
      inspect({ nested: [credential] }, { showHidden: true, depth: 9 }),
      JSON.stringify({ nested: [credential] }),
      JSON.stringify({ ...credential }),
      JSON.stringify(Object.entries(credential)),
      JSON.stringify(structuredClone(credential)),
      String(credential),
    ];
    for (const print of prints) expect(print).not.toContain("hunter2");
    expect(inspect(credential)).toContain("[redacted]");
    expect(JSON.stringify(credential)).toContain("[redacted]");
    expect(inspect(credential)).toContain("config.json");
    expect(credential.kind === "basic" ? credential.password : credential.token).toBe("hunter2");
  });
});

test("a rule with an open host is for all hosts below, where no rule names one, and the nearest counts", async () => {
  const rule = (repository: string, username: string): CredentialRule => ({
    ...{ repository, username, passwordEnv: "PASSWORD" },
  });
  const store = open({ PASSWORD: "secret" }, [
    rule("*.example.com", "all"),
    rule("*.eu.example.com", "eu"),
    rule("*.eu.example.com/team", "team"),
    rule("one.eu.example.com/other", "one"),
  ]);
  const found = async (host: string, path: string) => nameOf(await store.lookup(host, path));
  expect(await found("a.example.com", "app")).toBe("all");
  expect(await found("a.b.example.com", "app")).toBe("all");
  expect(await found("a.eu.example.com", "app")).toBe("eu");
  expect(await found("a.eu.example.com", "team/app")).toBe("team");
  expect(await found("one.eu.example.com", "other/app")).toBe("one");
  expect(await found("one.eu.example.com", "team/app")).toBe("team");
  expect(await found("example.com", "app")).toBeUndefined();
  expect(await found("a.example.com:5000", "app")).toBeUndefined();
  expect(await found("a.badexample.com", "app")).toBeUndefined();
});

test("a password that is kept elsewhere is read by its reference", async () => {
  const rule: CredentialRule = {
    repository: "registry.example.com",
    username: "bot",
    passwordFrom: "env:PASSWORD",
  };
  expect(await open({ PASSWORD: "secret" }, [rule]).lookup("registry.example.com", "app")).toMatchObject({
    ...{ username: "bot", password: "secret" },
  });
  const missing: CredentialRule = {
    ...rule,
    passwordFrom: "vault:registry#password",
    where: "waybill.yaml:4",
  };
  await expect(open({}, [missing]).lookup("registry.example.com", "app")).rejects.toMatchObject({
    ...{ code: "credential-source", where: "waybill.yaml:4" },
    message: expect.stringContaining("there is no manager of secrets"),
  });
});
