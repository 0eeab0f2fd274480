import { firstOf, printable } from "../diagnostics/index.ts";
import { isDigest } from "../oci/index.ts";
import { type BuildClaims, buildClaims, provenanceTypes } from "../slsa/index.ts";
import { answerOf, type DemandAnswer, onImageOrPlatforms, unreadable } from "./answer.ts";
import type { Evidence, EvidenceItem } from "./model.ts";
import type { BaseImageDemand, PlatformsDemand, SbomDemand } from "./rule.ts";
import { signerId, signerWords } from "./signers.ts";
import { ageFault, signerOf } from "./statements.ts";
import { fitsGlob } from "./text-pattern.ts";

/** What begins the type of an SBOM, as a statement or bare, by the format of the SBOM. */
const sbomTypes: Readonly<Record<SbomFormat, readonly string[]>> = {
  spdx: ["https://spdx.dev/Document", "text/spdx", "application/spdx+json"],
  cyclonedx: ["https://cyclonedx.org/bom", "application/vnd.cyclonedx"],
  syft: ["https://syft.dev/bom", "application/vnd.syft"],
};

export const sbomFormats = ["spdx", "cyclonedx", "syft"] as const;
/** A format that SBOMs are written in. */
export type SbomFormat = (typeof sbomFormats)[number];

/** Whether statements of a type are SBOMs. */
export function isSbomType(type: string): boolean {
  return Object.values(sbomTypes).some((types) => types.some((each) => type.startsWith(each)));
}

/** Whether there is an SBOM; where signers are named, one by them. */
export function sbomAnswer(evidence: Evidence, demand: SbomDemand, now: Date): DemandAnswer {
  const formats = demand.formats ?? sbomFormats;
  const formatOf = ({ statement }: EvidenceItem) =>
    formats.find((format) => sbomTypes[format].some((type) => statement?.predicateType.startsWith(type)));
  return onImageOrPlatforms(evidence, (each) =>
    answerOf(each, {
      what: "an SBOM",
      concerns: (item) => formatOf(item) !== undefined,
      judge: (item) => {
        const what = `an SBOM (${formatOf(item)})`;
        if (demand.by === undefined && item.signature.state !== "failed" && demand.maxAge === undefined)
          return { passes: true, why: what };
        const signer =
          demand.by === undefined && item.signature.state === "verified"
            ? item.signature
            : signerOf(item, demand.by ?? []);
        if (!("by" in signer)) return signer;
        const old = ageFault(item, signer.signedAt, demand.maxAge, now);
        if (old !== undefined) return { passes: false, why: old };
        return {
          passes: true,
          why: `${what}, signed by ${signerWords(signer.by)}`,
          signer: signerId(signer.by),
        };
      },
    }),
  );
}

/** Whether an index lists images for all platforms; an image alone is for one, where that is known. A variant that is not named does not matter. */
export function platformsAnswer(evidence: Evidence, { platforms }: PlatformsDemand): DemandAnswer {
  const own = evidence.platform === undefined ? [] : [evidence.platform];
  const there = evidence.platforms.length > 0 ? evidence.platforms.map(({ platform }) => platform) : own;
  const absent = platforms.filter(
    (wanted) => !there.some((each) => each === wanted || each.startsWith(`${wanted}/`)),
  );
  if (absent.length === 0)
    return { outcome: "satisfied", why: `it is for ${firstOf(platforms, 5)}`, accepted: [] };
  if (there.length === 0 && evidence.unread.length > 0)
    return unreadable("an image for each platform", evidence.unread);
  if (there.length === 0)
    return { outcome: "missing", why: "it is no index that lists images for platforms", accepted: [] };
  const why = `it is not for ${firstOf(absent, 5)}, but for ${firstOf(
    there.map((each) => printable(each)),
    5,
  )}`;
  return { outcome: "missing", why, accepted: [] };
}

interface BaseImage {
  readonly name: string;
  readonly digest?: string | undefined;
}

/**
 * Whether an image is built on what may be built on. Where signers are named, it is all images that went in, as provenance by one
 * of them says. Where none is, the image's own annotations name its base (OCI image specification, annotations.md): its digest
 * covers them, and whoever pushed it has written them.
 */
export function baseImageAnswer(evidence: Evidence, demand: BaseImageDemand, now: Date): DemandAnswer {
  return onImageOrPlatforms(evidence, (each) => {
    if (demand.by.length === 0) {
      const annotated = annotatedBase(each);
      if (annotated === undefined && each.unread.length > 0)
        return unreadable("a word of what it is built on", each.unread);
      if (annotated === undefined)
        return { outcome: "missing", why: "the image does not say what it is built on", accepted: [] };
      const fault = baseFault([annotated], demand);
      return fault === undefined
        ? { outcome: "satisfied", why: `built on ${baseWords(annotated)}, as it says itself`, accepted: [] }
        : { outcome: "failed", why: fault, accepted: [] };
    }
    return answerOf(each, {
      what: "a word of what it is built on",
      concerns: ({ statement }) => provenanceTypes.includes(statement?.predicateType ?? ""),
      judge: (item) => {
        const signer = signerOf(item, demand.by);
        if (!("by" in signer)) return signer;
        const claims = buildClaims(item.statement?.predicate);
        const bases = claims === undefined ? [] : imagesIn(claims);
        if (bases.length === 0) return { passes: false, why: "it names no image that went in" };
        const fault = baseFault(bases, demand) ?? ageFault(item, signer.signedAt, demand.maxAge, now);
        if (fault !== undefined) return { passes: false, why: fault };
        return {
          passes: true,
          why: `built on ${firstOf(bases.map(baseWords), 2)}`,
          signer: signerId(signer.by),
        };
      },
    });
  });
}

function annotatedBase({ annotations }: Evidence): BaseImage | undefined {
  const name = annotations?.["org.opencontainers.image.base.name"];
  const digest = annotations?.["org.opencontainers.image.base.digest"];
  return name === undefined || name === "" ? undefined : { name: fullName(name), digest };
}

/** Images among what went into a build: `pkg:docker/alpine@3.20?digest=sha256:…` of BuildKit, `docker://NAME`, `oci://NAME`. */
function imagesIn({ materials }: BuildClaims): readonly BaseImage[] {
  return materials.flatMap(({ uri, digest }): BaseImage[] => {
    const hex = digest.sha256;
    const digestSaid = hex === undefined ? undefined : `sha256:${hex}`;
    const [, package_ = "", query = ""] = /^pkg:(?:docker|oci)\/([^?#]+)(?:\?([^#]*))?/.exec(uri) ?? [];
    if (package_ !== "") {
      const more = new URLSearchParams(query);
      const name = decodeURIComponentOr(package_.split("@")[0] ?? "");
      return [
        {
          name: fullName(more.get("repository_url") ?? name),
          digest: digestSaid ?? more.get("digest") ?? undefined,
        },
      ];
    }
    const [, reference] = /^(?:docker|oci):\/\/(.+)$/.exec(uri) ?? [];
    return reference === undefined ? [] : [{ name: fullName(reference), digest: digestSaid }];
  });
}

function baseFault(bases: readonly BaseImage[], { images, digests }: BaseImageDemand): string | undefined {
  const odd = bases.find(
    ({ name, digest }) =>
      !images.some((glob) => fitsGlob(glob, name)) ||
      (digests !== undefined && !digests.some((allowed) => allowed === digest)),
  );
  return odd === undefined ? undefined : `it is built on ${baseWords(odd)}, which is not allowed`;
}

function baseWords({ name, digest = "" }: BaseImage): string {
  return isDigest(digest) ? `${printable(name)}@${digest.slice(0, 19)}` : printable(name);
}

/** The repository of a reference, with the host and the folder that Docker leaves out. */
function fullName(reference: string): string {
  const [name = ""] = reference.split("@");
  const bare = name.replace(/:[^/:]*$/, "");
  const [first = "", ...rest] = bare.split("/");
  if (rest.length === 0) return `docker.io/library/${first}`;
  return /[.:]|^localhost$/.test(first) ? bare : `docker.io/${bare}`;
}

function decodeURIComponentOr(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
