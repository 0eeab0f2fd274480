// Makes the folder that docs/tour.md is walked in: node examples/tour/start.mjs FOLDER, in a checkout that is built.
// It holds promoter manifests, the checkout of an application, and a staging registry with the images of another build.
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { openRegistries, parseRepository, startRegistryServer } from "waybill";
import { push } from "./image.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const [folder] = process.argv.slice(2);
if (folder === undefined || existsSync(folder)) {
  const why = folder === undefined ? "name the folder to make" : `${folder} exists already: name another one`;
  process.stderr.write(`${why}: node examples/tour/start.mjs FOLDER\n`);
  process.exit(1);
}
mkdirSync(folder);
cpSync(join(here, "tree"), join(folder, "tree"), { recursive: true });
cpSync(join(here, "wrong.yaml"), join(folder, "wrong.yaml"));
cpSync(join(here, "..", "apisnoop", "apps"), join(folder, "apps"), { recursive: true });
checkout();
await stage([
  ["controller", "v1.4.0"],
  ["controller", "v1.5.0"],
  ["webhook", "v1.5.0"],
]);
process.stdout.write(`${folder} is ready: cd ${folder}\n`);

/** A repository with one commit and a tag, so that a build has something to name its images after. */
function checkout() {
  const git = (...words) => execFileSync("git", ["-C", folder, ...words]);
  git("init", "--quiet", "--initial-branch=main");
  git("remote", "add", "origin", "https://github.com/cncf/apisnoop");
  git("add", "apps");
  const somebody = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"];
  git(...somebody, "-c", "commit.gpgSign=false", "commit", "--quiet", "--message=Ready for a release");
  git(...somebody, "-c", "tag.gpgSign=false", "tag", "v0.1.0");
}

/** Serves the folder of the staging registry for as long as it takes to push the images. */
async function stage(images) {
  const server = await startRegistryServer({ dir: join(folder, "data", "staging") });
  const registries = openRegistries({ environment: {} });
  for (const [name, version] of images) {
    await push(registries.repository(parseRepository(`${server.address}/staging/${name}`)), name, version);
  }
  await registries.close();
  await server.close();
}
