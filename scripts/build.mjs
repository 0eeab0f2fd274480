// Builds the package, and says nothing unless something is wrong: node scripts/build.mjs [FOLDER]. With a folder, what
// tests start is built: the programs below FOLDER/dist, and each file of src/ by itself below FOLDER/src.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "tsdown";

const bundled = JSON.parse(readFileSync("scripts/bundled.json", "utf8"));
/** Packages that name their license and hold no text of it: it is that of another one, by the same people. */
const withoutText = { "@hono/zod-openapi": "hono", "@hono/zod-validator": "hono" };
/** Packages that stand in the folder of those that need them, which want another version than others. */
const within = {
  "@noble/hashes": "@noble/curves/node_modules/@noble/hashes",
  tslib: "echarts/node_modules/tslib",
};
const [folder] = process.argv.slice(2);
const common = { logLevel: "warn" };
if (folder === undefined) {
  await build(common);
  writeFileSync("dist/third-party-licenses.txt", bundled.map(licenseOf).join("\n"));
} else {
  await build({ ...common, outDir: `${folder}/dist`, dts: false });
  await build({
    ...common,
    outDir: `${folder}/src`,
    dts: false,
    entry: ["src/**/*.{ts,tsx}", "!src/pages/browser"],
    unbundle: true,
  });
}

/** What the license of a package whose code is in ours asks to be passed on. */
function licenseOf(name) {
  const own = `node_modules/${within[name] ?? name}`;
  const { version } = JSON.parse(readFileSync(`${own}/package.json`, "utf8"));
  const folder = name in withoutText ? `node_modules/${withoutText[name]}` : own;
  const file = readdirSync(folder).find((entry) => /^licen[cs]e(\.md|\.txt)?$/i.test(entry));
  return `${name} ${version}\n\n${readFileSync(`${folder}/${file}`, "utf8")}`;
}
