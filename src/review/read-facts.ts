import pLimit from "p-limit";
import { type DocumentCache, type FetchDocument, WideImages } from "../copy/index.ts";
import { failureRecord } from "../errors/index.ts";
import { describeImage, type ImageDescription } from "../inspect/index.ts";
import { type Digest, hexOf, parseTag, type RepositoryName, subjectOf } from "../oci/index.ts";
import type { OpenRepository } from "../promotion/index.ts";
import {
  holdsAttestations,
  type Provenance,
  provenanceReferrers,
  readStatements,
  tooManyReferrers,
} from "../provenance/index.ts";
import type { Repository } from "../registry/index.ts";
import { type AttachmentTree, type ImageTrust, signerInWords, vouchedProvenance } from "../trust/index.ts";
import type {
  Attached,
  ImageDifference,
  ImageFacts,
  LineFacts,
  PreviousFacts,
  SourceLabels,
} from "./facts.ts";

export interface FactsQuestion {
  readonly source: RepositoryName;
  readonly digest: Digest;
  readonly previous?: Pick<PreviousFacts, "digest" | "tag" | "at"> | undefined;
}

/** Lines that are read at the same time; the policy of each host bounds what really is in flight. */
const linesAtOnce = 8;

/**
 * Reads facts of lines; images that several lines name are read once. Reads from staging alone, and of each image a bounded number of documents: itself, two for each platform, the same of
 * the version before it, three tags, its referrers, and a few statements about it; and where anybody is believed, all that
 * hangs on it, for provenance that was signed.
 * @throws {RegistryError} from what it returns, when the image itself cannot be read. What else cannot be read is a
 * failure among the facts.
 */
export function factsReader(
  open: OpenRepository,
  documents: DocumentCache,
  trust?: Pick<ImageTrust, "believesAnybody" | "attachments">,
): (question: FactsQuestion) => Promise<LineFacts> {
  const limit = pLimit(linesAtOnce);
  const wideImages = new WideImages();
  const descriptions = new Map<string, Promise<ImageDescription | undefined>>();
  const attachments = new Map<ImageDescription, ReturnType<typeof attachedTo>>();
  const describe = (repository: Repository, digest: Digest): Promise<ImageDescription | undefined> => {
    const key = `${repository.name}@${digest}`;
    const read = async (): Promise<ImageDescription | undefined> => {
      const seat = wideImages.seat();
      try {
        return await describeImage(repository, digest, documents.of(repository), seat.widen);
      } finally {
        seat.leave();
      }
    };
    const known = descriptions.get(key) ?? read();
    descriptions.set(key, known);
    return known;
  };

  const previousFacts = async (
    repository: Repository,
    image: ImageDescription,
    previous: NonNullable<FactsQuestion["previous"]>,
  ): Promise<PreviousFacts> => {
    try {
      const before = await describe(repository, previous.digest);
      return before === undefined ? previous : { ...previous, difference: differenceOf(before, image) };
    } catch (error) {
      return { ...previous, failure: failureRecord(error) };
    }
  };

  const attached = (repository: Repository, image: ImageDescription): ReturnType<typeof attachedTo> => {
    const known = attachments.get(image) ?? attachedTo(repository, image, documents.of(repository));
    attachments.set(image, known);
    return known;
  };

  return (question) =>
    limit(async () => {
      const repository = open(question.source);
      const image = await describe(repository, question.digest);
      if (image === undefined) return { attached: nothing };
      const [previous, found, vouched] = await Promise.all([
        question.previous === undefined ? undefined : previousFacts(repository, image, question.previous),
        attached(repository, image),
        trust?.believesAnybody ? vouchedFacts(await trust.attachments(question.source, image.digest)) : {},
      ]);
      return { image: imageFacts(image), previous, ...found, ...vouched };
    });
}

/** Provenance that somebody has signed who is believed counts before what anybody may have written. */
function vouchedFacts(tree: AttachmentTree): Pick<LineFacts, "provenance" | "verifiedBy"> {
  const [vouched] = vouchedProvenance(tree);
  return vouched === undefined
    ? {}
    : { provenance: vouched.provenance, verifiedBy: signerInWords(vouched.by) };
}

const nothing: Attached = { signature: false, attestation: false, sbom: false, referrers: [] };

/** Artifact types by which clients attach signatures: cosign, its bundles, and notation. */
const signatureTypes = /cosign\.artifact\.sig|sigstore\.bundle|cncf\.notary\.signature/;
const sbomTypes = /spdx|cyclonedx|syft/;

async function attachedTo(
  repository: Repository,
  image: ImageDescription,
  fetch: FetchDocument,
): Promise<Pick<LineFacts, "attached" | "provenance">> {
  const failures: unknown[] = [];
  const attempt = async <Result>(work: () => Promise<Result>): Promise<Result | undefined> => {
    try {
      return await work();
    } catch (error) {
      failures.push(error);
      return undefined;
    }
  };
  const tag = (kind: string) => parseTag(`${image.digest.replace(":", "-").slice(0, 71)}.${kind}`);
  const isCosign = hexOf(image.digest).length === 64;
  const cosign = (kind: string) =>
    isCosign ? attempt(() => repository.resolve(tag(kind))) : Promise.resolve(undefined);
  const [signature, attestation, sbom, referrers = []] = await Promise.all([
    cosign("sig"),
    cosign("att"),
    cosign("sbom"),
    attempt(() => repository.referrers(image.digest)),
  ]);
  const types = [...new Set(referrers.map(({ artifactType, mediaType }) => artifactType ?? mediaType))];
  const { first, passedOver } = provenanceReferrers(referrers);
  const asReferrers = new Set(first.map(({ digest }) => digest));
  const statements = [
    ...first,
    ...(attestation === undefined ? [] : [attestation]),
    ...image.attestations.slice(0, 1),
  ];
  const about = [image.digest, ...image.children.map(({ digest }) => digest)];
  let provenance: Provenance | undefined;
  for (const { digest } of statements) {
    provenance ??= await attempt(async () => {
      const document = await fetch(digest);
      if (document === undefined) return undefined;
      const isStray = asReferrers.has(digest) && subjectOf(document, repository.name) !== image.digest;
      return isStray ? undefined : (await readStatements(repository, document, about)).found?.provenance;
    });
  }
  if (provenance === undefined && passedOver > 0) {
    failures.push(tooManyReferrers(repository, image.digest, passedOver));
  }
  const attached: Attached = {
    signature: signature !== undefined || types.some((type) => signatureTypes.test(type)),
    attestation:
      attestation !== undefined || image.attestations.length > 0 || referrers.some(holdsAttestations),
    sbom: sbom !== undefined || types.some((type) => sbomTypes.test(type)),
    referrers: types,
    failure: failures.length === 0 ? undefined : failureRecord(failures[0]),
  };
  return { attached, provenance };
}

const maxLabelLength = 500;
const labelNames = ["revision", "source", "version"] as const;

/** A description, cut down to what a review shows. */
export function imageFacts(image: ImageDescription): ImageFacts {
  const { mediaType, artifactType, created, size, platforms, layers, isPartial } = image;
  const same = { mediaType, artifactType, created, size, platforms, isPartial };
  return { ...same, layers: layers.length, labels: sourceLabels(image) };
}

function sourceLabels({ labels }: Pick<ImageDescription, "labels">): SourceLabels {
  return Object.fromEntries(
    labelNames.flatMap((name) => {
      const value = labels[`org.opencontainers.image.${name}`];
      return value ? [[name, value.slice(0, maxLabelLength)]] : [];
    }),
  );
}

/** What is different in an image from the one before it. */
export function differenceOf(before: ImageDescription, after: ImageDescription): ImageDifference {
  const [then, now] = [before, after].map(
    ({ layers }) => new Map(layers.map((layer) => [layer.digest, layer.size])),
  );
  const sum = (layers: Iterable<readonly [Digest, number]>) => {
    const all = [...layers];
    return { count: all.length, bytes: all.reduce((total, [, size]) => total + size, 0) };
  };
  const only = (some: Iterable<readonly [Digest, number]> = [], others?: ReadonlyMap<Digest, number>) =>
    sum([...some].filter(([digest]) => !others?.has(digest)));
  const [earlier, later] = [sourceLabels(before), sourceLabels(after)];
  return {
    layers: {
      added: only(now, then),
      removed: only(then, now),
      shared: sum([...(now ?? [])].filter(([digest]) => then?.has(digest))),
    },
    platforms: {
      added: after.platforms.filter((platform) => !before.platforms.includes(platform)),
      missing: before.platforms.filter((platform) => !after.platforms.includes(platform)),
    },
    labels: labelNames.flatMap((name) => {
      const [before, after] = [earlier[name], later[name]];
      return before === after ? [] : { name, before, after };
    }),
  };
}
