import { readFileSync } from "node:fs";
import { defineConfig, type Rolldown } from "tsdown";
import { assets } from "./scripts/assets.ts";
import { builtinsOnUse } from "./scripts/builtins-on-use.ts";
import bundled from "./scripts/bundled.json" with { type: "json" };

/**
 * What is read together stands in one file: to find and open a file takes longer than to read what a command leaves alone. Every
 * command reads the second of them; the first does for the version.
 */
const groups = [
  group("start", ["src/bin/compile-cache\\.", "package\\.json$"]),
  group("frame", [
    "src/(?:errors|events|disk|diagnostics)/",
    "src/settings/(?:byte-size|errors|model|read)\\.",
    "src/cli/(?!incumbents|completion-|inspect-provenance)",
    "node_modules/(?:commander|@commander-js|picocolors|fastest-levenshtein)/",
  ]),
  group("words", ["src/oci/", "src/settings/locate\\.", "node_modules/(?:zod|p-limit|yocto-queue)/"]),
  group("registries", [
    "src/(?:http|registry|inspect)/",
    "src/clouds/(?:context|errors|identities|index|registries|subject|token|wire)\\.",
    "src/secrets/(?:errors|index|secrets|manager|model)\\.",
  ]),
  group("files", ["src/(?:yaml|schema|settings)/", "node_modules/js-yaml/"]),
  group("manifests", [
    "src/(?:manifest/(?!edit)|edges/|check/)",
    // Manifests name signers, and codes are told of all files; what reads policies takes much more.
    "src/policy/(?:file/codes|path-pattern|signers|text-pattern)\\.",
  ]),
].map((each, at) => ({ ...each, priority: 10 - at }));

function group(name: string, places: readonly string[]) {
  return { name, test: new RegExp(`/(?:${places.join("|")})[^?]*(?<!\\.d\\.ts)$`) };
}

/** A file that only hands on what another has, by the names that it has there. */
const handingOn = /^import\{([\w$,]*)\}from"\.\/([^"]+)";export\{\1\};\s*$/;

/**
 * Files are read that do something, and in one byte for each sign: no file of ours does anything by being loaded, so none is
 * loaded of which nothing is used, and what only hands on the names of another is left out.
 */
const filesOfUse: Rolldown.Plugin = {
  name: "files-of-use",
  generateBundle(_, bundle) {
    const chunks = Object.values(bundle).filter((file) => file.type === "chunk");
    const behind = new Map<string, string>();
    for (const chunk of chunks) {
      chunk.code = chunk.code.replace(/\bimport"\.{1,2}\/[^"]+";/g, "");
      const other = chunk.isDynamicEntry ? handingOn.exec(chunk.code)?.[2] : undefined;
      if (other !== undefined) behind.set(chunk.fileName, other);
    }
    for (const name of behind.keys()) delete bundle[name];
    for (const chunk of chunks) {
      chunk.code = chunk.code
        .replace(/\bimport\(`(\.{1,2}\/)([^`]+)`\)/g, (_, up: string, name: string) => {
          return `import(\`${up}${behind.get(name) ?? name}\`)`;
        })
        .replace(/[^\0-\x7f]/g, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, "0")}`);
    }
  },
};

/** What a module is known by that belongs to zod's classic door. */
const classic = "?classic";

/**
 * Gives zod's classic door, which the server's schemas are made with, a core of its own. Of one that it shared with the small door nothing
 * could be left out any more, and every command would read all of it.
 */
const coreOfItsOwn: Rolldown.Plugin = {
  name: "core-of-its-own",
  async resolveId(source, importer, options) {
    const isClassic =
      importer?.endsWith(classic) || /\/node_modules\/(?:@hono|@asteasolutions)\//.test(importer ?? "");
    if (!isClassic || importer === undefined) return null;
    const resolved = await this.resolve(source, importer.replace(classic, ""), {
      ...options,
      skipSelf: true,
    });
    if (resolved === null || resolved.external || !resolved.id.includes("/node_modules/zod/")) return null;
    return { ...resolved, id: `${resolved.id}${classic}` };
  },
  load(id) {
    return id.endsWith(classic) ? readFileSync(id.slice(0, -classic.length), "utf8") : null;
  },
};

export default defineConfig({
  entry: {
    index: "src/index.ts",
    internal: "src/internal.ts",
    "bin/waybill": "src/bin/waybill.ts",
    "bin/cip": "src/bin/cip.ts",
    "bin/cip-mm": "src/bin/cip-mm.ts",
  },
  format: "esm",
  target: "node20.19",
  platform: "node",
  dts: { entry: ["src/index.ts", "src/internal.ts"] },
  sourcemap: false,
  // A third of the time of a short command is reading code. Names stay, for the stacks that `--verbose` prints.
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
  clean: true,
  checks: { pluginTimings: false, ineffectiveDynamicImport: false },
  outDir: "dist",
  // To read these from a hundred small files would take longer than most commands.
  deps: { alwaysBundle: bundled },
  plugins: [assets, coreOfItsOwn, builtinsOnUse, filesOfUse],
  inputOptions: { preserveEntrySignatures: "allow-extension", treeshake: { moduleSideEffects: false } },
  outputOptions: {
    minifyInternalExports: false,
    codeSplitting: { groups, includeDependenciesRecursively: false },
  },
  copy: ["waybill.schema.json", "jobs.schema.json", "policy.schema.json"],
  outExtensions: () => ({ js: ".js", dts: ".d.ts" }),
});
