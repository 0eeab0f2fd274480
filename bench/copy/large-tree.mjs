// A tree of promoter manifests of the size of registry.k8s.io: the real one where there is a copy, or else one made up.
import { createHash } from "node:crypto";
import { access, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { FAILSAFE_SCHEMA, load } from "js-yaml";

const made = { projects: 75, images: 6, tags: 45, destinations: 22 };

/**
 * Finds the tree in the folder that `WAYBILL_SHARED` names or beside the checkout, or writes one. Gives its path and
 * whether it is the real one.
 */
export async function findLargeTree(folder) {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  const shared = resolve(process.env.WAYBILL_SHARED ?? join(root, "../shared"));
  const real = join(shared, "k8s.io", "registry.k8s.io");
  const there = await access(real).then(
    () => true,
    () => false,
  );
  if (there) return { tree: real, real: true };
  await writeMadeTree(folder);
  return { tree: folder, real: false };
}

/** What every destination repository of a tree has to hold: repository name → tag → digest. Bad lines are left out. */
export async function readDesired(tree) {
  const desired = new Map();
  const sources = new Set();
  for (const project of await readdir(join(tree, "manifests"))) {
    const manifest = await readYaml(join(tree, "manifests", project, "promoter-manifest.yaml"));
    const images = await readYaml(join(tree, "images", project, "images.yaml"));
    for (const { name, src } of manifest?.registries ?? []) {
      if (src === "true") sources.add(name);
      else for (const image of images ?? []) add(desired, `${name}/${image.name}`, image.dmap);
    }
  }
  return { desired, sources: [...sources] };
}

function add(desired, repository, digests) {
  const tags = desired.get(repository) ?? new Map();
  // An empty `dmap:` is an empty text.
  for (const [digest, names] of typeof digests === "object" ? Object.entries(digests) : []) {
    if (!/^sha256:[0-9a-f]{64}$/.test(digest)) continue;
    for (const tag of names) tags.set(tag, digest);
  }
  desired.set(repository, tags);
}

/** All scalars as the text they are: `1.10` is a tag, whatever YAML takes it for. */
async function readYaml(file) {
  const text = await readFile(file, "utf8").catch(() => "");
  const isEmpty = text.split("\n").every((line) => /^\s*(#|$)/.test(line));
  return isEmpty ? undefined : load(text, { schema: FAILSAFE_SCHEMA });
}

async function writeMadeTree(folder) {
  for (let project = 0; project < made.projects; project += 1) {
    const name = `project-${project}`;
    await mkdir(join(folder, "manifests", name), { recursive: true });
    await mkdir(join(folder, "images", name), { recursive: true });
    const destinations = Array.from({ length: made.destinations }, (_, region) => {
      const host = `region-${region}.example.com`;
      return `- name: ${host}/images/${name}\n`;
    });
    const registries = `registries:\n- name: staging.example.com/${name}\n  src: true\n${destinations.join("")}`;
    await writeFile(join(folder, "manifests", name, "promoter-manifest.yaml"), registries);
    const blocks = Array.from({ length: made.images }, (_, image) => imageBlock(name, image));
    await writeFile(join(folder, "images", name, "images.yaml"), blocks.join(""));
  }
}

function imageBlock(project, image) {
  const lines = Array.from({ length: made.tags }, (_, tag) => {
    const digest = createHash("sha256").update(`${project} ${image} ${tag}`).digest("hex");
    return `    "sha256:${digest}": ["v1.${tag}.0"]\n`;
  });
  return `- name: image-${image}\n  dmap:\n${lines.join("")}`;
}
