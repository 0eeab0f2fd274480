import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** A project of a thin manifest directory, as text is made from it. */
export interface Project {
  readonly name: string;
  readonly source: string;
  readonly destinations: readonly string[];
  /** Image name → digest → tags. */
  readonly images: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

/** Writes a thin manifest directory in the style of the real ones. */
export async function writeTree(dir: string, projects: readonly Project[]): Promise<void> {
  for (const project of projects) {
    const manifests = join(dir, "manifests", project.name);
    const images = join(dir, "images", project.name);
    await mkdir(manifests, { recursive: true });
    await mkdir(images, { recursive: true });
    const registries = [
      `- name: ${project.source}\n  src: true\n`,
      ...project.destinations.map((name) => `- name: ${name}\n`),
    ];
    await writeFile(join(manifests, "promoter-manifest.yaml"), `registries:\n${registries.join("")}`);
    const blocks = Object.entries(project.images).map(([name, digests]) => {
      const lines = Object.entries(digests).map(
        ([digest, tags]) => `    "${digest}": [${tags.map((tag) => `"${tag}"`).join(", ")}]\n`,
      );
      return `- name: ${name}\n  dmap:\n${lines.join("")}`;
    });
    await writeFile(join(images, "images.yaml"), blocks.join(""));
  }
}

/** Writes texts by their paths below a folder; those that begin with `#!` can be run. */
export async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { mode: text.startsWith("#!") ? 0o755 : 0o644 });
  }
}

/** A temporary folder, and how to remove it. */
export async function temporaryFolder(name: string): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), `waybill-${name}-`));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
