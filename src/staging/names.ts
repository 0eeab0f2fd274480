import { didYouMean } from "../diagnostics/index.ts";
import { harmless } from "../errors/index.ts";
import { type DestinationSet, expandNameTemplate } from "../settings/index.ts";
import { StagingError } from "./errors.ts";

/** What a project is called, where it is staged and where it is promoted to. */
export interface ProjectNames {
  readonly project: string;
  readonly source: string;
  readonly destinations: readonly { readonly name: string; readonly serviceAccount?: string }[];
}

/** A short name is a part of registries' paths, of folders, and often of a cloud project's id. */
const shortName = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * What a short name becomes in a set of destinations.
 * @throws {StagingError} `invalid-name`, `no-source`.
 */
export function projectNamesIn(
  set: DestinationSet,
  name: string,
  givenSource: string | undefined,
): ProjectNames {
  if (!shortName.test(name)) {
    const message = `${JSON.stringify(harmless(name.slice(0, 80)))} cannot be the short name of a project`;
    throw new StagingError("invalid-name", message, {
      hint: "it has lower case letters, digits and hyphens between them, 63 at most",
    });
  }
  const expanded = set.source === undefined ? undefined : expandNameTemplate(set.source, name);
  const source = givenSource?.replace(/\/+$/, "") ?? expanded;
  if (source === undefined) {
    throw new StagingError("no-source", "nobody says where the project stages its images", {
      hint: "name the registry with --source, or give the set of destinations a source in waybill.yaml",
    });
  }
  refuseProjectId(source, name);
  return {
    project: expandNameTemplate(set.folder ?? "{name}", name),
    source,
    destinations: set.registries.map((registry) => ({
      ...registry,
      name: expandNameTemplate(registry.name, name),
    })),
  };
}

/** Ids of projects of Google Cloud: https://cloud.google.com/resource-manager/docs/creating-managing-projects */
const maxProjectIdLength = 30;
const projectId = /^[a-z][a-z0-9-]{4,28}[a-z0-9]$/;

/**
 * On Google's registries the first part of the path is the project that a registry belongs to. Where it holds the short
 * name, a name that makes no id could be written into a manifest, and nobody could ever make the registry: with
 * `gcr.io/k8s-staging-{name}` it has 18 characters at most. Other registries have no such limit.
 */
function refuseProjectId(source: string, name: string): void {
  const [, host = "", id = ""] = /^([^/]+)\/([^/]+)/.exec(source) ?? [];
  const isGoogles = /^([a-z]+\.)?gcr\.io$|-docker\.pkg\.dev$/.test(host);
  if (!isGoogles || !id.includes(name) || projectId.test(id)) return;
  const excess = id.length - maxProjectIdLength;
  throw new StagingError(
    "invalid-name",
    excess > 0
      ? `${source} would be in a project with ${id.length} characters; Google Cloud has ${maxProjectIdLength} at most`
      : `${source} would be in a project ${id}, which Google Cloud does not have`,
    {
      hint:
        excess > 0 && name.length > excess
          ? `a name with ${name.length - excess} characters fits`
          : "an id has 6 to 30 lower case letters, digits and hyphens, and begins with a letter",
    },
  );
}

/** The set of that name, or the only one. @throws {StagingError} `unknown-destinations`. */
export function chooseSet(
  sets: Readonly<Record<string, DestinationSet>>,
  name: string | undefined,
): { readonly name: string; readonly set: DestinationSet } {
  const names = Object.keys(sets);
  const [first] = names;
  if (first === undefined) {
    throw new StagingError("unknown-destinations", "the settings have no set of destinations", {
      hint: "say where projects are promoted to under destinations in waybill.yaml",
    });
  }
  const chosen = name ?? (names.length === 1 ? first : undefined);
  const set = chosen !== undefined && Object.hasOwn(sets, chosen) ? sets[chosen] : undefined;
  if (chosen !== undefined && set !== undefined) return { name: chosen, set };
  const all = `the settings have ${names.join(", ")}`;
  if (chosen === undefined) {
    throw new StagingError("unknown-destinations", "nobody says which set of destinations", {
      hint: `name one with --destinations: ${all}`,
    });
  }
  const shown = harmless(chosen.slice(0, 64));
  throw new StagingError("unknown-destinations", `there is no set of destinations ${JSON.stringify(shown)}`, {
    hint: didYouMean(shown, names) ?? all,
  });
}
