// Puts the package with what it needs, as its users get it, into `app/` beside the Dockerfile: node deploy/image/prepare.mjs
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const app = join(import.meta.dirname, "app");
const npm = (cwd, ...words) =>
  execFileSync("npm", [...words, "--silent"], { cwd, stdio: ["ignore", "ignore", "inherit"] });

const packed = mkdtempSync(join(tmpdir(), "waybill-image-"));
try {
  npm(root, "run", "build");
  npm(root, "pack", "--pack-destination", packed);
  const [archive] = readdirSync(packed);
  rmSync(app, { recursive: true, force: true });
  mkdirSync(app, { recursive: true });
  writeFileSync(join(app, "package.json"), '{ "private": true }\n');
  npm(app, "install", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", join(packed, archive));
} finally {
  rmSync(packed, { recursive: true, force: true });
}
