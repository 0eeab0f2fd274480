import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { type Descriptor, parseRepository, parseTag } from "../../src/oci/index.ts";
import { attachStatement, type Statement, slsaStatement } from "../../src/provenance/index.ts";
import type { Registries } from "../../src/registry/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { openSigner } from "../../src/signing/index.ts";
import { attachBundle } from "../../src/trust/index.ts";
import { privatePem } from "../signing/keys.ts";
import { signingServices } from "../signing/services.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { run } from "./captured.ts";

const controlCharacter = String.fromCharCode(27);
const commit = "9afb85e".padEnd(40, "0");

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let staging: RegistryServer;
let production: RegistryServer;
let registries: Registries;

beforeAll(async () => {
  folder = await temporaryFolder("inspect-provenance");
  staging = await startRegistryServer({ dir: `${folder.path}/staging` });
  production = await startRegistryServer({
    dir: `${folder.path}/production`,
    behavior: { referrers: false },
  });
  registries = registriesWith();
});

afterAll(async () => {
  await registries.close();
  await Promise.all([staging.close(), production.close()]);
  await folder.remove();
});

async function push(name: string): Promise<Descriptor> {
  const image = await buildImage(name.split("/").at(-1) ?? "", name);
  await pushImage(image, registries.repository(parseRepository(name)), [parseTag("v1")]);
  return image.root.descriptor;
}

function statementAbout({ digest }: Descriptor): Statement {
  return slsaStatement({
    subjects: [{ name: "app", digest }],
    source: { repository: "https://github.com/cncf/apisnoop", commit, isDirty: false },
    config: "apps/snoopdb/cloudbuild.yaml",
    substitutions: { _GIT_TAG: "v20210421-9afb85e", _ODD: `${controlCharacter}[31mred` },
    engine: "buildah",
    images: [{ name: "gcr.io/cloud-builders/docker", digest }],
    run: { job: "push-app", id: "12" },
    version: "0.1.0",
    startedAt: new Date("2021-04-21T21:08:53Z"),
    finishedAt: new Date("2021-04-21T21:14:20Z"),
  });
}

async function attach(name: string, subject: Descriptor): Promise<Statement> {
  const statement = statementAbout(subject);
  await attachStatement(registries.repository(parseRepository(name)), subject, statement);
  return statement;
}

describe("inspect --provenance", () => {
  it("shows what built an image, and that nothing was verified", async () => {
    const name = `${staging.address}/foo/app`;
    const subject = await push(name);
    const statement = await attach(name, subject);
    const { status, stdout } = await run("inspect", "--provenance", `${name}:v1`);
    expect(status).toBe(0);
    expect(stdout.split("\n").map((line) => line.replace(/ {2,}/, " | "))).toEqual([
      `image | ${name}@${subject.digest}`,
      `source | git+https://github.com/cncf/apisnoop@${commit}`,
      `commit | ${commit}`,
      "config | apps/snoopdb/cloudbuild.yaml",
      "builder | pkg:generic/waybill",
      "build type | pkg:generic/waybill#cloudbuild/v1",
      "run | push-app/12",
      "started | 2021-04-21T21:08:53Z",
      "finished | 2021-04-21T21:14:20Z",
      "substitutions | _GIT_TAG=v20210421-9afb85e",
      expect.stringMatching(/^ \| _ODD=.*red$/),
      `materials | docker://gcr.io/cloud-builders/docker ${subject.digest}`,
      expect.stringContaining(`attached to | ${subject.digest}, as its referrer sha256:`),
      `subject | ${subject.digest} (the same)`,
      expect.stringContaining("verified | no: "),
      "",
    ]);
    expect(stdout).not.toContain(controlCharacter);
    const json = JSON.parse((await run("inspect", "--provenance", `${name}:v1`, "--json")).stdout);
    expect(json).toMatchObject({
      format: "waybill-provenance/1",
      repository: name,
      digest: subject.digest,
      verified: false,
      about: "image",
      provenance: { commit, run: "push-app/12", subject: subject.digest },
    });
    const raw = await run("inspect", "--provenance", "--raw", `${name}@${subject.digest}`);
    expect(JSON.parse(raw.stdout)).toEqual(statement);
  });

  it("says who signed it, where the settings believe the signer, as merge does", async () => {
    const name = `${staging.address}/signed/app`;
    const subject = await push(name);
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const [key, pub] = [`${folder.path}/release.key`, `${folder.path}/release.pub`];
    await writeFile(key, privatePem(privateKey));
    await writeFile(pub, publicKey.export({ format: "pem", type: "spki" }));
    const config = `${folder.path}/waybill.yaml`;
    await writeFile(config, `trust: {keys: {release: ${pub}}}\n`);
    const signer = await openSigner("release", { key }, signingServices({}));
    const statement = statementAbout(subject);
    const bundle = await signer.bundle(Buffer.from(JSON.stringify(statement)));
    const repository = registries.repository(parseRepository(name));
    await attachBundle(repository, subject, bundle, statement.predicateType);
    const shown = await run("inspect", "--provenance", `${name}:v1`, "--config", config);
    expect(shown.stdout).toMatch(/\nverified +yes: signed by the key release\n$/);
    const json = await run("inspect", "--provenance", `${name}:v1`, "--json", "--config", config);
    expect(JSON.parse(json.stdout)).toMatchObject({ verified: true, verifiedBy: "the key release" });
    const stranger = await run("inspect", "--provenance", `${name}:v1`);
    expect(stranger.stdout).toMatch(/\nverified +no: /);

    const tree = `${folder.path}/signed-tree`;
    await writeTree(tree, [
      {
        name: "signed",
        source: `${staging.address}/signed`,
        destinations: [`${production.address}/s`],
        images: {},
      },
    ]);
    const merged = await run("merge", tree, "--project", "signed", "--tag", "v1", "--config", config);
    expect(merged.stdout).toContain("by run push-app/12, verified: signed by the key release)\n");
  });

  it("ends with 2 when nothing is attached, and says where it may be", async () => {
    const name = `${staging.address}/foo/bare`;
    await push(name);
    const { status, stdout, stderr } = await run("inspect", "--provenance", `${name}:v1`);
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    expect(stderr).toContain("no provenance is attached");
    expect(stderr).toContain("--manifests DIR");
    const json = await run("inspect", "--provenance", `${name}:v1`, "--json");
    expect(json.status).toBe(2);
    expect(JSON.parse(json.stdout)).toMatchObject({ format: "waybill-provenance/1", provenance: null });
    expect(await run("inspect", "--provenance", `${name}:v2`)).toMatchObject({ status: 1 });
  });

  it("follows an image of production to where the manifests promote it from", async () => {
    const source = `${staging.address}/team/app`;
    const destination = `${production.address}/k8s/eu`;
    const subject = await push(source);
    await attach(source, subject);
    await push(`${destination}/app`);
    const image = await buildImage("app", source);
    await pushImage(image, registries.repository(parseRepository(`${destination}/app`)), [parseTag("v1")]);
    const tree = `${folder.path}/tree`;
    await writeTree(tree, [
      {
        name: "other",
        source: `${staging.address}/other`,
        destinations: [`${production.address}/x`],
        images: {},
      },
      {
        name: "team",
        source: `${staging.address}/team`,
        destinations: [destination],
        images: { app: { [subject.digest]: ["v1"] } },
      },
    ]);
    const found = await run("inspect", `${destination}/app:v1`, "--manifests", tree);
    expect(found.status).toBe(0);
    expect(found.stdout).toContain(`promoted from  ${source} (team)`);
    expect(found.stdout).toContain(commit);
    const json = await run("inspect", `${destination}/app:v1`, "--manifests", tree, "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({ promotedFrom: { project: "team", repository: source } });

    const elsewhere = `${production.address}/elsewhere/app`;
    await push(elsewhere);
    const none = await run("inspect", `${elsewhere}:v1`, "--manifests", tree);
    expect(none.status).toBe(2);
    expect(none.stderr).toContain("has a destination that holds");
  });
});
