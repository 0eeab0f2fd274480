import { defineConfig } from "tsdown";

export default defineConfig({
  entry: {
    index: "src/index.ts",
    "bin/waybill": "src/bin/waybill.ts",
    "bin/cip": "src/bin/cip.ts",
    "bin/cip-mm": "src/bin/cip-mm.ts",
  },
  format: "esm",
  target: "node20.19",
  platform: "node",
  dts: { entry: "src/index.ts" },
  sourcemap: false,
  clean: true,
  checks: { pluginTimings: false },
  outDir: "dist",
  copy: "waybill.schema.json",
  outExtensions: () => ({ js: ".js", dts: ".d.ts" }),
});
