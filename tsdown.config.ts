import { defineConfig, type Rolldown } from "tsdown";
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
  group("registries", ["src/(?:http|registry|inspect)/"]),
  group("files", ["src/(?:yaml|schema|settings)/", "node_modules/js-yaml/"]),
  group("manifests", ["src/(?:manifest/(?!edit)|edges/|check/)"]),
].map((each, at) => ({ ...each, priority: 10 - at }));

function group(name: string, places: readonly string[]) {
  return { name, test: new RegExp(`/(?:${places.join("|")}).*(?<!\\.d\\.ts)$`) };
}

/** No file of ours does anything by being loaded, so none is loaded of which nothing is used. */
const importsOfUse: Rolldown.Plugin = {
  name: "imports-of-use",
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      if (file.type === "chunk") file.code = file.code.replace(/\bimport"\.{1,2}\/[^"]+";/g, "");
    }
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
  plugins: [builtinsOnUse, importsOfUse],
  inputOptions: { preserveEntrySignatures: "allow-extension", treeshake: { moduleSideEffects: false } },
  outputOptions: { codeSplitting: { groups, includeDependenciesRecursively: false } },
  copy: "waybill.schema.json",
  outExtensions: () => ({ js: ".js", dts: ".d.ts" }),
});
