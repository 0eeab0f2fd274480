// Builds the package, and says nothing unless something is wrong: node scripts/build.mjs [FOLDER]. With a folder, only
// the programs are built, into that folder.
import { build } from "tsdown";

const [folder] = process.argv.slice(2);
await build({ logLevel: "warn", ...(folder === undefined ? {} : { outDir: folder, dts: false }) });
