// Makes the folder that README's tour is walked in: node examples/tour/start.mjs FOLDER, in a checkout that is built.
// It holds promoter manifests, the checkout of an application, and a staging registry with the images of another build.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { packTar } from "modern-tar";
import {
  defaultSettings,
  openCredentials,
  openRegistries,
  parseRepository,
  parseTag,
  startRegistryServer,
} from "waybill";

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
  const credentials = openCredentials({ settings: defaultSettings, environment: {} });
  const registries = openRegistries({ settings: defaultSettings, credentials, environment: {} });
  for (const [name, version] of images) {
    await push(registries.repository(parseRepository(`${server.address}/staging/${name}`)), name, version);
  }
  await registries.close();
  await server.close();
}

/** An index over two platforms, whose base layer all images share. The same words always make the same digests. */
async function push(repository, name, version) {
  const blob = async (mediaType, bytes) => {
    const descriptor = described(mediaType, bytes);
    await repository.push(descriptor, async () => Readable.from([bytes]));
    return descriptor;
  };
  const put = async (mediaType, json, ...tags) => {
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...json }));
    const descriptor = described(mediaType, bytes);
    await repository.put({ descriptor, bytes }, ...tags);
    return descriptor;
  };
  const tar = async (file, text) => {
    const body = Buffer.from(text);
    const header = { name: file, mode: 0o644, size: body.length, mtime: new Date(0) };
    return Buffer.from(await packTar([{ header, body }]));
  };
  const layerType = "application/vnd.oci.image.layer.v1.tar";
  const manifests = [];
  for (const architecture of ["amd64", "arm64"]) {
    const tars = [
      await tar("etc/tour", "a base that all images share\n"),
      await tar(name, `${name} ${version} ${architecture}\n`),
    ];
    const layers = [await blob(layerType, tars[0]), await blob(layerType, tars[1])];
    const rootfs = { type: "layers", diff_ids: layers.map(({ digest }) => digest) };
    const bytes = Buffer.from(JSON.stringify({ architecture, os: "linux", config: {}, rootfs }));
    const config = await blob("application/vnd.oci.image.config.v1+json", bytes);
    const child = await put("application/vnd.oci.image.manifest.v1+json", { config, layers });
    manifests.push({ ...child, platform: { os: "linux", architecture } });
  }
  await put("application/vnd.oci.image.index.v1+json", { manifests }, parseTag(version));
}

function described(mediaType, bytes) {
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  return { mediaType, digest, size: bytes.length };
}
