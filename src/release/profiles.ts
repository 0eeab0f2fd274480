import { didYouMean } from "../diagnostics/index.ts";
import { WaybillError } from "../errors/index.ts";
import type { ReleaseCut, ReleaseProfile } from "../settings/index.ts";

export interface Companion {
  /** Such as `v{major}.{minor}.{patch+1}-rc.0`. */
  readonly template: string;
  readonly reason: string;
}

/** Which tags are promoted together when a version is cut. */
export interface Profile {
  readonly name: string;
  /** Where nothing is said, a version is promoted alone. */
  readonly companions: Readonly<Partial<Record<ReleaseCut, readonly Companion[]>>>;
  readonly separately: boolean;
}

const nextMinor: Companion = {
  template: "v{major}.{minor+1}.0-alpha.0",
  reason: "the release branch is made: the main branch goes on as the next minor version",
};

const nextPatch: Companion = {
  template: "v{major}.{minor}.{patch+1}-rc.0",
  reason: "built together with it: the release branch goes on as the next patch",
};

/**
 * The profiles that everybody has.
 * - `kubernetes-2021`: the document "Image Promotion" of SIG Release, and the handbook of its time.
 * - `kubernetes`: as Kubernetes does it today. Since 2023 a stable version is built without the next `-rc.0`, and since
 *   2025 the two tags of a first release candidate have a pull request each, because one for both took too long.
 * - `project`: projects that are released with the tools of Kubernetes, which build the next `-rc.0` for them as before.
 */
const ownProfiles: readonly Profile[] = [
  {
    name: "kubernetes-2021",
    companions: { "first-rc": [nextMinor], stable: [nextPatch] },
    separately: false,
  },
  { name: "kubernetes", companions: { "first-rc": [nextMinor] }, separately: true },
  { name: "project", companions: { "first-rc": [nextMinor], stable: [nextPatch] }, separately: false },
];

/** The profile that is meant where none is named. */
export const defaultProfile = "kubernetes-2021";

/** Nobody has defined a profile by this name. */
export class ReleaseProfileError extends WaybillError<"unknown-profile"> {
  override readonly name = "ReleaseProfileError";
}

/**
 * The profile of a name: of the settings, or of those that everybody has.
 * @param defined `releases` of the settings; one with the name of another takes its place.
 * @throws {ReleaseProfileError}
 */
export function findProfile(name: string, defined: Readonly<Record<string, ReleaseProfile>>): Profile {
  const custom = Object.hasOwn(defined, name) ? defined[name] : undefined;
  if (custom !== undefined) return fromSettings(name, custom);
  const found = ownProfiles.find((profile) => profile.name === name);
  if (found !== undefined) return found;
  const names = [...new Set([...ownProfiles.map((profile) => profile.name), ...Object.keys(defined)])];
  const message = `there is no profile ${JSON.stringify(name.slice(0, 64))}`;
  throw new ReleaseProfileError("unknown-profile", message, {
    hint:
      didYouMean(name, names) ??
      `there are ${names.join(", ")}; define others under releases in waybill.yaml`,
  });
}

function fromSettings(name: string, { separately = false, ...cuts }: ReleaseProfile): Profile {
  const reason = `profile ${name} of the settings promotes it with`;
  const companions = Object.entries(cuts).map(([cut, templates]) => [
    cut,
    templates.map((template): Companion => ({ template, reason: `${reason} ${inWords[cut as ReleaseCut]}` })),
  ]);
  return { name, companions: Object.fromEntries(companions), separately };
}

/** A kind of cut, with its article. */
export const inWords: Readonly<Record<ReleaseCut, string>> = {
  alpha: "an alpha",
  beta: "a beta",
  "first-rc": "the first release candidate",
  rc: "a release candidate",
  stable: "a stable version",
};
