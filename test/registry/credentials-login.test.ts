import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import type { Credential } from "../../src/registry/credentials/credential.ts";
import { openCredentials } from "../../src/registry/credentials/credentials.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { outputOf } from "../support/child.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { hasProgram, testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";

/** The status with which the registry answers somebody who brings this credential, or none. */
async function status(host: string, credential: Credential | undefined): Promise<number> {
  const headers: Record<string, string> = {};
  if (credential?.kind === "basic") {
    const { username, password } = credential;
    headers.authorization = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  }
  return (await fetch(`http://${host}/v2/`, { headers })).status;
}

describe("what skopeo login stores", () => {
  const needed = ["skopeo", "docker-registry"] as const;
  const test = testWith(...needed);
  let registry: DockerRegistry;
  let home: Awaited<ReturnType<typeof temporaryFolder>>;

  beforeAll(async () => {
    if (!needed.every(hasProgram)) return;
    home = await temporaryFolder("login");
    registry = await startDockerRegistry({ users: { ann: "pass:of ann", team: "pass of team" } });
  });
  afterAll(async () => {
    await registry?.stop();
    await home?.remove();
  });

  const skopeoLogin = (user: string, password: string, place: string, environment: NodeJS.ProcessEnv) =>
    outputOf("skopeo", ["login", "--tls-verify=false", "-u", user, "-p", password, place], {
      PATH: process.env.PATH,
      HOME: home.path,
      ...environment,
    });

  test("opens the registry, from the file that REGISTRY_AUTH_FILE names", async () => {
    const environment = { REGISTRY_AUTH_FILE: join(home.path, "named.json") };
    await skopeoLogin("ann", "pass:of ann", registry.host, environment);
    expect(await readFile(environment.REGISTRY_AUTH_FILE, "utf8")).toContain(registry.host);
    const store = openCredentials({ settings: defaultSettings, environment, homeDir: home.path });
    const credential = await store.lookup(registry.host, "app");
    expect(await status(registry.host, undefined)).toBe(401);
    expect(await status(registry.host, credential)).toBe(200);
  });

  test("opens it from where skopeo puts it by itself", async () => {
    const environment = { XDG_RUNTIME_DIR: join(home.path, "run") };
    await mkdir(environment.XDG_RUNTIME_DIR);
    await skopeoLogin("ann", "pass:of ann", registry.host, environment);
    const store = openCredentials({ settings: defaultSettings, environment, homeDir: home.path });
    const credential = await store.lookup(registry.host, "app");
    expect(credential?.source).toBe("~/run/containers/auth.json");
    expect(await status(registry.host, credential)).toBe(200);
  });

  test("is told apart by path", async () => {
    const environment = { REGISTRY_AUTH_FILE: join(home.path, "paths.json") };
    await skopeoLogin("ann", "pass:of ann", registry.host, environment);
    await skopeoLogin("team", "pass of team", `${registry.host}/team`, environment);
    const store = openCredentials({ settings: defaultSettings, environment, homeDir: home.path });
    expect(await store.lookup(registry.host, "team/app")).toMatchObject({ username: "team" });
    expect(await store.lookup(registry.host, "teams")).toMatchObject({ username: "ann" });
  });
});
