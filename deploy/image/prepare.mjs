// Puts the package with what it needs, as its users get it, into `app/` beside the Dockerfile, and the folder of its data, as it is
// in the image, into `volume/`: node deploy/image/prepare.mjs
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");
const app = join(import.meta.dirname, "app");
const volume = join(import.meta.dirname, "volume");
const npm = (cwd, ...words) =>
  execFileSync("npm", [...words, "--silent"], { cwd, stdio: ["ignore", "ignore", "inherit"] });

// Whoever runs the image reads it, whatever is usual where it is made.
process.umask(0o022);
const packed = mkdtempSync(join(tmpdir(), "waybill-image-"));
try {
  npm(root, "run", "build");
  npm(root, "pack", "--pack-destination", packed);
  const [archive] = readdirSync(packed);
  rmSync(app, { recursive: true, force: true });
  mkdirSync(app, { recursive: true });
  writeFileSync(join(app, "package.json"), '{ "private": true }\n');
  npm(app, "install", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", join(packed, archive));
  const data = join(volume, "data");
  rmSync(volume, { recursive: true, force: true });
  mkdirSync(data, { recursive: true });
  chmodSync(data, 0o770);
} finally {
  rmSync(packed, { recursive: true, force: true });
}
