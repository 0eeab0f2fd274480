import { mkdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from "vitest";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { hasProgram, testWith } from "../support/programs.ts";
import { temporaryFolder } from "../support/tree.ts";
import { typeAnswers } from "../support/typist.ts";
import { runFed, runWith } from "./captured.ts";

const password = "correct horse: battery";
const auth = Buffer.from(`ann:${password}`).toString("base64");

describe("login and logout", () => {
  let registry: DockerRegistry;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let env: Record<string, string>;
  beforeAll(async () => {
    if (hasProgram("docker-registry")) registry = await startDockerRegistry({ users: { ann: password } });
  });
  afterAll(() => registry?.stop());
  beforeEach(async () => {
    folder = await temporaryFolder("cli-login");
    env = { HOME: folder.path, PATH: process.env.PATH ?? "" };
  });
  afterEach(() => folder.remove());

  const config = () => readFile(join(folder.path, ".docker", "config.json"), "utf8");
  const fed = (text: string, ...line: string[]) => runFed(env, Readable.from([text]), ...line);
  const test = testWith("docker-registry");

  test("take the password from standard input, and say where it is kept", async () => {
    const line = ["login", registry.host, "--username", "ann", "--password-stdin"];
    const dry = await fed(`${password}\n`, ...line, "--dry-run", "--json");
    expect(JSON.parse(dry.stdout)).toMatchObject({ host: registry.host, isTried: true, dryRun: true });
    await expect(config()).rejects.toMatchObject({ code: "ENOENT" });
    const done = await fed(`${password}\r\n`, ...line, "--trace");
    expect(done).toMatchObject({
      status: 0,
      stdout: `logged in to ${registry.host}: kept in ~/.docker/config.json\n`,
    });
    expect(done.stderr).toContain("warning: whoever can read ~/.docker/config.json can read the password");
    expect(done.stderr).toContain("> authorization: Basic [redacted]");
    for (const secret of [password, auth]) expect(done.stdout + done.stderr).not.toContain(secret);
    expect(JSON.parse(await config())).toEqual({ auths: { [registry.host]: { auth } } });
    expect((await runWith(env, "ls", registry.host)).status).toBe(0);
    expect(await runWith(env, "logout", registry.host, "--dry-run")).toMatchObject({
      status: 0,
      stdout: `would forget the login to ${registry.host}: it was kept in ~/.docker/config.json\n`,
    });
    expect((await runWith(env, "registry", "logout", registry.host)).stdout).toMatch(/^forgot the login/);
    expect((await runWith(env, "ls", registry.host)).status).toBe(1);
    expect((await runWith(env, "logout", registry.host)).stdout).toBe(
      `there was no login to ${registry.host}\n`,
    );
  });

  test("keep nothing that is refused", async () => {
    const { status, stdout, stderr } = await fed(
      "wrong horse",
      "login",
      registry.host,
      "-u",
      "ann",
      "--password-stdin",
    );
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect(stderr).toContain("this user name and password are refused");
    expect(stderr).not.toContain("wrong horse");
    await expect(stat(join(folder.path, ".docker"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("say what goes before them", async () => {
    const inline = {
      ...env,
      DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [registry.host]: { auth: "eDp5" } } }),
    };
    const input = Readable.from([password]);
    const line = ["login", registry.host, "-u", "ann", "--password-stdin"];
    const { status, stderr } = await runFed(inline, input, ...line);
    expect(status).toBe(2);
    expect(stderr).toContain("DOCKER_AUTH_CONFIG goes before it");
    expect(await runWith(inline, "logout", registry.host)).toMatchObject({ status: 2 });
  });

  test("ask nobody where nobody sits, and take no password from there that was not given", async () => {
    const host = registry.host;
    const refusals = [
      await runWith(env, "login", host, "-u", "ann"),
      await fed(password, "login", host, "--password-stdin"),
      await fed("\n", "login", host, "-u", "ann", "--password-stdin"),
      await runWith(env, "login", host, "-u", "ann", "--password-stdin"),
      await fed("x".repeat(70_000), "login", host, "-u", "ann", "--password-stdin"),
      await fed(password, "login", "not a host", "-u", "ann", "--password-stdin"),
    ];
    expect(refusals.map(({ status }) => status)).toEqual(refusals.map(() => 1));
    expect(refusals[0]?.stderr).toContain(`waybill login ${host} --username NAME --password-stdin <FILE`);
  });

  testWith("docker-registry", "python3")("ask whoever sits at a terminal, and show no password", async () => {
    const questions = [
      ["User name for", "ann\r"],
      ["Password or token for", `${password}\r`],
    ] as const;
    const done = await typeAnswers(["login", registry.host], env, questions);
    expect(done).toMatchObject({ status: 0, said: expect.stringContaining("logged in to") });
    expect(done.said).not.toContain("horse");
    expect(JSON.parse(await config())).toEqual({ auths: { [registry.host]: { auth } } });
    await mkdir(join(folder.path, "other"));
    const elsewhere = { ...env, HOME: join(folder.path, "other") };
    env = elsewhere;
    const givenUp = await typeAnswers(["login", registry.host, "-u", "ann"], env, [
      ["Password or token for", "\u0003"],
    ]);
    expect(givenUp.status).toBe(130);
    expect(givenUp.said).toContain("the question was not answered");
  });
});
