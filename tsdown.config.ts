import { defineConfig } from "tsdown";
import bundled from "./scripts/bundled.json" with { type: "json" };

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
  copy: "waybill.schema.json",
  outExtensions: () => ({ js: ".js", dts: ".d.ts" }),
});
