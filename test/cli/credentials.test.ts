import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { type Digest, parseRepository, parseTag } from "../../src/oci/index.ts";
import { basicCredential, openRegistries } from "../../src/registry/index.ts";
import { defaultSettings } from "../../src/settings/index.ts";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { testWith } from "../support/programs.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { runWith } from "./captured.ts";

const users = { release: "correct-horse-battery" };
const encoded = Buffer.from(`release:${users.release}`).toString("base64");
const v1 = parseTag("v1");

async function filesBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

describe("promote with the credentials of Docker's configuration", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let staging: DockerRegistry;
  let production: DockerRegistry;
  let digest: Digest;

  beforeAll(async () => {
    folder = await temporaryFolder("credentials");
    [staging, production] = await Promise.all([
      startDockerRegistry({ users }),
      startDockerRegistry({ users }),
    ]);
    const lookup = async () => basicCredential("release", users.release, "a test");
    const registries = openRegistries({
      settings: defaultSettings,
      credentials: { lookup },
      environment: {},
    });
    const image = await buildImage("app", "v1");
    await pushImage(image, registries.repository(parseRepository(`${staging.host}/staging/app`)), [v1]);
    await registries.close();
    digest = image.root.descriptor.digest;
  });

  afterAll(async () => {
    await Promise.all([staging.stop(), production.stop()]);
    await folder.remove();
  });

  /** A tree of its own, an environment with this `config.json`, and a helper that answers and keeps a record. */
  async function prepare(name: string, config: object, answer: string) {
    const tree = join(folder.path, name);
    const destinations = [`${production.host}/${name}`];
    const images = { app: { [digest]: ["v1"] } };
    await writeTree(tree, [{ name: "apps", source: `${staging.host}/staging`, destinations, images }]);
    await mkdir(join(tree, "docker"), { recursive: true });
    await writeFile(join(tree, "docker", "config.json"), JSON.stringify(config));
    const helper = join(tree, "docker-credential-vault");
    const record = join(tree, "asked");
    await writeFile(helper, `#!/bin/sh\necho "$1 $(cat)" >> '${record}'\n${answer}\n`, { mode: 0o755 });
    const env = { HOME: tree, DOCKER_CONFIG: join(tree, "docker"), PATH: `${tree}:${process.env.PATH}` };
    return { tree, env, asked: () => readFile(record, "utf8") };
  }

  const secrets = [users.release, encoded];

  testWith("docker-registry")(
    "asks a credential helper once for each host, and neither prints nor records a password",
    async () => {
      const helpers = { [staging.host]: "vault", [production.host]: "vault" };
      const answer = `printf '{"Username":"release","Secret":"${users.release}"}'`;
      const { tree, env, asked } = await prepare("helped", { credHelpers: helpers }, answer);
      const reports = ["--report", join(tree, "report.json"), "--junit", join(tree, "junit.xml")];
      const records = join(folder.path, "records");
      const line = ["promote", tree, "--confirm", "--verbose", `--record=${records}`];
      const promoted = await runWith(env, ...line, ...reports);
      expect(promoted).toMatchObject({ status: 0 });
      const source = "docker-credential-vault, named in ~/docker/config.json";
      expect(promoted.stderr).toContain(`${production.host}: the credential is from ${source}\n`);
      const lines = (await asked()).trim().split("\n").sort();
      expect(lines).toEqual([staging.host, production.host].map((host) => `get ${host}`).sort());
      expect(await runWith(env, "verify", tree)).toMatchObject({ status: 0 });
      const recorded = await filesBelow(records);
      expect(recorded.length).toBeGreaterThan(5);
      const files = [reports[1] ?? "", reports[3] ?? "", ...recorded];
      const written = await Promise.all(files.map((file) => readFile(file, "utf8")));
      for (const text of [promoted.stdout, promoted.stderr, ...written]) {
        for (const secret of secrets) expect(text).not.toContain(secret);
      }
    },
  );

  testWith("docker-registry")("says whose credentials were refused, and not what they are", async () => {
    const auths = {
      [staging.host]: { auth: encoded },
      [production.host]: { auth: Buffer.from("release:a-wrong-password").toString("base64") },
    };
    const { tree, env } = await prepare("refused", { auths }, "exit 1");
    const records = join(folder.path, "refused-records");
    const line = ["promote", tree, "--confirm", "--verbose", `--record=${records}`];
    const promoted = await runWith(env, ...line);
    expect(promoted.status).toBe(2);
    const recorded = await Promise.all((await filesBelow(records)).map((file) => readFile(file, "utf8")));
    expect(recorded.join("")).toContain("refused the credentials");
    const output = promoted.stdout + promoted.stderr + recorded.join("");
    expect(output).toContain("refused the credentials from ~/docker/config.json");
    for (const secret of [...secrets, "a-wrong-password"]) expect(output).not.toContain(secret);
  });

  testWith("docker-registry")("says what a helper that fails has said", async () => {
    const config = { credHelpers: { [staging.host]: "vault", [production.host]: "vault" } };
    const { tree, env } = await prepare("failing", config, 'echo "the vault is sealed" >&2; exit 1');
    const promoted = await runWith(env, "promote", tree, "--confirm");
    expect(promoted.status).toBe(2);
    expect(promoted.stdout + promoted.stderr).toContain("the vault is sealed");
  });
});
