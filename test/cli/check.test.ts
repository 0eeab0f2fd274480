import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { run } from "./captured.ts";

const digest = `sha256:${"a".repeat(64)}`;
const other = `sha256:${"b".repeat(64)}`;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let good: string;
let bad: string;

async function write(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}

beforeAll(async () => {
  folder = await temporaryFolder("check");
  good = join(folder.path, "good");
  bad = join(folder.path, "bad");
  const project = {
    name: "foo",
    source: "gcr.io/staging",
    destinations: ["us.gcr.io/prod", "eu.gcr.io/prod"],
  };
  await writeTree(good, [{ ...project, images: { foo: { [digest]: ["1.0", "1"] } } }]);
  await writeTree(bad, [{ ...project, images: { foo: { [digest]: ["1.0"], [other]: ["1.0"] } } }]);
});

afterAll(() => folder.remove());

describe("waybill check", () => {
  it("sums up what is right, and ends with 0", async () => {
    expect(await run("check", good)).toEqual({
      status: 0,
      stdout: "1 project, 1 image, 1 digest, 4 edges: 0 errors, 0 warnings, 0 notes\n",
      stderr: "",
    });
  });

  it("says which file of policies holds", async () => {
    const path = join(folder.path, "guarded");
    const project = { name: "foo", source: "gcr.io/staging", destinations: ["us.gcr.io/prod"] };
    await writeTree(path, [{ ...project, images: { foo: { [digest]: ["1.0"] } } }]);
    await write(
      join(path, "policy.yaml"),
      "signers: { ci: { key: ci } }\nrules: [{ name: signed, all: [{ signature: { by: [ci] } }] }]\n",
    );
    const { status, stdout } = await run("check", path);
    expect(status).toBe(0);
    expect(stdout).toContain(`\npolicies of ${join(path, "policy.yaml")} hold\n`);
    await write(join(path, "policy.yaml"), "rules: [{ name: signed, signature: { by: [nobody] } }]\n");
    const broken = await run("check", path);
    expect(broken.status).toBe(1);
    expect(broken.stdout).toContain(`\npolicies of ${join(path, "policy.yaml")} have errors: `);
  });

  it("holds policies against the settings that are named: their keys, and their own policies", async () => {
    const path = join(folder.path, "keyed");
    const project = { name: "foo", source: "gcr.io/staging", destinations: ["us.gcr.io/prod"] };
    await writeTree(path, [{ ...project, images: { foo: { [digest]: ["1.0"] } } }]);
    const policy = join(path, "policy.yaml");
    await write(
      policy,
      "signers: { build: { key: build.pub } }\nrules: [{ name: signed, all: [{ signature: { by: [build] } }] }]\n",
    );
    const settings = join(folder.path, "keyed.yaml");
    await write(settings, "trust: { policy: nosuch.yaml }\n");
    expect((await run("check", path)).status).toBe(0);
    const checked = await run("check", path, "--config", settings);
    expect(checked.status).toBe(1);
    expect(checked.stdout).toContain(`${policy}:1:19: error: no key is called build.pub`);
    expect(checked.stdout).toContain(
      `${join(folder.path, "nosuch.yaml")}: error: it cannot be read: no such file`,
    );
    const alone = await run("check", policy, "--config", settings);
    expect(alone.stdout).toContain(`${policy}:1:19: error: no key is called build.pub`);
  });

  it("tells files that the settings name and nobody can read, and identities that are no names", async () => {
    const file = join(folder.path, "named", "waybill.yaml");
    await write(
      file,
      [
        "trust:",
        "  trustedRoot: root.json",
        "  policy: nosuch.yaml",
        "  keys: { release: release.pub }",
        "  signers: { release: { key: nokey.key, signingConfig: config.json } }",
        "  sign: [{ signer: release, identity: 'x/{nam}' }]",
        "",
      ].join("\n"),
    );
    const { diagnostics } = JSON.parse((await run("check", file, "--json")).stdout);
    expect(
      diagnostics.map(({ at, message }: { at: { line: number; column: number }; message: string }) => [
        `${at.line}:${at.column}`,
        message,
      ]),
    ).toEqual([
      ["2:16", `${join(folder.path, "named/root.json")} cannot be read: there is no such file`],
      ["3:11", `${join(folder.path, "named/nosuch.yaml")} cannot be read: there is no such file`],
      ["4:20", `${join(folder.path, "named/release.pub")} cannot be read: there is no such file`],
      ["5:30", `${join(folder.path, "named/nokey.key")} cannot be read: there is no such file`],
      ["5:56", `${join(folder.path, "named/config.json")} cannot be read: there is no such file`],
      ["6:39", "x/{nam} is no name of an image"],
    ]);
  });

  it("prints findings as compilers do, with the places that belong to them, and ends with 1", async () => {
    const { status, stdout } = await run("check", `${bad}/`);
    const images = join(bad, "images/foo/images.yaml");
    expect(status).toBe(1);
    expect(stdout).toMatch(/images\.yaml:\d+:\d+: error: overlapping edges detected: .* \[overlap\]\n/);
    expect(stdout).toContain(`    ${images}:`);
    expect(stdout).toContain("    hint: keep the tag at one digest");
    expect(stdout).toMatch(/: 1 error, 0 warnings, 0 notes\n$/);
  });

  it.each([["--json"], ["--format", "json"]])("prints JSON with %s", async (...options) => {
    const { status, stdout } = await run("check", bad, ...options);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      format: "waybill-check/1",
      path: bad,
      counts: { projects: 1, edges: 4 },
      diagnostics: [{ code: "overlap", severity: "error", at: { line: expect.any(Number) } }],
    });
  });

  it.each([["--sarif"], ["--format", "sarif"]])("prints SARIF with %s", async (...options) => {
    const { status, stdout } = await run("check", bad, ...options);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      version: "2.1.0",
      runs: [{ results: [{ ruleId: "overlap", level: "error" }] }],
    });
  });

  it("reads a plain manifest where the path is a file", async () => {
    const file = join(folder.path, "plain.yaml");
    await write(
      file,
      [
        "registries:",
        "- {name: gcr.io/staging, src: true}",
        "- {name: us.gcr.io/prod}",
        "images:",
        "- name: foo",
        `  dmap: {"${digest}": ["1.10"]}`,
        "",
      ].join("\n"),
    );
    expect(await run("check", file)).toMatchObject({ status: 0, stdout: expect.stringContaining("1 edge:") });
  });

  it("says what is wrong with a directory that is none", async () => {
    const { status, stdout } = await run("check", join(folder.path, "nowhere"));
    expect(status).toBe(1);
    expect(stdout).toContain(": error: ");
  });

  it("prints no name of a folder as it is that could steer a terminal", async () => {
    const path = join(folder.path, "hostile");
    await write(join(path, "manifests/foo\u001b[2J\nerror: all is well/promoter-manifest.yaml"), "[");
    await mkdir(join(path, "images"), { recursive: true });
    const { status, stdout } = await run("check", path);
    expect(status).toBe(1);
    expect(stdout).toContain(
      "manifests/foo\\u{1b}[2J\\nerror: all is well/promoter-manifest.yaml:1:2: error: ",
    );
    expect(stdout).not.toContain("\u001b");
  });

  const files: readonly (readonly [kind: string, name: string, text: string, codes: readonly string[]])[] = [
    ["settings", "waybill.yaml", "hosts: { a.b: { retries: many } }\n", ["invalid-value"]],
    ["settings", "odd-name.yaml", "forges: { git.example.com: { knd: gitea } }\n", ["unknown-key"]],
    [
      "settings",
      "serve.yaml",
      "serve: { trustedProxies: [10.0.0.0/33], access: { anonymousReading: maybe, role: {} }, notifications: { rules: { a: {} } } }\n",
      ["invalid-value", "invalid-value", "missing-key", "unknown-key"],
    ],
    ["jobs", "push.yaml", "name: a\nrepo: https://example.com/a/b\n", ["missing-key"]],
    ["cloudbuild", "cloudbuild-arm64.yaml", "step: []\n", ["unknown-key", "missing-key"]],
    ["cloudbuild", "images.json", '{"steps": [{"name": "a", "timeout": "1h"}]}', ["invalid-value"]],
    [
      "cloudbuild",
      "gcb.yaml",
      "steps: [{ name: a, timeout: 1h }]\nimages: [gcr.io/a/b]\n",
      ["invalid-value"],
    ],
    ["owners", "OWNERS", "approvers: root\n", ["wrong-type"]],
    ["owners", "CODEOWNERS", "* nobody\n", ["invalid-owner"]],
    ["variants", "variants.yaml", "variants: {a: {config: x}}\n", ["invalid-value"]],
    ["policy", "policy.yaml", "rules: [{ name: a, sbom: { by: nobody } }]\n", ["unknown-signer"]],
    ["policy", "signers.yaml", "signers: {}\nexceptions: []\n", ["missing-key"]],
    ["cloudbuild", "broken.yaml", "steps:\n- name: [\n", ["yaml-syntax"]],
  ];

  it.each(files)("reads %s of %s, and says alike what is wrong", async (kind, name, text, codes) => {
    const file = join(folder.path, "files", name);
    await write(file, text);
    const json = await run("check", file, "--json");
    const { format, diagnostics, ...rest } = JSON.parse(json.stdout);
    expect({ format, ...rest }).toEqual({ format: "waybill-check/1", kind, path: file });
    expect(diagnostics.map(({ code }: { code: string }) => code).sort()).toEqual([...codes].sort());
    expect(diagnostics[0]).toMatchObject({
      file,
      at: { line: expect.any(Number), column: expect.any(Number) },
    });
    const plain = await run("check", file);
    expect(plain.stdout).toContain(`${file}:${diagnostics[0].at.line}:${diagnostics[0].at.column}: `);
    const { runs } = JSON.parse((await run("check", file, "--sarif")).stdout);
    const rules = runs[0].tool.driver.rules.map(({ id }: { id: string }) => id);
    for (const { ruleId, ruleIndex } of runs[0].results) expect(rules[ruleIndex]).toBe(ruleId);
  });

  it("ends with 0 for warnings, and for nothing wrong", async () => {
    const file = join(folder.path, "files", "good", "cloudbuild.yaml");
    await write(file, "steps: [{name: a, entryPoint: b}]\n");
    expect(await run("check", file)).toMatchObject({
      status: 0,
      stdout: expect.stringContaining("a Cloud Build file: 0 errors, 1 warning, 0 notes\n"),
    });
  });
});
