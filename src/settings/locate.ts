import { join } from "node:path";
import { longestPrefix, parseRepository, type RepositoryName, repositoryFault } from "../oci/index.ts";
import { SettingsError } from "./errors.ts";
import type { Location } from "./model.ts";

/** Where a repository really is. */
export type RepositoryLocation =
  | { readonly kind: "remote"; readonly repository: RepositoryName }
  | {
      readonly kind: "folder";
      /** The image layout of this one repository, absolute. */
      readonly folder: string;
      /** The folder that the settings name: {@link folder} or above it. */
      readonly root: string;
    };

/** What an `at` that is a folder starts with. */
export const folderPrefix = "oci:";

/** Names that an image layout keeps for itself (OCI image specification, image-layout.md). */
const layoutNames: ReadonlySet<string> = new Set(["blobs", "index.json", "oci-layout"]);

/**
 * Where a repository really is: the location with the longest prefix decides, and what is left of the name goes on
 * below its `at`. Applied once: an `at` is never mapped again.
 * @throws {SettingsError} `location-unusable` when the result is no repository or would lie inside another's layout.
 */
export function locate(locations: readonly Location[], name: RepositoryName): RepositoryLocation {
  const found = longestPrefix(locations, (location) => location.repository, name);
  if (found === undefined) return { kind: "remote", repository: name };
  const { entry, rest } = found;
  const segments = rest === "" ? [] : rest.split("/");
  if (entry.at.startsWith(folderPrefix)) {
    const taken = segments.find((segment) => layoutNames.has(segment));
    if (taken !== undefined) {
      throw new SettingsError(
        "location-unusable",
        `${name} cannot be kept below ${entry.at}: ${taken} is a name that image layouts use themselves`,
        { hint: `give ${name} a location of its own` },
      );
    }
    const root = entry.at.slice(folderPrefix.length);
    return { kind: "folder", folder: join(root, ...segments), root };
  }
  const target = [entry.at, ...segments].join("/");
  const fault = repositoryFault(target);
  if (fault !== undefined) {
    const message = `the location of ${name} is ${target}, which is no repository: ${fault}`;
    throw new SettingsError("location-unusable", message, {
      hint: `mend the location of ${entry.repository} in waybill.yaml`,
    });
  }
  return { kind: "remote", repository: parseRepository(target) };
}
