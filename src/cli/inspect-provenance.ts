import { harmless } from "../errors/index.ts";
import type { Digest, RepositoryName } from "../oci/index.ts";
import type { FoundProvenance } from "../provenance/index.ts";
import type { Registries } from "../registry/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { readForWork } from "./manifests.ts";
import { asJson, deliver } from "./output.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

export interface Inspected {
  readonly repository: RepositoryName;
  readonly digest: Digest;
}

export interface ProvenanceOptions {
  readonly raw?: boolean;
  /** Where promoter manifests are, that say where an image of production comes from. */
  readonly manifests?: string;
}

interface Place {
  readonly repository: RepositoryName;
  /** The project that promotes from there; `undefined` for the repository itself. */
  readonly project: string | undefined;
}

interface Result {
  readonly place: Place;
  readonly found: FoundProvenance;
  /** Who signed exactly that, in words, where the signature was verified. */
  readonly verifiedBy?: string | undefined;
}

/**
 * Prints what built an image. Looks in its own repository, then where the manifests promote it from.
 * @returns 2 when there is none, or none that is about the image.
 */
export async function printProvenance(
  session: Session,
  registries: Registries,
  image: Inspected,
  options: ProvenanceOptions,
): Promise<ExitCode> {
  const places = [{ repository: image.repository, project: undefined }];
  const here = await lookIn(registries, places, image.digest);
  const origins = here !== undefined ? [] : await originsOf(session, image, options.manifests);
  const told = here ?? (await lookIn(registries, origins, image.digest));
  const result = told && { ...told, verifiedBy: await signerOf(session, registries, image.digest, told) };
  if (result === undefined) {
    await deliver(session, {
      text: (shown) => sayNothingFound(shown, image, options.manifests, origins),
      json: () => asJson(documentOf(image, undefined)),
    });
    return exitCodes.notAsDesired;
  }
  const { bytes } = result.found;
  await deliver(session, {
    text: (shown) => {
      if (options.raw) shown.write(bytes);
      else for (const line of linesOf(image, result)) shown.print(line);
    },
    json: () => (options.raw ? bytes : asJson(documentOf(image, result))),
  });
  return result.found.about === "other" ? exitCodes.notAsDesired : exitCodes.asDesired;
}

async function lookIn(
  registries: Registries,
  places: readonly Place[],
  digest: Digest,
): Promise<Result | undefined> {
  const { findProvenance } = await import("../provenance/index.ts");
  let stray: Result | undefined;
  for (const place of places) {
    const found = await findProvenance(registries.repository(place.repository), digest);
    if (found !== undefined && found.about !== "other") return { place, found };
    if (found !== undefined) stray ??= { place, found };
  }
  return stray;
}

/** Who signed what was found, if anybody is believed by the settings and it was one of those. */
async function signerOf(
  session: Session,
  registries: Registries,
  digest: Digest,
  { place, found }: Result,
): Promise<string | undefined> {
  const { signerInWords, trustOf, vouchedProvenance } = await import("../trust/index.ts");
  const { isDeepStrictEqual } = await import("node:util");
  const { trust: settings } = await session.settings();
  const trust = await trustOf({ tree: { manifests: [] }, settings, open: registries.repository });
  if (!trust.believesAnybody || found.about === "other") return undefined;
  const vouched = vouchedProvenance(await trust.attachments(place.repository, digest));
  const same = vouched.find(({ provenance }) => isDeepStrictEqual(provenance, found.provenance));
  return same && signerInWords(same.by);
}

async function originsOf(
  session: Session,
  { repository, digest }: Inspected,
  path: string | undefined,
): Promise<readonly Place[]> {
  if (path === undefined) return [];
  const { promotedFrom } = await import("../manifest/index.ts");
  const { manifests } = await readForWork(path, session);
  const found = promotedFrom(manifests, repository, digest);
  // What the manifests do not list was not promoted by them, unless nothing is listed any more.
  const listed = found.filter(({ isListed }) => isListed);
  return (listed.length > 0 ? listed : found).map(({ project, source }) => ({ project, repository: source }));
}

function sayNothingFound(
  terminal: Terminal,
  { repository, digest }: Inspected,
  manifests: string | undefined,
  origins: readonly Place[],
): void {
  const looked = [repository, ...origins.map((place) => place.repository)].join(" and in ");
  terminal.say(`no provenance is attached to ${digest} in ${looked}`);
  if (manifests === undefined) {
    terminal.say(
      "hint: if it was promoted, its provenance stays in staging: --manifests DIR looks there, " +
        "in the repository that the promoter manifests in DIR promote it from",
    );
  } else if (origins.length === 0) {
    terminal.say(`hint: no manifest in ${harmless(manifests)} has a destination that holds ${repository}`);
  }
}

function documentOf({ repository, digest }: Inspected, result: Result | undefined): object {
  const asked = { format: "waybill-provenance/1", repository, digest };
  if (result === undefined) return { ...asked, verified: false, provenance: null };
  const { place, found, verifiedBy } = result;
  return {
    ...asked,
    verified: verifiedBy !== undefined,
    ...(verifiedBy === undefined ? {} : { verifiedBy }),
    ...(place.project === undefined
      ? {}
      : { promotedFrom: { project: place.project, repository: place.repository } }),
    about: found.about,
    way: found.way,
    manifest: found.manifest,
    provenance: found.provenance,
  };
}

const aboutInWords = {
  image: "the same",
  platform: "not the same: it is about the image of one platform",
  other: "NOT THE SAME: it says nothing of this image",
} as const satisfies Record<FoundProvenance["about"], string>;

const waysInWords = {
  referrer: "as its referrer",
  tag: "by cosign's tag",
  index: "in its index",
} as const satisfies Record<FoundProvenance["way"], string>;

function linesOf({ repository, digest }: Inspected, { place, found, verifiedBy }: Result): string[] {
  const { provenance, about, way, manifest } = found;
  const { source, commit, isDirty, config, builder, buildType, run, startedAt, finishedAt } = provenance;
  const materials = (provenance.materials ?? []).filter(({ uri }) => uri !== source);
  const rows: readonly (readonly [string, string | readonly string[] | undefined])[] = [
    ["image", `${repository}@${digest}`],
    ["promoted from", place.project === undefined ? undefined : `${place.repository} (${place.project})`],
    ["source", source],
    [
      "commit",
      commit === undefined ? undefined : `${commit}${isDirty ? ", and changes that are in no commit" : ""}`,
    ],
    ["config", config],
    ["builder", builder],
    ["build type", buildType],
    ["run", run],
    ["started", startedAt],
    ["finished", finishedAt],
    [
      "substitutions",
      Object.entries(provenance.substitutions ?? {}).map(([key, value]) => `${key}=${value}`),
    ],
    ["materials", materials.map(({ uri, digest: of }) => (of === undefined ? uri : `${uri} ${of}`))],
    ["attached to", `${digest}, ${waysInWords[way]} ${manifest}`],
    ["subject", `${provenance.subject ?? "none that can be read"} (${aboutInWords[about]})`],
    [
      "verified",
      verifiedBy === undefined
        ? "no: this was read, and nobody who is believed here has signed it; whoever may push there may have written it"
        : `yes: signed by ${verifiedBy}`,
    ],
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.flatMap(([name, value]) =>
    [value ?? []].flat().map((text, at) => `${(at === 0 ? name : "").padEnd(width)}${harmless(text)}`),
  );
}
