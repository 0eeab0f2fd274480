import type { PromoterManifest, RegistryEntry } from "../manifest/index.ts";
import { restBelow } from "../oci/index.ts";
import { StagingError } from "./errors.ts";
import type { ProjectNames } from "./names.ts";

/**
 * Refuses registries that another project has: two projects that write one repository can only come into conflict, and
 * of two that promote from one registry, `waybill merge` fills the first. A registry above another one is no conflict,
 * unless it has images there already.
 * @throws {StagingError} `taken`, with the line of the other manifest.
 */
export function refuseTaken(manifests: readonly PromoterManifest[], names: ProjectNames): void {
  for (const manifest of manifests) {
    refuseTakenBy(manifest, names);
    refuseTakenByImages(manifest, names);
  }
}

function refuseTakenBy(manifest: PromoterManifest, { source, destinations }: ProjectNames): void {
  const roles = [
    { role: "the source", entries: [manifest.source] },
    { role: "a destination", entries: manifest.destinations },
  ];
  for (const { role, entries } of roles) {
    for (const entry of entries) {
      const name = entry.name.replace(/\/+$/, "");
      if (name !== source && !destinations.some((destination) => destination.name === name)) continue;
      throw taken(manifest, entry, `${name} is ${role} of ${manifest.project} already`);
    }
  }
}

function refuseTakenByImages(manifest: PromoterManifest, { destinations }: ProjectNames): void {
  for (const registry of manifest.destinations) {
    const above = destinations.filter(({ name }) => restBelow(registry.name, name) !== undefined);
    for (const { name } of above) {
      const image = manifest.images.find(
        (entry) => restBelow(name, `${registry.name}/${entry.name}`) !== undefined,
      );
      if (image === undefined) continue;
      const repository = `${registry.name}/${image.name}`;
      throw new StagingError("taken", `${manifest.project} promotes to ${repository} already`, {
        where: `${manifest.imagesFile}:${image.at.line}:${image.at.column}`,
        hint: `nothing else may write below ${name}: choose another name`,
      });
    }
  }
}

function taken({ file }: PromoterManifest, { at }: RegistryEntry, message: string): StagingError {
  return new StagingError("taken", message, {
    where: `${file}:${at.line}:${at.column}`,
    hint: "a project has registries of its own: choose another name or source",
  });
}
