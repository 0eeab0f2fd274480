// A directory of thin promoter manifests that asks for a corpus.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Writes one project: every image of the corpus from the source to all destinations, each `host/prefix`. */
export async function writeTree(folder, { images }, source, destinations) {
  await mkdir(join(folder, "manifests", "bench"), { recursive: true });
  await mkdir(join(folder, "images", "bench"), { recursive: true });
  const registries = [`- name: ${source}\n  src: true\n`, ...destinations.map((name) => `- name: ${name}\n`)];
  await writeFile(
    join(folder, "manifests", "bench", "promoter-manifest.yaml"),
    `registries:\n${registries.join("")}`,
  );
  await writeFile(join(folder, "images", "bench", "images.yaml"), imageList(images));
}

function imageList(images) {
  const repositories = new Map();
  for (const { repository, tag, root } of images) {
    const digests = repositories.get(repository) ?? new Map();
    digests.set(root.descriptor.digest, [...(digests.get(root.descriptor.digest) ?? []), tag]);
    repositories.set(repository, digests);
  }
  const blocks = [...repositories].map(([repository, digests]) => {
    const lines = [...digests].map(([digest, tags]) => `    "${digest}": ${JSON.stringify(tags)}\n`);
    return `- name: ${repository}\n  dmap:\n${lines.join("")}`;
  });
  return blocks.join("");
}
