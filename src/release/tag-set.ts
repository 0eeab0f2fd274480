import { WaybillError } from "../errors/index.ts";
import { isTag, type Tag } from "../oci/index.ts";
import {
  expandTagTemplate,
  type ReleaseCut,
  type ReleaseProfile,
  type VersionNumbers,
} from "../settings/index.ts";
import { defaultProfile, findProfile, inWords } from "./profiles.ts";

/** A tag to promote, and why. */
export interface ReleaseTag {
  readonly tag: Tag;
  readonly reason: string;
}

/** The tags to promote for a version that is being cut: plain data. */
export interface ReleaseTags {
  readonly format: "waybill-release-tags/1";
  readonly version: Tag;
  readonly cut: ReleaseCut;
  readonly profile: string;
  /** Each set is one pull request; the first one begins with the version itself. */
  readonly sets: readonly (readonly ReleaseTag[])[];
}

/** A text that is no version which could be cut. The hint suggests one. */
export class VersionError extends WaybillError<"invalid-version"> {
  override readonly name = "VersionError";
}

/** Which profile decides. */
export interface ReleaseTagsOptions {
  /** `kubernetes-2021` when it is left out. */
  readonly profile?: string | undefined;
  /** Profiles of the user's own: `releases` of the settings. */
  readonly profiles?: Readonly<Record<string, ReleaseProfile>>;
}

/**
 * The tags to promote when a version is cut, each with its reason: the version itself, and what its profile promotes with
 * it. Numbers may be as large as a tag has room for.
 * @param version such as `v1.30.0`, `v1.30.0-rc.0`: as a tag has it, with its `v`.
 * @throws {VersionError} `invalid-version`, with the version that may have been meant.
 * @throws {ReleaseProfileError} `unknown-profile`.
 */
export function releaseTags(
  version: string,
  { profile = defaultProfile, profiles = {} }: ReleaseTagsOptions = {},
): ReleaseTags {
  const { tag, cut, numbers } = parseVersion(version);
  const { name, companions, separately } = findProfile(profile, profiles);
  const tags: ReleaseTag[] = [{ tag, reason: `${inWords[cut]}: the version that is cut` }];
  for (const { template, reason } of companions[cut] ?? []) {
    const other = expandTagTemplate(template, numbers);
    if (!isTag(other)) {
      throw new VersionError("invalid-version", `${tag} has no room for ${template} in a tag`);
    }
    if (!tags.some((known) => known.tag === other)) tags.push({ tag: other, reason });
  }
  const sets = separately ? tags.map((one) => [one]) : [tags];
  return { format: "waybill-release-tags/1", version: tag, cut, profile: name, sets };
}

interface Version {
  readonly tag: Tag;
  readonly cut: ReleaseCut;
  readonly numbers: VersionNumbers;
}

/** Semantic versions as they are cut: none has build metadata, for which tags have no sign. */
const grammar = /^v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(?:-(alpha|beta|rc)\.(0|[1-9][0-9]*))?$/;

function parseVersion(text: string): Version {
  const match = grammar.exec(text);
  if (match === null || !isTag(text)) throw refusal(text);
  const [, major = "", minor = "", patch = "", label, count] = match;
  const numbers = { major: BigInt(major), minor: BigInt(minor), patch: BigInt(patch) };
  const isFirst = label === "rc" && count === "0" && numbers.patch === 0n;
  const cut = isFirst ? "first-rc" : ((label ?? "stable") as ReleaseCut);
  return { tag: text, cut, numbers };
}

function refusal(text: string): VersionError {
  const shown = JSON.stringify(text.slice(0, 80));
  const meant = nearestVersion(text);
  const example = "a version is written as v1.30.0, v1.30.0-rc.1, v1.30.0-beta.0 or v1.30.0-alpha.2";
  return new VersionError("invalid-version", `${shown} ${faultOf(text)}`, {
    hint: meant === undefined ? example : `did you mean ${meant}?`,
  });
}

function faultOf(text: string): string {
  if (text.length > 128) return "is longer than a tag may be";
  if (/^[0-9]/.test(text)) return "is no version that is cut: it lacks the v that its tags begin with";
  if (/^v[0-9.]+(?:-[0-9A-Za-z.-]+)?\+/.test(text)) {
    return "has build metadata, which no tag can hold";
  }
  if (/(?:^v|[.])0[0-9]/.test(text)) return "is no version that is cut: a number begins with 0";
  return "is no version that is cut";
}

const anyVersion =
  /^(?:[\w./-]*\/)?(?:release-)?v?([0-9]{1,40})(?:\.([0-9]{1,40}))?(?:\.([0-9]{1,40}))?(?:[-.]?(alpha|beta|rc)[-.]?([0-9]{1,40})?)?(?:\+.*)?$/i;

/** The version that somebody may have meant who wrote `1.30`, `V1.30.0`, `v1.30.0-rc1`, `v01.30.0` or `release-1.30`. */
function nearestVersion(text: string): string | undefined {
  const match = text.length > 128 ? null : anyVersion.exec(text.trim());
  if (match === null) return undefined;
  const [, major = "0", minor = "0", patch = "0", label, count = "0"] = match;
  const numbers = [major, minor, patch].map((digits) => BigInt(digits)).join(".");
  return label === undefined ? `v${numbers}` : `v${numbers}-${label.toLowerCase()}.${BigInt(count)}`;
}
