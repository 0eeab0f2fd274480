// Builds the package, and says nothing unless something is wrong: node scripts/build.mjs [FOLDER]. With a folder, only
// the programs are built, into that folder.
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "tsdown";

const bundled = JSON.parse(readFileSync("scripts/bundled.json", "utf8"));
const [folder] = process.argv.slice(2);
await build({ logLevel: "warn", ...(folder === undefined ? {} : { outDir: folder, dts: false }) });
if (folder === undefined) writeFileSync("dist/third-party-licences.txt", bundled.map(licenceOf).join("\n"));

/** What the licence of a package whose code is in ours asks to be passed on. */
function licenceOf(name) {
  const { version } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  return `${name} ${version}\n\n${readFileSync(`node_modules/${name}/LICENSE`, "utf8")}`;
}
