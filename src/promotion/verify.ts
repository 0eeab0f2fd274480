import { createDocumentCache, type ImageGraph, readGraph } from "../copy/index.ts";
import { type FailureRecord, failureRecord, WaybillError } from "../errors/index.ts";
import type { PromoterManifest } from "../manifest/index.ts";
import {
  type Descriptor,
  type Digest,
  isForeignLayerType,
  type RepositoryName,
  type Tag,
} from "../oci/index.ts";
import { RegistryError, type Repository } from "../registry/index.ts";
import { onEachHost } from "./by-host.ts";
import { type DesiredImage, type DesiredRepository, desiredRepositories } from "./desired.ts";
import { interruption, isInterrupted } from "./interruption.ts";
import { type Reading, readRepositoryState } from "./inventory.ts";
import type { OpenRepository } from "./planning.ts";

/**
 * - `missing-tag`: the tag is not there.
 * - `tag-elsewhere`: the tag stands at another digest.
 * - `missing-image`: the digest is not there.
 * - `incomplete`: a manifest, config or layer that the image needs is not there.
 * - `unlisted-referrer`: a manifest is about another image, and the list of that image's referrers lacks it.
 * - `corrupt`: a manifest is there but is not what its digest says, or not all read the same in it.
 * - `unread`: it could not be found out.
 */
export type FindingKind =
  | "missing-tag"
  | "tag-elsewhere"
  | "missing-image"
  | "incomplete"
  | "unlisted-referrer"
  | "corrupt"
  | "unread";

/** One way in which production is not what the manifests say. */
export interface Finding {
  readonly kind: FindingKind;
  readonly destination: RepositoryName;
  readonly digest: Digest;
  readonly tag: Tag | null;
  /** `file:line:column` of the line that asks for it. */
  readonly at: string;
  readonly message: string;
  /** Where the tag stands instead. */
  readonly current?: Digest;
  /** The object that is missing from the image. */
  readonly missing?: Digest;
  readonly failure?: FailureRecord;
}

/** What verification found, and how much it looked at. */
export interface Verification {
  readonly format: "waybill-verification/1";
  readonly repositories: number;
  readonly images: number;
  readonly tags: number;
  /** Blobs whose presence was asked for. */
  readonly blobs: number;
  readonly findings: readonly Finding[];
  /** It was ended from outside before all was looked at. */
  readonly interrupted: boolean;
}

/** What to verify, and who is told. */
export interface VerifyOptions {
  readonly manifests: readonly PromoterManifest[];
  readonly open: OpenRepository;
  readonly onProgress?: (done: number, total: number) => void;
  /** No repository is begun once it is aborted: the images of those that are left are `unread`. */
  readonly signal?: AbortSignal;
}

const repositoriesAtOnce = 32;

/**
 * Checks that every destination holds every listed digest under every listed tag, and each image's whole closure:
 * manifests are fetched and hashed, configs and layers are asked for by digest; foreign layers, which no registry
 * need hold, are not. Never writes and never throws for what a registry does: what could not be read is a finding.
 */
export async function verifyProduction(options: VerifyOptions): Promise<Verification> {
  const desired = desiredRepositories(options.manifests);
  const counts = { images: 0, tags: 0, blobs: 0 };
  let done = 0;
  const findings = await onEachHost(desired, repositoriesAtOnce, async (repository) => {
    if (options.signal?.aborted) return notLookedAt(repository);
    const verifier = new RepositoryVerifier(() => options.open(repository.destination));
    const found = await verifier.verify(repository);
    counts.images += repository.images.length;
    counts.tags += repository.images.reduce((sum, { tags }) => sum + tags.length, 0);
    counts.blobs += verifier.blobs;
    done += 1;
    options.onProgress?.(done, desired.length);
    return found;
  });
  const all = findings.flat();
  return {
    format: "waybill-verification/1",
    repositories: desired.length,
    ...counts,
    findings: all,
    interrupted: all.some(({ failure }) => isInterrupted(failure)),
  };
}

/** Looks at one production repository; manifests and blobs that images share are asked for once. */
class RepositoryVerifier {
  readonly #open: () => Repository;
  readonly #documents = createDocumentCache();
  readonly #blobs = new Map<Digest, Promise<boolean>>();

  constructor(open: () => Repository) {
    this.#open = open;
  }

  get blobs(): number {
    return this.#blobs.size;
  }

  async verify({ destination, images }: DesiredRepository): Promise<readonly Finding[]> {
    const state = await readRepositoryState(this.#open, images);
    const findings = await Promise.all(
      images.map(async (image) => [
        ...image.tags.flatMap(({ tag, at }) => {
          const reading = state.tags.get(tag) ?? { digest: undefined };
          return tagFindings(destination, image.digest, tag, at, reading);
        }),
        ...(await this.#closureFindings(destination, image, state.digests.get(image.digest))),
      ]),
    );
    return findings.flat();
  }

  async #closureFindings(
    destination: RepositoryName,
    image: DesiredImage,
    reading: Reading | undefined,
  ): Promise<readonly Finding[]> {
    const at = image.sources[0]?.at ?? "";
    const base = { destination, digest: image.digest, tag: null, at };
    if (reading !== undefined && "failure" in reading) return [unread(base, reading.failure)];
    try {
      const fetch = this.#documents.of(this.#open());
      if ((await fetch(image.digest)) === undefined) {
        return [{ ...base, kind: "missing-image", message: "the image is not there" }];
      }
      const graph = await readGraph(fetch, image.digest, destination);
      const needed = graph.blobs.filter(({ mediaType }) => !isForeignLayerType(mediaType));
      const present = await Promise.all(needed.map((blob) => this.#has(blob)));
      const lacking = needed.filter((_, index) => !present[index]);
      return [
        ...lacking.map(({ digest, mediaType }) => ({
          ...base,
          kind: "incomplete" as const,
          missing: digest,
          message: `the image lacks ${digest} (${mediaType})`,
        })),
        ...(await unlistedFindings(base, this.#open(), graph)),
      ];
    } catch (error) {
      return [closureFailure(base, error)];
    }
  }

  #has(blob: Descriptor): Promise<boolean> {
    const known = this.#blobs.get(blob.digest);
    if (known !== undefined) return known;
    const asked = this.#open().has(blob);
    this.#blobs.set(blob.digest, asked);
    return asked;
  }
}

/** Asks for no list unless something of the image is about another one. */
async function unlistedFindings(
  base: FindingBase,
  repository: Repository,
  { root, children }: ImageGraph,
): Promise<readonly Finding[]> {
  const referrers = [root, ...children].filter(({ content }) => content.subject !== undefined);
  const findings = referrers.map(async ({ document, content }): Promise<readonly Finding[]> => {
    try {
      if ((await repository.isListedReferrer?.(document)) !== false) return [];
    } catch (error) {
      return [unread(base, failureRecord(error))];
    }
    const { digest } = document.descriptor;
    const message = `the list of referrers of ${content.subject?.digest} lacks ${digest}`;
    return [{ ...base, kind: "unlisted-referrer", missing: digest, message }];
  });
  return (await Promise.all(findings)).flat();
}

type FindingBase = Pick<Finding, "destination" | "digest" | "tag" | "at">;

function tagFindings(
  destination: RepositoryName,
  digest: Digest,
  tag: Tag,
  at: string,
  reading: Reading,
): readonly Finding[] {
  const base: FindingBase = { destination, digest, tag, at };
  if ("failure" in reading) return [unread(base, reading.failure)];
  if (reading.digest === digest) return [];
  if (reading.digest === undefined)
    return [{ ...base, kind: "missing-tag", message: "the tag is not there" }];
  return [
    {
      ...base,
      kind: "tag-elsewhere",
      current: reading.digest,
      message: `the tag stands at ${reading.digest}, not at ${digest}`,
    },
  ];
}

function notLookedAt({ destination, images }: DesiredRepository): readonly Finding[] {
  return images.map(({ digest, sources }) =>
    unread({ destination, digest, tag: null, at: sources[0]?.at ?? "" }, interruption),
  );
}

function unread(base: FindingBase, failure: FailureRecord): Finding {
  return { ...base, kind: "unread", message: `could not be read: ${failure.message}`, failure };
}

/** Failures of a registry that say what it holds; all others leave that unknown. */
const corruptions: ReadonlySet<string> = new Set([
  "digest-mismatch",
  "size-mismatch",
  "media-type-mismatch",
  "invalid-image-manifest",
  "ambiguous-image-manifest",
  "ambiguous-json",
  "too-large",
]);

function closureFailure(base: FindingBase, error: unknown): Finding {
  const failure = failureRecord(error);
  if (error instanceof RegistryError && error.code === "manifest-missing") {
    return { ...base, kind: "incomplete", message: error.message, failure };
  }
  if (error instanceof WaybillError && corruptions.has(error.code)) {
    return { ...base, kind: "corrupt", message: failure.message, failure };
  }
  return unread(base, failure);
}
