import { defineConfig } from "tsdown";
import { builtinsOnUse } from "./scripts/builtins-on-use.ts";
import bundled from "./scripts/bundled.json" with { type: "json" };

/** Files for what is read together: to find and open a file takes longer than to read what a command leaves alone. */
const groups = [
  group("frame", ["errors", "events", "disk"], ["commander", "@commander-js/extra-typings", "picocolors"]),
  group("words", ["oci"], ["zod/v4/core", "zod/v4/mini", "zod/v4/locales", "p-limit", "yocto-queue"]),
  group("files", ["diagnostics", "yaml", "schema", "settings"], ["js-yaml"]),
  group("manifests", ["manifest", "edges"], []),
  group("registries", ["http", "registry", "inspect"], []),
].map((each, at) => ({ ...each, priority: 10 - at }));

function group(name: string, rooms: readonly string[], packages: readonly string[]) {
  const places = `/src/(?:${rooms.join("|")})/|/node_modules/(?:${packages.join("|")})/`;
  return { name, test: new RegExp(`(?:${places}).*(?<!\\.d\\.ts)$`) };
}

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
  checks: { pluginTimings: false },
  outDir: "dist",
  // To read these from a hundred small files would take longer than most commands.
  deps: { alwaysBundle: bundled },
  plugins: [builtinsOnUse],
  outputOptions: { codeSplitting: { groups } },
  copy: "waybill.schema.json",
  outExtensions: () => ({ js: ".js", dts: ".d.ts" }),
});
