import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readManifestTree } from "../../src/manifest/index.ts";
import { temporaryFolder } from "../support/tree.ts";

/** A thin manifest directory on disk, with one project `foo` and maybe others. */
export async function projectOf(options: {
  readonly source?: string;
  readonly destinations?: readonly string[];
  readonly images: string;
  readonly others?: Readonly<Record<string, { readonly registries: string; readonly images: string }>>;
}) {
  const folder = await temporaryFolder("merge");
  const registries = [
    `- name: ${options.source ?? "stage.example/foo"}\n  src: true\n`,
    ...(options.destinations ?? ["prod.example/foo"]).map((name) => `- name: ${name}\n`),
  ].join("");
  const projects = { foo: { registries, images: options.images }, ...options.others };
  for (const [name, project] of Object.entries(projects)) {
    await mkdir(join(folder.path, "manifests", name), { recursive: true });
    await mkdir(join(folder.path, "images", name), { recursive: true });
    await writeFile(
      join(folder.path, "manifests", name, "promoter-manifest.yaml"),
      `registries:\n${project.registries}`,
    );
    await writeFile(join(folder.path, "images", name, "images.yaml"), project.images);
  }
  const file = join(folder.path, "images", "foo", "images.yaml");
  return {
    path: folder.path,
    file,
    tree: () => readManifestTree(folder.path),
    text: () => readFile(file, "utf8"),
    write: (text: string) => writeFile(file, text),
    mode: (mode: number) => chmod(file, mode),
    remove: folder.remove,
  };
}
