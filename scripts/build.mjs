// Builds the package, and says nothing unless something is wrong: node scripts/build.mjs [FOLDER]. With a folder, only
// the programs are built, into that folder.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { build } from "tsdown";

const bundled = JSON.parse(readFileSync("scripts/bundled.json", "utf8"));
const [folder] = process.argv.slice(2);
await build({ logLevel: "warn", ...(folder === undefined ? {} : { outDir: folder, dts: false }) });
if (folder === undefined) writeFileSync("dist/third-party-licenses.txt", bundled.map(licenseOf).join("\n"));

/** What the license of a package whose code is in ours asks to be passed on. */
function licenseOf(name) {
  const folder = `node_modules/${name}`;
  const { version } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e(\.md|\.txt)?$/i.test(entry));
  return `${name} ${version}\n\n${readFileSync(`${folder}/${file}`, "utf8")}`;
}
