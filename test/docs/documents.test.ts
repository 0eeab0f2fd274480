import { readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { shownCommands } from "../../scripts/docs/commands.ts";
import { checkManifests } from "../../src/check/index.ts";
import { sayingOf } from "../../src/cli/verb.ts";
import { parseCloudBuild } from "../../src/cloudbuild/index.ts";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseJobs } from "../../src/jobs/index.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { parsePolicyFile } from "../../src/policy/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { parseSettings } from "../../src/settings/index.ts";
import { parseYaml } from "../../src/yaml/index.ts";
import { runWith } from "../cli/captured.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { blocksOf, codeSpansOf, pages, root, textOf } from "./pages.ts";

const sources = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => readFileSync(join(root, "src", path), "utf8"));
const reference = "docs/exit-codes-and-reports.md";
const formatPattern = /waybill-[a-z-]+\/\d+/g;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder("documents");
});
afterAll(() => folder.remove());

describe("documents in JSON", () => {
  it("are all told of, and none that is not there", () => {
    const printed = new Set(sources.flatMap((text) => text.match(/(?<=")waybill-[a-z-]+\/\d+(?=")/g) ?? []));
    const told = new Set(pages.flatMap((page) => textOf(page).match(formatPattern) ?? []));
    expect([...told].sort()).toEqual([...printed].sort());
  });

  it("have the fields that their tables name", () => {
    const fields = [...sectionsByFormat().values()].flatMap(fieldsInTables);
    expect(fields.length).toBeGreaterThan(60);
    const missing = fields.filter((name) => {
      const declared = new RegExp(`\\b${name}\\b\\??(:|,| \\}|\\()`);
      return !sources.some((text) => declared.test(text));
    });
    expect(missing).toEqual([]);
  });

  describe("as they are printed", () => {
    let staging: RegistryServer;
    let tree: string;
    const registries = registriesWith();
    const run = async (...argv: string[]): Promise<Record<string, unknown>> => {
      const env = {
        HOME: folder.path,
        WAYBILL_DATA: folder.path,
        WAYBILL_CONFIG: join(folder.path, "waybill.yaml"),
      };
      const { stdout } = await runWith(env, ...argv, "--json");
      return JSON.parse(stdout);
    };
    beforeAll(async () => {
      staging = await startRegistryServer({ dir: join(folder.path, "registry") });
      const image = await buildImage("app", "v1");
      await pushImage(image, registries.repository(parseRepository(`${staging.address}/staging/app`)), [
        parseTag("v1"),
        parseTag("v2"),
      ]);
      tree = join(folder.path, "tree");
      const images = {
        app: { [image.root.descriptor.digest]: ["v1"], [`sha256:${"0".repeat(64)}`]: ["v0"] },
      };
      const [source, destination] = [`${staging.address}/staging`, `${staging.address}/eu`];
      await writeTree(tree, [{ name: "foo", source, destinations: [destination], images }]);
      await mkdir(join(folder.path, "jobs"));
      const set = `destinations: { set: ["${staging.address}/new/{name}"] }\n`;
      await writeFile(join(folder.path, "waybill.yaml"), set);
    });
    afterAll(async () => {
      await registries.close();
      await staging.close();
    });

    it("have no field at their top that is not told of", async () => {
      const repository = `${staging.address}/staging`;
      const documents = [
        await run("check", tree),
        await run("compare", tree, tree),
        await run("plan", tree),
        await run("merge", "--base-dir", tree, "--staging-repo", repository, "--tag", "v2", "--dry-run"),
        await run("promote", tree, "--confirm"),
        await run("verify", tree),
        await run("wait", tree, "--timeout", "0"),
        await run("runs"),
        await run("jobs", "--jobs-dir", join(folder.path, "jobs")),
        await run("release-tags", "v1.30.0"),
        await run("staging", "new", "bar", "--base-dir", tree, "--source", "x.test/a", "--dry-run"),
      ];
      const sections = sectionsByFormat();
      const untold = documents.flatMap(({ format, ...fields }) => {
        const words = new Set((sections.get(String(format)) ?? "").match(/(?<=`)[A-Za-z]+(?=`)/g));
        return Object.keys(fields)
          .filter((name) => !words.has(name))
          .map((name) => `${format} ${name}`);
      });
      expect(documents.map(({ error }) => error).filter((error) => error !== undefined)).toEqual([]);
      expect(untold).toEqual([]);
    });

    it("are counted by the collection of garbage in the words of the page", async () => {
      const collected = await run("registry", "gc", join(folder.path, "registry"), "--dry-run");
      const words = codeSpansOf(reference);
      expect(Object.keys(collected).filter((name) => !words.includes(name))).toEqual([]);
    });
  });
});

/** Sections of all pages by the forms of documents that they are about: those they name in a heading, or say that they print. */
function sectionsByFormat(): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const page of pages) {
    for (const section of textOf(page).split(/^(?=#{1,3} )/m)) {
      for (const format of section.match(formatPattern) ?? []) {
        found.set(format, `${found.get(format) ?? ""}\n${section}`);
      }
    }
  }
  return found;
}

/** What stands in the first column of the tables of fields. */
function fieldsInTables(section: string): readonly string[] {
  const tables = section.match(/^\| field\b.*\n(?:\|.*\n)+/gm) ?? [];
  return tables
    .flatMap((table) => table.split("\n").slice(2))
    .flatMap((row) => row.split("|")[1]?.match(/(?<=`)[A-Za-z]+(?=`)/g) ?? []);
}

describe("exit codes", () => {
  it("are told of every command that does something", () => {
    const silent = shownCommands()
      .filter(({ command }) => command.commands.length === 0 && sayingOf(command)?.exits === undefined)
      .map(({ path }) => path);
    expect(silent.filter((path) => !path.startsWith("waybill completion"))).toEqual([]);
  });
});

describe("blocks of YAML", () => {
  // The manifest reference shows what is wrong, and test/manifest/reference.test.ts reads it.
  const shown = pages
    .filter((page) => page !== "docs/manifest-reference.md")
    .flatMap((page) =>
      blocksOf(page)
        .filter(({ language }) => language === "yaml")
        .map((block) => ({ page, ...block })),
    );

  it.each(shown)("$page:$line is what its reader takes", ({ text }) => {
    const { root: node } = parseYaml(text);
    const keys = node?.kind === "mapping" ? node.entries.map(({ key }) => key.value) : [];
    if (keys.includes("steps")) expect(parseCloudBuild(text, "cloudbuild.yaml").diagnostics).toEqual([]);
    else if (keys.includes("repo") || keys.includes("jobs"))
      expect(parseJobs(text, "job.yaml").diagnostics).toEqual([]);
    else if (keys.includes("rules"))
      expect(
        parsePolicyFile(text, "policy.yaml", { now: new Date("2026-11-01") }).diagnostics.filter(
          ({ severity }) => severity === "error",
        ),
      ).toEqual([]);
    else if (!keys.includes("registries") && !keys.includes("variants") && node?.kind === "mapping") {
      expect(() => parseSettings(text, "waybill.yaml")).not.toThrow();
    }
  });

  it.each([...new Set(shown.map(({ page }) => page))])(
    "%s shows manifests that can be promoted",
    async (page) => {
      const place = join(folder.path, page);
      const files = shown.flatMap((block) => {
        const [, path] =
          /^# (\S*(?:manifests|images)\/\S+\.yaml)\n/.exec(block.page === page ? block.text : "") ?? [];
        return path === undefined
          ? []
          : [{ path: join(place, path.replace(/^.*?(?=manifests\/|images\/)/, "")), text: block.text }];
      });
      if (!files.some(({ path }) => path.endsWith("promoter-manifest.yaml"))) return;
      for (const { path, text } of files) {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(path, text);
      }
      expect((await checkManifests(place)).diagnostics).toEqual([]);
    },
  );
});
