import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { type RegistryServer, startRegistryServer } from "../../src/registry-server/index.ts";
import { builtPackage, start } from "../support/built.ts";
import { temporaryFolder, writeTree } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { blocksOf, root } from "./pages.ts";

const programs = ["promote-project", "verify-as-sarif", "merge-newest"];

/** Programs that use nothing but the library: those of the examples, and those that the page shows. */
const sources: Readonly<Record<string, string>> = Object.fromEntries(
  blocksOf("docs/library.md")
    .filter(({ language }) => language === "ts")
    .map(({ text, line }) => [join(root, "docs", `library-${line}.ts`), text]),
);

test("programs of the page and of the examples are right in the strictest TypeScript", () => {
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    allowImportingTsExtensions: true,
    paths: { waybill: [join(root, "src", "index.ts")] },
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: true,
    types: ["node"],
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists } = host;
  host.fileExists = (path) => path in sources || fileExists(path);
  host.getSourceFile = (path, ...rest) => {
    const text = sources[path];
    return text === undefined
      ? getSourceFile(path, ...rest)
      : ts.createSourceFile(path, text, ts.ScriptTarget.ES2022);
  };
  const files = [
    ...programs.map((name) => join(root, "examples", "library", `${name}.ts`)),
    ...Object.keys(sources),
  ];
  const program = ts.createProgram(files, options, host);
  const found = files.flatMap((file) => ts.getPreEmitDiagnostics(program, program.getSourceFile(file)));
  const said = found.map(({ file, messageText }) => {
    return `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  });
  expect(said).toEqual([]);
  expect(files.length).toBeGreaterThan(3);
});

describe("programs of the examples", () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let built: string;
  let staging: RegistryServer;
  let production: RegistryServer;
  let tree: string;

  beforeAll(async () => {
    folder = await temporaryFolder("library");
    await mkdir(join(root, ".cache"), { recursive: true });
    built = await mkdtemp(join(root, ".cache", "programs-"));
    const library = pathToFileURL(join(builtPackage(), "index.js")).href;
    for (const name of programs) {
      const text = await readFile(join(root, "examples", "library", `${name}.ts`), "utf8");
      const { outputText } = ts.transpileModule(text, {
        compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
      });
      await writeFile(join(built, `${name}.mjs`), outputText.replace('"waybill"', JSON.stringify(library)));
    }
    staging = await startRegistryServer({ dir: join(folder.path, "staging") });
    production = await startRegistryServer({ dir: join(folder.path, "production") });
    tree = join(folder.path, "tree");
    const projects = await Promise.all(
      ["foo", "bar"].map(async (name) => {
        const [first] = [await stage(name, "v1.0.0"), await stage(name, "v1.1.0")];
        return {
          name,
          source: `${staging.address}/${name}`,
          destinations: [`${production.address}/${name}`],
          images: { app: { [first]: ["v1.0.0"] } },
        };
      }),
    );
    await writeTree(tree, projects);
  });
  afterAll(async () => {
    await staging?.close();
    await production?.close();
    await folder?.remove();
    await rm(built, { recursive: true, force: true });
  });

  async function stage(name: string, tag: string): Promise<string> {
    const registries = registriesWith();
    const image = await buildImage(name, tag);
    const repository = registries.repository(parseRepository(`${staging.address}/${name}/app`));
    await pushImage(image, repository, [parseTag(tag)]);
    await registries.close();
    return image.root.descriptor.digest;
  }

  const run = (name: string, ...argv: readonly string[]) =>
    start(join(built, `${name}.mjs`), argv, { PATH: process.env.PATH, HOME: folder.path }).ended;

  it("promote one project, and verify what is missing of the other", async () => {
    const planned = await run("promote-project", tree, "foo");
    expect(planned).toMatchObject({ status: 0, stderr: "" });
    expect(planned.stdout).toMatch(/^1 edges to do, plan [0-9a-f:sha]+\n$/);
    const done = await run("promote-project", tree, "foo", "--confirm");
    expect(done).toMatchObject({ status: 0, stderr: "" });
    expect(done.stdout).toContain(`done: ${production.address}/foo/app@sha256:`);
    const verified = await run("verify-as-sarif", tree);
    expect(verified).toMatchObject({ status: 2, stderr: "" });
    const results = JSON.parse(verified.stdout).runs[0].results as readonly { readonly ruleId: string }[];
    expect(results.map(({ ruleId }) => ruleId)).toEqual(expect.arrayContaining(["missing-image"]));
    expect(verified.stdout).toContain("images/bar/images.yaml");
    expect(verified.stdout).not.toContain("images/foo/images.yaml");
  });

  it("say what is wrong by its code, and what there is", async () => {
    expect(await run("promote-project", tree, "fooo")).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^nothing-selected .*foo/),
    });
  });

  it("merge the newest tags of a staging registry", async () => {
    const shown = await run("merge-newest", tree, `${staging.address}/bar`, "1");
    expect(shown).toMatchObject({ status: 0, stderr: expect.stringMatching(/1 added\n$/) });
    expect(shown.stdout).toMatch(/^\+ .*"sha256:[0-9a-f]{64}": \["v1\.1\.0"\]$/m);
    const { stdout } = await run("merge-newest", tree, `${staging.address}/bar`, "1", "--write");
    expect(stdout).toBe(shown.stdout);
    expect(await readFile(join(tree, "images/bar/images.yaml"), "utf8")).toContain("v1.1.0");
    const again = await run("merge-newest", tree, `${staging.address}/bar`, "1");
    expect(again).toMatchObject({ status: 0, stdout: "", stderr: "0 added\n" });
  });
});
