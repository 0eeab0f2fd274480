import { phrase } from "../errors/index.ts";
import {
  cosignTag,
  type Descriptor,
  type Digest,
  formatReference,
  type ImageDocument,
  isAttestation,
  isIndexType,
  mediaTypes,
  readImageContent,
  subjectOf,
} from "../oci/index.ts";
import { placeOf, RegistryError, type Repository } from "../registry/index.ts";
import { type Provenance, type ReadStatement, readStatements } from "./read.ts";

/** Provenance that is attached to an image. */
export interface FoundProvenance {
  readonly provenance: Provenance;
  /**
   * What it is about: the image itself, the image of one of its platforms, or something else, so that it says nothing
   * of this image.
   */
  readonly about: "image" | "platform" | "other";
  /** How it hangs there: by the image's referrers, by cosign's tag, or as BuildKit does, in the index. */
  readonly way: "referrer" | "tag" | "index";
  /** The manifest that holds it. */
  readonly manifest: Digest;
  /** The statement, or the envelope that it is in, as it is stored. */
  readonly bytes: Buffer;
}

/** Artifact types of manifests that hold attestations. */
const attestationTypes = /in-toto|sigstore\.bundle|provenance/;
/** Referrers that are read to find out where an image comes from. */
const maxReferrers = 8;

/** Whether a manifest is for attestations, as far as its artifact type tells. */
export function holdsAttestations({ artifactType }: Pick<Descriptor, "artifactType">): boolean {
  return attestationTypes.test(artifactType ?? "");
}

/**
 * The referrers to read for provenance: those that say that they are it, then those that say that they are attestations,
 * then those that say nothing of what they are. They are few, for anybody may attach any number; `passedOver` says how many more
 * there are.
 */
export function provenanceReferrers(referrers: readonly Descriptor[]) {
  const saysSo = ({ annotations }: Descriptor) =>
    Object.entries(annotations ?? {}).some(
      ([key, value]) => /predicate-?type$/i.test(key) && value.includes("slsa.dev/provenance"),
    );
  const isUntold = ({ artifactType }: Descriptor) => !artifactType || artifactType === mediaTypes.ociEmpty;
  const others = referrers.filter((each) => !saysSo(each));
  const likely = [
    ...referrers.filter(saysSo),
    ...others.filter(holdsAttestations),
    ...others.filter(isUntold),
  ];
  return { first: likely.slice(0, maxReferrers), passedOver: Math.max(0, likely.length - maxReferrers) };
}

/** Why nothing can be said of the provenance of an image: it may be in what was not read. */
export function tooManyReferrers(repository: Repository, digest: Digest, passedOver: number): RegistryError {
  return new RegistryError(
    "too-large",
    phrase`of what is attached to the image, ${passedOver} manifests more may be its provenance than are read`,
    {
      ...placeOf(repository),
      where: formatReference(repository.name, digest),
      hint: "whoever may push there may attach anything: look at what is attached, and clear it up",
    },
  );
}

/**
 * The provenance of an image: of its referrers, of cosign's tag, or of its index. What is about the image or one of its
 * platforms is preferred; what is about something else is told, when there is nothing better. Takes about four small
 * requests where there is none.
 * @returns `undefined` when none is attached.
 * @throws {RegistryError} when something of it cannot be read, and `too-large` when none is in what was read, and more is
 * attached than that.
 */
export async function findProvenance(
  repository: Repository,
  digest: Digest,
): Promise<FoundProvenance | undefined> {
  const root = await repository.fetch(digest);
  const content =
    root !== undefined && isIndexType(root.descriptor.mediaType)
      ? readImageContent(root, repository.name)
      : undefined;
  const children = content?.children ?? [];
  const about = [digest, ...children.filter((child) => !isAttestation(child)).map((child) => child.digest)];
  const { first, passedOver } = provenanceReferrers(await repository.referrers(digest));
  let stray: FoundProvenance | undefined;
  for await (const { way, document } of holders(repository, digest, first, children)) {
    const { found, other } = await readStatements(repository, document, about);
    const told = (read: ReadStatement, kind: FoundProvenance["about"]): FoundProvenance => ({
      provenance: read.provenance,
      about: kind,
      way,
      manifest: document.descriptor.digest,
      bytes: read.bytes,
    });
    if (found !== undefined) {
      return told(found, found.provenance.subject === digest ? "image" : "platform");
    }
    if (other !== undefined) stray ??= told(other, "other");
  }
  if (passedOver > 0) throw tooManyReferrers(repository, digest, passedOver);
  return stray;
}

/** Manifests that may hold statements about an image, the most likely first; each is asked for only when it is needed. */
async function* holders(
  repository: Repository,
  digest: Digest,
  referrers: readonly Descriptor[],
  children: readonly Descriptor[],
): AsyncGenerator<{ readonly way: FoundProvenance["way"]; readonly document: ImageDocument }> {
  for (const referrer of referrers) {
    const document = await repository.fetch(referrer.digest);
    // What a list says of a manifest counts only if the manifest says so, too.
    if (document === undefined || subjectOf(document, repository.name) !== digest) continue;
    yield { way: "referrer", document };
  }
  const tagged = await repository.fetch(cosignTag(digest, "att"));
  if (tagged !== undefined) yield { way: "tag", document: tagged };
  const [attestation] = children.filter(isAttestation);
  const document = attestation === undefined ? undefined : await repository.fetch(attestation.digest);
  if (document !== undefined) yield { way: "index", document };
}
