// Makes what of the documents is made from code, and says which pages it has changed: node scripts/docs.mjs. With --check it
// changes nothing, and fails when a page is not as it would be made.
import { pathToFileURL } from "node:url";
import { build } from "tsdown";

const outDir = ".cache/docs";
/** What browsers load stands in no document. */
const withoutAssets = {
  name: "without-assets",
  resolveId: (source) => (source === "waybill:assets" ? "\0assets" : null),
  load: (id) => (id === "\0assets" ? "export const assets = {};" : null),
};
await build({
  config: false,
  logLevel: "warn",
  entry: { main: "scripts/docs/main.ts" },
  plugins: [withoutAssets],
  dts: false,
  checks: { pluginTimings: false },
  format: "esm",
  platform: "node",
  deps: { skipNodeModulesBundle: true },
  unbundle: true,
  outDir,
  outExtensions: () => ({ js: ".js" }),
});
await import(pathToFileURL(`${outDir}/main.js`).href);
