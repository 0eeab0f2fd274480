import { generateKeyPairSync } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { buildImage, type DemoImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { runWith } from "./captured.ts";

describe("bundles on the command line", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: RegistryServer;
  let one: DemoImage;
  let two: DemoImage;
  const registries = registriesWith();

  beforeAll(async () => {
    folder = await temporaryFolder("bundle-cli");
    server = await startRegistryServer({ dir: join(folder.path, "registry") });
    [one, two] = [await buildImage("app", "v1"), await buildImage("app", "v2")];
    const push = (image: DemoImage, path: string, ...tags: string[]) =>
      pushImage(
        image,
        registries.repository(parseRepository(`${server.address}/${path}`)),
        tags.map(parseTag),
      );
    await push(one, "production/app", "v1");
    await push(two, "staging/app", "v2");
    await writeTree(file("tree"), [
      {
        name: "apps",
        source: `${server.address}/staging`,
        destinations: [`${server.address}/production`],
        images: { app: { [digestOf(one)]: ["v1"], [digestOf(two)]: ["v2"] } },
      },
    ]);
    await writeFile(file("tree/policy.yaml"), policyWith("reports", "vex.json"));
    await mkdir(file("tree/reports"));
    await writeFile(file("tree/reports/one.json"), '{"a":"scan"}');
    await writeFile(file("tree/reports/notes.md"), "not read by a policy");
    await writeFile(file("tree/vex.json"), '{"vex":[]}');
    await writeFile(
      file("root.json"),
      JSON.stringify({ mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1" }),
    );
    await writeFile(file("release.pub"), `whoever may sign releases\n${release.publicKey}`);
    await writeFile(
      file("waybill.yaml"),
      "trust:\n  trustedRoot: root.json\n  keys:\n    release: release.pub\n",
    );
  });
  afterAll(async () => {
    await registries.close();
    await server.close();
    await folder.remove();
  });

  const release = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const policyWith = (reports: string, vex: string) =>
    `rules:\n  - name: scanned\n    mode: require\n    vulnerabilities: { below: critical, reports: [${reports}], vex: [${vex}] }\n`;
  const file = (name: string) => join(folder.path, name);
  const waybill = (...line: string[]) => runWith({ HOME: folder.path }, ...line);
  const digestOf = ({ root }: DemoImage) => root.descriptor.digest;
  const create = (...line: string[]) => waybill("bundle", "create", "--out", ...line);
  const load = (...line: string[]) => waybill("bundle", "load", ...line);

  test("take images by name, and bring them below another registry", async () => {
    const from = `${server.address}/production/app:v1`;
    const dry = await create(file("named.tar"), from, "--dry-run");
    expect(dry).toMatchObject({ status: 0, stdout: expect.stringContaining(`would take ${from}`) });
    await expect(readFile(file("named.tar"))).rejects.toMatchObject({ code: "ENOENT" });
    const made = await create(file("named.tar"), from);
    expect(made).toMatchObject({ status: 0, stdout: expect.stringContaining(`took ${from}`) });
    const [digest] = /sha256:[0-9a-f]{64}(?= is what it lists)/.exec(made.stdout) ?? [];
    const loaded = await load(file("named.tar"), "--to", `${server.address}/inside`);
    expect(loaded.status).toBe(0);
    expect(loaded.stdout).toBe(
      `put ${server.address}/inside/production/app:v1 ${digestOf(one)}\n${digest} is what the file lists\n`,
    );
    const into = await load(file("named.tar"), "--to", `oci:${file("layouts")}`, "--json");
    expect(JSON.parse(into.stdout)).toMatchObject({
      digest,
      images: [{ result: "put", destination: `oci:${file("layouts/production/app")}` }],
    });
  });

  test("are not made where no image can be had", async () => {
    const line = ["--manifests", file("tree"), "--tag", "v2"];
    const made = await create(file("nothing.tar"), ...line);
    expect(made).toMatchObject({ status: 1, stderr: expect.stringContaining("no file was made") });
    expect(made.stdout).toMatch(/^missing .*\n$/);
    await expect(readFile(file("nothing.tar"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  test("take what manifests ask for from production, with what it is verified by", async () => {
    const config = ["--config", file("waybill.yaml")];
    const made = await create(file("asked.tar"), "--manifests", file("tree"), ...config);
    expect(made.status).toBe(2);
    expect(made.stdout).toContain(`took ${server.address}/production/app:v1 ${digestOf(one)}\n`);
    expect(made.stdout).toContain(`missing ${server.address}/production/app:v2`);
    expect(made.stdout).toContain("1 image and 8 files");
    const staged = await create(
      ...[file("staged.tar"), "--manifests", file("tree"), "--staging", "--tag", "v2", "--json"],
    );
    expect(JSON.parse(staged.stdout)).toMatchObject({
      images: [{ repository: `${server.address}/production/app`, tags: ["v2"], result: "bundled" }],
    });
    for (const said of ["wrote", "already there:"]) {
      const line = ["--to", `${server.address}/there`, "--files", file("trust")];
      const loaded = await load(file("asked.tar"), ...line);
      expect(loaded.status).toBe(0);
      expect(loaded.stdout).toContain(`${said} ${file("trust/tree/policy.yaml")}\n`);
    }
    expect(JSON.parse(await readFile(file("trust/waybill.yaml"), "utf8"))).toEqual({
      trust: { trustedRoot: "trusted_root.json", keys: { release: "keys/release.pem" } },
      locations: [{ repository: server.address, at: `${server.address}/there` }],
    });
    const located = `${JSON.stringify({ locations: [{ repository: server.address, at: `${server.address}/there` }] })}\n`;
    await writeFile(file("located.yaml"), located);
    const seen = await waybill(
      ...["verify", file("trust/tree"), "--tag", "v1", "--config", file("located.yaml"), "--json"],
    );
    expect(seen.status).toBe(0);
    expect(await readFile(file("trust/tree/policy.yaml"), "utf8")).toBe(policyWith("reports", "vex.json"));
    expect(await readFile(file("trust/tree/reports/one.json"), "utf8")).toBe('{"a":"scan"}');
    expect(await readFile(file("trust/tree/vex.json"), "utf8")).toBe('{"vex":[]}');
    expect(await readFile(file("trust/keys/release.pem"), "utf8")).toBe(release.publicKey);
    expect(await readFile(file("trust/tree/images/apps/images.yaml"), "utf8")).toContain(digestOf(two));
    await writeFile(file("trust/keys/release.pem"), "B key");
    expect(
      await load(file("asked.tar"), "--to", `${server.address}/there`, "--files", file("trust")),
    ).toMatchObject({ status: 1, stderr: expect.stringContaining("another file has this name") });
  });

  test("take no file that is not what the settings call it, and say so", async () => {
    await writeFile(file("private.pem"), release.privateKey);
    await writeFile(file("two.pem"), `${release.publicKey}${release.privateKey}`);
    await writeFile(file("letter.txt"), "a letter");
    await writeFile(file("no-report.yaml"), policyWith("letter.txt", "root.json"));
    const from = `${server.address}/production/app:v1`;
    const refused = async (trust: object): Promise<string> => {
      await writeFile(file("refused.yaml"), JSON.stringify({ trust }));
      const made = await create(file("refused.tar"), from, "--config", file("refused.yaml"));
      expect(made).toMatchObject({ status: 1, stdout: "" });
      for (const name of ["refused.tar", "refused.tar.part"])
        await expect(readFile(file(name))).rejects.toMatchObject({ code: "ENOENT" });
      return made.stderr;
    };
    expect(await refused({ keys: { release: "private.pem" } })).toContain("it is a private key");
    expect(await refused({ keys: { release: "two.pem" } })).toContain("there is more than one key in it");
    expect(await refused({ keys: { release: "letter.txt" } })).toContain("there is no PEM in it");
    expect(await refused({ trustedRoot: "private.pem" })).toContain("private.pem");
    expect(await refused({ policy: "private.pem" })).toContain("it is no policy that holds");
    expect(await refused({ policy: "no-report.yaml" })).toContain("the policy names it, and it is not JSON");
  });

  test("carry a policy of the settings with what it names beside it", async () => {
    await writeFile(file("org.yaml"), policyWith("tree/reports", "tree/vex.json"));
    await writeFile(file("org-settings.yaml"), JSON.stringify({ trust: { policy: "org.yaml" } }));
    const from = `${server.address}/production/app:v1`;
    expect(await create(file("org.tar"), from, "--config", file("org-settings.yaml"))).toMatchObject({
      status: 0,
    });
    const line = ["--to", `oci:${file("org-images")}`, "--files", file("org")];
    expect(await load(file("org.tar"), ...line)).toMatchObject({ status: 0 });
    expect(JSON.parse(await readFile(file("org/waybill.yaml"), "utf8"))).toMatchObject({
      trust: { policy: "policy/policy.yaml" },
    });
    expect(await readFile(file("org/policy/tree/vex.json"), "utf8")).toBe('{"vex":[]}');
    expect(await readFile(file("org/policy/tree/reports/one.json"), "utf8")).toBe('{"a":"scan"}');
  });

  test("are not made of nothing, or of both, and not read of what is none", async () => {
    expect(await create(file("x.tar"))).toMatchObject({ status: 1 });
    expect(await create(file("x.tar"), `${server.address}/a:v1`, "--manifests", ".")).toMatchObject({
      status: 1,
    });
    expect(await create(file("x.tar"), `${server.address}/a:v1`, "--project", "a")).toMatchObject({
      status: 1,
    });
    expect(await load(file("root.json"))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("it is no tar archive"),
    });
    expect(await load(file("none.tar"))).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("there is no such file"),
    });
  });
});
