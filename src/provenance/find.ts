import {
  type Descriptor,
  type Digest,
  type ImageDocument,
  isAttestation,
  isIndexType,
  parseTag,
  readImageContent,
  type Tag,
} from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
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
const mostReferrers = 2;

/** Whether a manifest is for attestations, as far as its artifact type tells. */
export function holdsAttestations({ artifactType }: Pick<Descriptor, "artifactType">): boolean {
  return attestationTypes.test(artifactType ?? "");
}

/**
 * The referrers to read for provenance, in the order to read them; few of them, for anybody may attach any number.
 * Those that say that they are provenance come first.
 */
export function provenanceReferrers(referrers: readonly Descriptor[]): readonly Descriptor[] {
  const saysSo = ({ annotations }: Descriptor) =>
    Object.entries(annotations ?? {}).some(
      ([key, value]) => /predicate-?type$/i.test(key) && value.includes("slsa.dev/provenance"),
    );
  const others = referrers.filter((each) => !saysSo(each) && holdsAttestations(each));
  return [...referrers.filter(saysSo), ...others].slice(0, mostReferrers);
}

/** The tag under which cosign keeps attestations of an image, when it is not told to use referrers. */
function attestationTag(digest: Digest): Tag {
  return parseTag(`${digest.replace(":", "-").slice(0, 71)}.att`);
}

/**
 * The provenance of an image: of its referrers, of cosign's tag, or of its index. What is about the image or one of its
 * platforms is preferred; what is about something else is told, when there is nothing better. Takes about four small
 * requests where there is none.
 * @returns `undefined` when none is attached.
 * @throws {RegistryError} when something of it cannot be read.
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
  let stray: FoundProvenance | undefined;
  for await (const { way, document } of holders(repository, digest, children)) {
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
  return stray;
}

/** Manifests that may hold statements about an image, the most likely first; each is asked for only when it is needed. */
async function* holders(
  repository: Repository,
  digest: Digest,
  children: readonly Descriptor[],
): AsyncGenerator<{ readonly way: FoundProvenance["way"]; readonly document: ImageDocument }> {
  for (const referrer of provenanceReferrers(await repository.referrers(digest))) {
    const document = await repository.fetch(referrer.digest);
    if (document !== undefined) yield { way: "referrer", document };
  }
  const tagged = await repository.fetch(attestationTag(digest));
  if (tagged !== undefined) yield { way: "tag", document: tagged };
  const [attestation] = children.filter(isAttestation);
  const document = attestation === undefined ? undefined : await repository.fetch(attestation.digest);
  if (document !== undefined) yield { way: "index", document };
}
