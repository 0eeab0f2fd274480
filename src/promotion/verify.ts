import { createDocumentCache, WideImages } from "../copy/index.ts";
import { desiredRepositories, type EdgeSet, edgesOf, type Selected } from "../edges/index.ts";
import type { Listener } from "../events/index.ts";
import type { PromoterManifest } from "../manifest/index.ts";
import type { ImageSigning, ImageTrust } from "../trust/index.ts";
import { hostLimits, onEachHost } from "./by-host.ts";
import type { VerificationEvent } from "./events.ts";
import type { Finding } from "./finding.ts";
import { isInterrupted } from "./interruption.ts";
import { judgedImage } from "./judged-image.ts";
import { openJudging } from "./judging.ts";
import { gatherJudgements, type ReportedJudgement } from "./policies.ts";
import { attachmentFindings } from "./referrers/verify.ts";
import type { Scope } from "./scope.ts";
import type { OpenRepository } from "./section.ts";
import { signingFindings } from "./signatures/verify.ts";
import { type BlobLooks, type BlobReading, createBlobExaminer } from "./verify-blobs.ts";
import { notLookedAt, RepositoryVerifier, type VerificationRun } from "./verify-repository.ts";
import { createSignatureLook } from "./verify-signatures.ts";

/** What verification found, and how much it looked at. */
export interface Verification {
  readonly format: "waybill-verification/1";
  /** What was selected, when something was. */
  readonly selection?: Selected;
  /** Repositories that were looked at. */
  readonly repositories: number;
  /** Images in them. */
  readonly images: number;
  /** Tags of these. */
  readonly tags: number;
  /** Blobs that were looked at, each once for its repository. */
  readonly blobs: number;
  /** How many blobs were read to the end (`whole`), by their `firstByte`, or only `asked` for. */
  readonly looks: BlobLooks;
  /** `percent` (100 for `--deep`) and `seed` of the blobs that were to be read as a whole; `null` when none were. */
  readonly sample: { readonly percent: number; readonly seed: string } | null;
  /** Bytes of blobs that were read as a whole. */
  readonly bytesRead: number;
  /** What policies say of images, where signatures were looked at: one for each of them that applies to a digest. */
  readonly policies?: readonly ReportedJudgement[];
  /** What is not as listed. */
  readonly findings: readonly Finding[];
  /** It was ended from outside before all was looked at. */
  readonly interrupted: boolean;
}

/** What to verify, and who is told. */
export interface VerifyOptions {
  readonly manifests: readonly PromoterManifest[];
  /** Look only at these edges of theirs; at all when it is left out. */
  readonly scope?: Pick<Scope, "edges" | "selection"> | undefined;
  readonly open: OpenRepository;
  /** Who knows what hangs on images; where a setting says what travels with them, it has to be there. */
  readonly trust?: ImageTrust | undefined;
  /** Blobs to read as a whole; of all others, the first byte is read. */
  readonly reading?: BlobReading | undefined;
  /** Look at who vouches for images as well, and hold them against policies: by `trust`, which has to be there. */
  readonly signatures?: boolean | undefined;
  /** Look as well whether everything is signed that its rules ask for. */
  readonly signing?: ImageSigning | undefined;
  readonly listener?: Listener<VerificationEvent> | undefined;
  /** No repository is begun once it is aborted: the images of those that are left are `unread`. */
  readonly signal?: AbortSignal;
}

const repositoriesAtOnce = 32;
/** Images of one host whose manifests are held in memory at the same time. */
const imagesAtOnce = 24;

/**
 * Checks that every destination holds every listed digest under every listed tag, and each image's whole closure:
 * manifests are fetched and hashed; of configs and layers, the first byte is asked for, or all of them where
 * {@link VerifyOptions.reading} says so; foreign layers, which no registry need hold, are not. Never writes and never
 * throws for what a registry does: what could not be read is a finding.
 */
export async function verifyProduction(options: VerifyOptions): Promise<Verification> {
  const { reading, scope } = options;
  const desiredEdges = scope?.edges ?? edgesOf(options.manifests);
  const desired = desiredRepositories(desiredEdges);
  const run: VerificationRun = {
    documents: createDocumentCache(),
    examiner: createBlobExaminer(reading, options.listener),
    imagesOf: hostLimits(imagesAtOnce),
    wideImages: new WideImages(),
    isUnderPolicy: (destination, image) => {
      const [{ repository: source, project }] = image.sources;
      return options.trust?.applies(judgedImage(image, { source, project }, destination)) ?? false;
    },
    lookAtSignatures: signatureLookOf(options),
    judged: [],
  };
  const counts = { images: 0, tags: 0 };
  let done = 0;
  const findings = await onEachHost(desired, repositoriesAtOnce, async (repository, questions) => {
    if (options.signal?.aborted) return notLookedAt(repository);
    const verifier = new RepositoryVerifier(() => options.open(repository.destination), run);
    const found = await verifier.verify(repository, questions);
    counts.images += repository.images.length;
    counts.tags += repository.images.reduce((sum, { tags }) => sum + tags.length, 0);
    done += 1;
    options.listener?.({ type: "progress", done, total: desired.length });
    return found;
  });
  const { looks, bytesRead } = run.examiner;
  const own = findings.flat();
  const all = [...own, ...(await missingBesideImages(options, desiredEdges, own, run))];
  return {
    format: "waybill-verification/1",
    ...(scope?.selection === undefined ? {} : { selection: scope.selection }),
    repositories: desired.length,
    ...counts,
    blobs: looks.whole + looks.firstByte + looks.asked,
    looks: { ...looks },
    sample: reading === undefined ? null : { percent: reading.percent, seed: reading.seed },
    bytesRead,
    ...(run.judged.length === 0 ? {} : { policies: gatherJudgements(run.judged) }),
    findings: all,
    interrupted: all.some(({ failure }) => isInterrupted(failure)),
  };
}

function signatureLookOf({ signatures, trust }: VerifyOptions): VerificationRun["lookAtSignatures"] {
  if (signatures !== true) return undefined;
  if (trust === undefined) throw new TypeError("signatures are looked at by trust, which is not there");
  return createSignatureLook(trust);
}

/** What images lack that are there: of others it is known already that they lack everything. */
async function missingBesideImages(
  { trust, signing, open, signal }: VerifyOptions,
  edges: EdgeSet,
  found: readonly Finding[],
  { documents }: VerificationRun,
): Promise<readonly Finding[]> {
  const placeOfImage = ({ destination, digest }: Finding): string => `${destination}@${digest}`;
  const unknown = new Set(
    found.filter(({ kind }) => kind === "missing-image" || kind === "unread").map(placeOfImage),
  );
  const judging = openJudging({ open, documents, trust });
  const question = { edges, open, documents, judging, trust, signal };
  const findings = await Promise.all([
    trust === undefined ? [] : attachmentFindings(question),
    signing === undefined ? [] : signingFindings({ ...question, signing }),
  ]);
  return findings.flat().filter((finding) => !unknown.has(placeOfImage(finding)));
}
