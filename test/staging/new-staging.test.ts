import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { checkManifests } from "../../src/check/index.ts";
import type { DestinationSet } from "../../src/settings/index.ts";
import { type NewStagingOptions, newStaging, StagingError } from "../../src/staging/index.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";

const account = "promoter@k8s-artifacts-prod.example.com";
const k8s: DestinationSet = {
  source: "gcr.io/k8s-staging-{name}",
  folder: "k8s-staging-{name}",
  registries: [
    { name: "us.gcr.io/k8s-artifacts-prod/{name}", serviceAccount: account },
    { name: "eu.gcr.io/k8s-artifacts-prod/{name}" },
  ],
};
const mirrors: DestinationSet = { registries: [{ name: "mirror.example.com/{name}" }] };

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
let directory: string;
beforeEach(async () => {
  temporary = await temporaryFolder("staging");
  directory = temporary.path;
});
afterEach(() => temporary.remove());

const make = (options: Partial<NewStagingOptions> = {}) =>
  newStaging({ name: "apisnoop", directory, sets: { k8s }, ...options });
const refusal = (options: Partial<NewStagingOptions> = {}): Promise<StagingError> =>
  make(options).then(
    () => {
      throw new Error("it was made");
    },
    (thrown: unknown) => {
      if (thrown instanceof StagingError) return thrown;
      throw thrown;
    },
  );
const filesBelow = async () =>
  (await readdir(directory, { recursive: true, withFileTypes: true }))
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name).slice(directory.length + 1))
    .sort();

describe("a new project", () => {
  test("has its files, as the old tools have them, and nothing is wrong with them", async () => {
    const made = await make({ owners: ["hh", "@BobyMCbobs", "hh", "1337", "null", "sig-testing"] });
    expect(made).toMatchObject({
      project: "k8s-staging-apisnoop",
      set: "k8s",
      source: "gcr.io/k8s-staging-apisnoop",
      destinations: ["us.gcr.io/k8s-artifacts-prod/apisnoop", "eu.gcr.io/k8s-artifacts-prod/apisnoop"],
      written: true,
      diagnostics: [],
      warnings: [],
    });
    expect(await filesBelow()).toEqual([
      "images/k8s-staging-apisnoop/OWNERS",
      "images/k8s-staging-apisnoop/images.yaml",
      "manifests/k8s-staging-apisnoop/promoter-manifest.yaml",
    ]);
    for (const { path, text } of made.files) expect(await readFile(path, "utf8")).toBe(text);
    expect(made.files.map(({ text }) => text)).toEqual([
      "# Images that are promoted: their digests, and the tags of each.\n",
      'approvers:\n- hh\n- BobyMCbobs\n- "1337"\n- "null"\n- sig-testing\n',
      [
        "registries:",
        "- name: gcr.io/k8s-staging-apisnoop",
        "  src: true",
        "- name: us.gcr.io/k8s-artifacts-prod/apisnoop",
        `  service-account: ${account}`,
        "- name: eu.gcr.io/k8s-artifacts-prod/apisnoop",
        "",
      ].join("\n"),
    ]);
    expect((await checkManifests(directory)).diagnostics).toEqual([]);
  });

  test("is only shown in a dry run", async () => {
    const shown = await make({ dryRun: true });
    expect(shown).toMatchObject({ written: false, project: "k8s-staging-apisnoop" });
    expect(shown.files).toHaveLength(2);
    expect(await filesBelow()).toEqual([]);
    expect(await make()).toEqual({ ...shown, written: true });
  });

  test("is named by what the set says, and staged where somebody says", async () => {
    const made = await make({ sets: { k8s, mirrors }, set: "mirrors", source: "ghcr.io/team/staging/" });
    expect(made).toMatchObject({
      project: "apisnoop",
      source: "ghcr.io/team/staging",
      destinations: ["mirror.example.com/apisnoop"],
    });
  });
});

describe("a project is refused", () => {
  test.each([
    ["", "invalid-name"],
    ["API", "invalid-name"],
    ["-a", "invalid-name"],
    ["a/b", "invalid-name"],
    ["..", "invalid-name"],
    ["a\nb", "invalid-name"],
    ["a".repeat(64), "invalid-name"],
  ])("by the name %j", async (name, code) => {
    expect((await refusal({ name, sets: { mirrors }, source: "gcr.io/foo/bar" })).code).toBe(code);
  });

  test("when Google Cloud could not have its project", async () => {
    expect(await refusal({ name: "a23456789012345678x" })).toMatchObject({
      code: "invalid-name",
      message:
        "gcr.io/k8s-staging-a23456789012345678x would be in a project with 31 characters; Google Cloud has 30 at most",
      hint: "a name with 18 characters fits",
    });
    expect(await make({ name: "a23456789012345678" })).toMatchObject({ written: true });
    const shared = { ...k8s, source: "us-central1-docker.pkg.dev/k8s-staging-images/{name}" };
    expect(await make({ name: "a23456789012345678x", sets: { shared } })).toMatchObject({ written: true });
    const short = { ...k8s, source: "eu.gcr.io/{name}/staging" };
    expect((await refusal({ name: "1", sets: { short } })).code).toBe("invalid-name");
  });

  test("without a set that somebody could mean", async () => {
    const hintOf = async (options: Partial<NewStagingOptions>) => {
      const { code, hint } = await refusal(options);
      expect(code).toBe("unknown-destinations");
      return hint;
    };
    expect(await hintOf({ sets: {} })).toContain("under destinations in waybill.yaml");
    expect(await hintOf({ sets: { k8s, mirrors } })).toBe(
      "name one with --destinations: the settings have k8s, mirrors",
    );
    expect(await hintOf({ set: "k9s" })).toBe("did you mean k8s?");
    expect(await hintOf({ set: "constructor" })).toBe("the settings have k8s");
    expect((await refusal({ sets: { mirrors } })).code).toBe("no-source");
  });

  test.each(["", "two words", "a: b", "-x", "a\nb"])("with the approver %j", async (owner) => {
    expect((await refusal({ owners: [owner] })).code).toBe("invalid-owner");
  });

  test.each(["https://gcr.io/foo", "no host", "gcr.io/Foo", "us.gcr.io/k8s-artifacts-prod/apisnoop", "a\nb"])(
    "with the source %j",
    async (source) => {
      expect((await refusal({ source })).code).toBe("invalid-registry");
      expect(await filesBelow()).toEqual([]);
    },
  );

  test("where it has files already, also links", async () => {
    const [images, manifests] = ["images", "manifests"].map((kind) =>
      join(directory, kind, "k8s-staging-apisnoop"),
    );
    await mkdir(String(manifests), { recursive: true });
    await symlink("nowhere", join(String(manifests), "promoter-manifest.yaml"));
    expect(await refusal()).toMatchObject({
      code: "already-there",
      where: join(String(manifests), "promoter-manifest.yaml"),
    });
    expect(await readdir(directory)).toEqual(["manifests"]);
    await mkdir(String(images), { recursive: true });
    await writeFile(join(String(images), "OWNERS"), "mine");
    await refusal({ owners: ["hh"] });
    expect(await readFile(join(String(images), "OWNERS"), "utf8")).toBe("mine");
  });

  test("where there is no directory", async () => {
    expect((await refusal({ directory: join(directory, "none") })).code).toBe("not-a-directory");
    await writeFile(join(directory, "plain.yaml"), "registries: []\n");
    expect((await refusal({ directory: join(directory, "plain.yaml") })).code).toBe("not-a-directory");
  });

  test("when it cannot be written, and leaves nothing", async () => {
    await writeFile(join(directory, "manifests"), "");
    expect((await refusal()).code).toBe("write-failed");
    expect(await readdir(directory)).toEqual(["manifests"]);
  });
});

describe("registries of other projects", () => {
  const other = {
    name: "the-other",
    source: "gcr.io/k8s-staging-other",
    destinations: ["us.gcr.io/k8s-artifacts-prod/other", "eu.gcr.io/k8s-artifacts-prod"],
    images: {
      app: { [`sha256:${"a".repeat(64)}`]: ["v1"] },
      "nested/app": { [`sha256:${"b".repeat(64)}`]: [] },
    },
  };
  beforeEach(() => writeTree(directory, [other]));
  const manifest = (line: number) =>
    `${join(directory, "manifests/the-other/promoter-manifest.yaml")}:${line}`;

  test.each([
    ["a source", { source: "gcr.io/k8s-staging-other" }, 2],
    ["a destination as the source", { source: "us.gcr.io/k8s-artifacts-prod/other" }, 4],
    ["a source as a destination", { name: "k8s-staging-other", to: "gcr.io/{name}" }, 2],
    ["a destination", { name: "other", source: "ghcr.io/a/b" }, 4],
  ])(
    "are left alone: %s",
    async (_, { to, ...options }: { to?: string; name?: string; source?: string }, line) => {
      const set = to === undefined ? k8s : { registries: [{ name: to }], source: "ghcr.io/a/{name}" };
      const { code, where } = await refusal({ sets: { set }, ...options });
      expect(code).toBe("taken");
      expect(where?.startsWith(manifest(line))).toBe(true);
    },
  );

  test("are left alone: repositories that another project has below them", async () => {
    const error = await refusal({ name: "nested" });
    expect(error).toMatchObject({
      code: "taken",
      message: "the-other promotes to eu.gcr.io/k8s-artifacts-prod/nested/app already",
    });
    expect(await make({ name: "nest" })).toMatchObject({ written: true, diagnostics: [] });
  });

  test("are not known where a manifest cannot be read, which is said", async () => {
    await writeFile(join(directory, "manifests/the-other/promoter-manifest.yaml"), "registries: [");
    expect(await make({ name: "other", sets: { mirrors }, source: "ghcr.io/a/b" })).toMatchObject({
      warnings: ["the-other cannot be read, so nobody knows whether it has one of the registries"],
      diagnostics: [],
    });
  });
});

test("every name that is taken gives files that nothing is wrong with", async () => {
  const name = fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,17}$/);
  const made = new Set<string>();
  await fc.assert(
    fc.asyncProperty(name, async (text) => {
      if (made.has(text)) return;
      const result = await make({ name: text }).catch((error: unknown) => error);
      if (result instanceof StagingError) {
        expect(result.code).toBe("invalid-name");
        expect(text.endsWith("-")).toBe(true);
      } else {
        expect(result).toMatchObject({ diagnostics: [], written: true });
        made.add(text);
      }
    }),
    { numRuns: 60 },
  );
});
