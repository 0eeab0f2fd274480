import { generateKeyPairSync } from "node:crypto";
import { appendFile, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Descriptor, digestOf, parseRepository } from "../../src/oci/index.ts";
import { openSigner, type Signer, signatureStatement, statementBytes } from "../../src/signing/index.ts";
import { attachBundle, knownSigner, readAttachments } from "../../src/trust/index.ts";
import { privatePem } from "../signing/keys.ts";
import { signingServices } from "../signing/services.ts";
import { createRepository, gitEnvironment } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { writeTree } from "../support/tree.ts";
import { openWorld, type PromotionWorld } from "../support/world.ts";
import { type Captured, runWith } from "./captured.ts";

const promoted = "https://k8s.io/promo-tools/promotion/v1";
const signed = "https://sigstore.dev/cosign/sign/v1";

describe("signing by the settings", () => {
  let world: PromotionWorld;
  let signer: Signer;
  let image: Descriptor;
  let tree: string;

  beforeEach(async () => {
    world = await openWorld();
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const key = join(world.folder, "release.key");
    await writeFile(key, privatePem(privateKey));
    await writeFile(join(world.folder, "release.pub"), publicKey.export({ format: "pem", type: "spki" }));
    signer = openSigner("release", { key }, signingServices());
    image = (await world.stage("foo/app", "v1")).root.descriptor;
    tree = join(world.folder, "manifests");
    await writeTree(tree, [
      {
        name: "foo",
        source: `${world.staging.host}/foo`,
        destinations: [`${world.production.host}/eu`, `${world.production.host}/us`],
        images: { app: { [image.digest]: ["v1"] } },
      },
    ]);
    await settings("");
  });
  afterEach(() => world.close());

  const settings = (rule: string, more: readonly string[] = []) =>
    writeFile(
      join(world.folder, "waybill.yaml"),
      [
        "hosts:",
        `  "${world.production.host}": { retries: 0 }`,
        "trust:",
        ...more,
        "  signers:",
        "    release: { key: release.key }",
        "  sign:",
        `    - signer: release\n${rule.replaceAll(/^(?=.)/gm, "      ")}`,
      ].join("\n"),
    );
  const waybill = (...argv: string[]): Promise<Captured> =>
    runWith({ HOME: world.folder, WAYBILL_CONFIG: join(world.folder, "waybill.yaml") }, ...argv);
  const sigcheck = (...argv: string[]) => waybill("sigcheck", "--manifests", tree, ...argv);
  const repository = (name: string) =>
    world.registries.repository(parseRepository(`${world.production.host}/${name}`));
  const written = (since: number) =>
    world.production.seen.slice(since).filter(({ method }) => method !== "GET" && method !== "HEAD");
  /** What is verified to be by the signer of the settings, by its predicate type. */
  const saidBy = async (name: string): Promise<readonly unknown[]> => {
    const verifier = await knownSigner(signer).verifier();
    const { attachments } = await readAttachments(repository(name), image.digest, { verifier });
    return attachments
      .flatMap(({ readings }) => readings)
      .flatMap(({ signature: { state }, statement }) =>
        state === "verified" ? [statement?.predicateType] : [],
      );
  };

  it("promote signs, and writes nothing the second time", async () => {
    await settings("record: true");
    const first = await waybill("promote", tree, "--confirm", "--json");
    expect(first).toMatchObject({ status: 0 });
    expect(JSON.parse(first.stdout)).toMatchObject({ counts: { done: 6, failed: 0 } });
    expect([...(await saidBy("eu/app"))].sort()).toEqual([promoted, signed]);
    const before = world.production.seen.length;
    const second = await waybill("promote", tree, "--confirm", "--json");
    expect(JSON.parse(second.stdout)).toMatchObject({ counts: { done: 0, present: 6 } });
    expect(second.status).toBe(0);
    expect(written(before)).toEqual([]);
    expect(await sigcheck()).toMatchObject({ status: 0 });
  });

  testWith("git")("says in records which file of which commit asked for it", async () => {
    await settings("record: true");
    const checkout = await createRepository(join(world.folder, "checkout"));
    await checkout.git("remote", "add", "origin", "https://github.com/example/manifests");
    await rename(tree, join(checkout.path, "registry"));
    const commit = await checkout.commit();
    const record = async (name: string): Promise<unknown> => {
      const to = repository(name);
      const { attachments } = await readAttachments(to, image.digest, {
        verifier: await knownSigner(signer).verifier(),
      });
      const statements = attachments.flatMap(({ readings }) =>
        readings.flatMap(({ statement }) => statement ?? []),
      );
      return statements.find(({ predicateType }) => predicateType === promoted)?.predicate;
    };
    const promote = (...argv: string[]) =>
      runWith(
        { ...gitEnvironment, HOME: world.folder, WAYBILL_CONFIG: join(world.folder, "waybill.yaml") },
        ...["promote", join(checkout.path, "registry"), "--confirm", ...argv],
      );
    expect(await promote("--to", "*/eu/**")).toMatchObject({ status: 0 });
    expect(await record("eu/app")).toMatchObject({
      srcRef: `${world.staging.host}/foo/app@${image.digest}`,
      dstRef: `${world.production.host}/eu/app`,
      tags: ["v1"],
      manifest: {
        uri: "git+https://github.com/example/manifests",
        name: "registry/images/foo/images.yaml",
        digest: { gitCommit: commit },
      },
    });
    // Manifests that are not as they were committed are of no commit.
    await appendFile(join(checkout.path, "registry/images/foo/images.yaml"), "# more\n");
    expect(await promote()).toMatchObject({ status: 0 });
    expect(await record("us/app")).not.toHaveProperty("manifest.digest");
  });

  it("a plan says in its text all that is to be signed", async () => {
    await settings("layout: both\nrecord: true\nplatforms: true");
    const { stdout } = await waybill("plan", tree);
    expect(stdout).toContain(
      `${world.production.host}/eu/app@${image.digest.slice(0, 19)} and 1 more: ` +
        "signature by release (bundle, legacy) · record",
    );
    expect(stdout).toContain("\n8 to do\n");
  });

  it("promote --no-sign signs nothing", async () => {
    expect(await waybill("promote", tree, "--confirm", "--no-sign")).toMatchObject({ status: 0 });
    expect(await saidBy("eu/app")).toEqual([]);
  });

  describe("sigcheck", () => {
    beforeEach(async () => {
      expect(await waybill("promote", tree, "--confirm", "--no-sign")).toMatchObject({ status: 0 });
    });

    it("finds what is not signed, repairs it when told to, and finds nothing then", async () => {
      const before = world.production.seen.length;
      const found = await sigcheck();
      expect(found.status).toBe(2);
      expect(found.stdout).toContain(`${world.production.host}/eu/app@`);
      expect(found.stdout).toMatch(
        /^IMAGE +NOT SIGNED +ASKED FOR AT\n\S+\/eu\/app@sha256:\w{12} and 1 more +signature by release {2}\S+:\d+:\d+\n/,
      );
      expect(found.stdout).toContain("\n2 not signed\n");
      expect(found.stdout).not.toMatch(/pending|not begun|edges/);
      expect(found.stdout).toContain(`waybill sigcheck --manifests ${tree} --confirm\n`);
      expect(found.stdout).not.toContain("waybill promote");
      expect(written(before)).toEqual([]);
      const repaired = await sigcheck("--confirm");
      expect(repaired).toMatchObject({ status: 0 });
      expect(await saidBy("eu/app")).toEqual([signed]);
      expect(await saidBy("us/app")).toEqual([signed]);
      const after = world.production.seen.length;
      expect(await sigcheck()).toMatchObject({ status: 0 });
      expect(await sigcheck("--confirm")).toMatchObject({ status: 0 });
      expect(written(after)).toEqual([]);
    });

    it("and verify --signatures names what rules ask for", async () => {
      const verify = async () => {
        const { status, stdout } = await waybill("verify", tree, "--signatures", "--to", "*/eu/**", "--json");
        const { findings } = JSON.parse(stdout) as { findings: { kind: string; message: string }[] };
        return { status, said: findings.map(({ kind, message }) => `${kind}: ${message}`) };
      };
      await settings("record: true", ["  keys:", "    release: release.pub"]);
      const asked = "which a rule of trust.sign asks for";
      expect(await verify()).toEqual({
        status: 2,
        said: [
          "unsigned: nobody has signed it",
          `unsigned: it has no signature by release, ${asked}`,
          `unsigned: it has no record by release, ${asked}`,
        ],
      });
      expect(await sigcheck("--confirm")).toMatchObject({ status: 0 });
      expect(await verify()).toEqual({ status: 0, said: [] });
    });

    it("looks at one image that is named", async () => {
      const name = `${world.production.host}/eu/app:v1`;
      expect(await waybill("sigcheck", name)).toMatchObject({ status: 2 });
      expect(await waybill("sigcheck", name, "--confirm")).toMatchObject({ status: 0 });
      expect(await waybill("sigcheck", name)).toMatchObject({ status: 0 });
      expect(await saidBy("us/app")).toEqual([]);
      expect(await waybill("sigcheck", `${world.production.host}/eu/app:v2`)).toMatchObject({
        status: 1,
        stderr: expect.stringContaining("is not there"),
      });
    });

    it("says which file of settings the line that signs was given", async () => {
      const config = join(world.folder, "other.yaml");
      await writeFile(config, await readFile(join(world.folder, "waybill.yaml")));
      const { stdout } = await sigcheck("--config", config);
      expect(stdout).toContain(`waybill sigcheck --manifests ${tree} --config ${config} --confirm\n`);
    });

    it("looks for the summary of an image that is named, where manifests say that policies are about it", async () => {
      await settings("layout: both\nrecord: true\nsummary: release");
      await writeFile(
        join(tree, "policy.yaml"),
        "rules: [{ name: any, mode: warn, platforms: [linux/amd64] }]\n",
      );
      const name = `${world.production.host}/eu/app:v1`;
      const asked = (...argv: string[]) => waybill("sigcheck", name, ...argv);
      const both = `${world.production.host}/eu/app@${image.digest.slice(0, 19)}`;
      const found = await asked("--manifests", tree);
      expect(found.status).toBe(2);
      expect(found.stdout).toContain(both);
      expect(found.stdout).toContain("signature by release (bundle, legacy) · record · summary  ");
      expect(found.stdout).toContain("\n4 not signed\n");
      expect(await sigcheck("--confirm")).toMatchObject({ status: 0 });
      expect(await asked("--manifests", tree)).toMatchObject({ status: 0 });
      // Whoever does not name the manifests is not told that all is well.
      const unclaimed = await asked("--manifests", world.folder);
      expect(unclaimed.status).toBe(2);
      expect(unclaimed.stdout).toContain("nobody knows which policies are about it");
      expect(unclaimed.stdout).toContain("\n3 signed already, 1 unread\n");
      expect(unclaimed.stdout).not.toContain(":1:1");
      const told = JSON.parse((await asked("--manifests", world.folder, "--json")).stdout);
      expect(told).toMatchObject({
        asDesired: false,
        problems: [{ what: "summary", state: "unread", failure: { code: "policy-unreadable" } }],
      });
    });

    it("takes a false signature for none, and leaves it there", async () => {
      const bundle = await signer.bundle(statementBytes(signatureStatement({ digest: image.digest })));
      const other = digestOf(Buffer.from("another image"));
      const ofAnother = await signer.bundle(statementBytes(signatureStatement({ digest: other })));
      const text = Buffer.from(bundle).toString();
      const sig = /"sig":"([^"]+)"/.exec(text)?.[1] ?? "";
      const forged = text.replace(sig, Buffer.from(sig, "base64").fill(7, 20, 24).toString("base64"));
      for (const bytes of [Buffer.from(forged), Buffer.from("{"), Buffer.from(ofAnother)]) {
        await attachBundle(repository("eu/app"), image, bytes, signed);
      }
      const found = await sigcheck("--json", "--to", "*/eu/**");
      expect(found.status).toBe(2);
      expect(JSON.parse(found.stdout)).toMatchObject({
        problems: [{ kind: "signatures", what: "signature", why: "not signed: no signature by release" }],
      });
      expect(await sigcheck("--confirm")).toMatchObject({ status: 0 });
      expect(await saidBy("eu/app")).toEqual([signed]);
      expect(await repository("eu/app").referrers(image.digest)).toHaveLength(4);
    });

    it("takes what could not be read for neither, and signs nothing then", async () => {
      world.production.interfere((_, { pathname }) =>
        pathname.includes("/eu/app/referrers/") ? (response) => response.writeHead(403).end() : undefined,
      );
      const found = await sigcheck("--confirm", "--json");
      expect(found.status).toBe(2);
      expect(JSON.parse(found.stdout)).toMatchObject({
        counts: { done: 1, unread: 1 },
        problems: [{ state: "unread", failure: { code: "denied" } }],
      });
      world.production.interfere();
      expect(await saidBy("eu/app")).toEqual([]);
      expect(await saidBy("us/app")).toEqual([signed]);
    });

    it("says what is wrong with a rule, and with no rule at all", async () => {
      await writeFile(join(world.folder, "waybill.yaml"), "trust: {}\n");
      expect(await sigcheck()).toMatchObject({
        status: 1,
        stderr: expect.stringContaining("nothing says what is to be signed"),
      });
      expect(await sigcheck("--certificate-identity", "a@example.com")).toMatchObject({
        status: 1,
        stderr: expect.stringContaining("go together"),
      });
      const [identity, issuer] = ["a@example.com", "https://accounts.example.com"];
      expect(
        await sigcheck("--certificate-identity", identity, "--certificate-oidc-issuer", issuer),
      ).toMatchObject({
        status: 1,
        stderr: expect.stringMatching(/needs a trusted root.*\n.*trust\.trustedRoot/),
      });
      expect(await waybill("sigcheck", `${world.production.host}/eu/app:v1`, "--image", "app")).toMatchObject(
        {
          status: 1,
          stderr: expect.stringContaining("exclude each other"),
        },
      );
    });
  });
});
