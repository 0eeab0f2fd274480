import pLimit from "p-limit";
import { type FailureRecord, failureRecord, phrase } from "../../errors/index.ts";
import {
  cosignTag,
  type Descriptor,
  type Digest,
  digestOf,
  formatReference,
  type RepositoryName,
} from "../../oci/index.ts";
import { notKeptInList, placeOf, placing, RegistryError, type Repository } from "../../registry/index.ts";
import type { Signer } from "../../signing/index.ts";
import {
  attachBundle,
  attachLegacy,
  type CosignTags,
  type ImageSigning,
  openCosignTags,
  tagPlace,
} from "../../trust/index.ts";
import type { Judged } from "../judging.ts";
import type { ApplyOptions, Outcome } from "../section.ts";
import { isWork } from "../verdicts.ts";
import { judgedSubjects, wantedSummary } from "./judged.ts";
import { lackingOf, predicates } from "./lacking.ts";
import {
  type PlannedSignature,
  type PlannedSigning,
  type SignatureEdge,
  signatureKind,
} from "./planned-signatures.ts";
import {
  legacySignature,
  type PromotedImage,
  recordBytes,
  signatureBytes,
  summaryBytes,
} from "./statements.ts";

/**
 * Images that are signed at the same time. The policy of each host bounds what really is in flight: most of them wait, where
 * there is no referrers API, until lists of referrers are known to have stayed.
 */
const imagesAtOnce = 256;
/** Signatures that are made at the same time: each may be minutes of waiting for a log that is asked too often. */
const signaturesAtOnce = 16;

type SignatureOutcome = Outcome<SignatureEdge>;

/** What is attached and waits to be told, until it was looked at for the last time. */
interface Attached {
  readonly edge: SignatureEdge;
  /** Image manifests that have to be in lists of referrers. */
  readonly referrers: readonly Digest[];
  /** Tags that have to have kept their layers. */
  readonly places: readonly string[];
}

/**
 * Signs, and attaches what was signed, while images are still copied: of each as soon as it is there, and of none that has
 * not arrived. A statement is signed once for all destinations that say the same of an image. No blob of an image is read.
 */
export async function applySignatures(
  items: readonly PlannedSigning[],
  options: ApplyOptions,
): Promise<readonly SignatureOutcome[]> {
  const { signing, arrivals, signal } = options;
  const outcomes: SignatureOutcome[] = [];
  const tell = (of: SignatureEdge, failure?: FailureRecord): void => {
    const outcome = { kind: signatureKind, of, ...(failure === undefined ? {} : { failure }) };
    outcomes.push(outcome);
    options.tell(outcome);
  };
  if (signing === undefined) return outcomes;
  const limit = pLimit(imagesAtOnce);
  const tags = openCosignTags();
  const run: Run = { ...options, signing, tags, signAtOnce: pLimit(signaturesAtOnce) };
  const attached: Attached[] = [];
  const work = async (image: PlannedSigning, destination: RepositoryName, made: Made): Promise<void> => {
    const edges = image.edges.filter(({ verdict }) => isWork(verdict));
    if (edges.length === 0) return;
    const edgeOf = (edge: PlannedSignature): SignatureEdge => ({ destination, image, edge });
    const arrival = await arrivals.of(destination, image.digest);
    if (signal?.aborted) return;
    if (arrival === "failed" || (image.arrives && arrival === "there")) {
      for (const edge of edges) tell(edgeOf(edge), notArrived(destination, image.digest));
      return;
    }
    await limit(async () => {
      if (signal?.aborted) return;
      try {
        const to = run.open(destination);
        const lacking = await placing(to, stillLacking(image, edges, destination, run));
        await Promise.all(
          lacking.map(async ({ edge, subjects }) => {
            try {
              const done = await placing(to, signEdge({ image, edge, subjects, to, made }, run));
              attached.push({ edge: edgeOf(edge), ...done });
            } catch (error) {
              tell(edgeOf(edge), failureRecord(error));
            }
          }),
        );
      } catch (error) {
        for (const edge of edges) tell(edgeOf(edge), failureRecord(error));
      }
    });
  };
  const madeOf = new Map<Digest, Made>();
  await Promise.all(
    items.flatMap((image) => {
      const made = madeOf.get(image.digest) ?? new Map();
      madeOf.set(image.digest, made);
      return image.destinations.map((destination) => work(image, destination, made));
    }),
  );
  await confirm(attached, run, tell);
  return outcomes;
}

/** What was signed of one image, by signer, form and bytes. */
type Made = Map<string, Promise<unknown>>;

interface Run extends ApplyOptions {
  readonly signing: ImageSigning;
  readonly tags: CosignTags;
  readonly signAtOnce: ReturnType<typeof pLimit>;
}

interface Lacking {
  readonly edge: PlannedSignature;
  readonly subjects: readonly Digest[];
}

/** Signatures may have come with an image that was copied: what travels with it may be ours. */
async function stillLacking(
  image: PlannedSigning,
  edges: readonly PlannedSignature[],
  destination: RepositoryName,
  run: Run,
): Promise<readonly Lacking[]> {
  const wants = edges.map((edge) => ({ ...edge, edge }));
  if (!image.arrives || run.arrivals.isBare(destination)) return wants;
  const summarized = edges.flatMap(({ what, subjects }) => (what === "summary" ? subjects : []));
  const subjects = [...new Set([image.digest, ...summarized])];
  const told =
    summarized.length === 0
      ? new Map<Digest, Judged>()
      : await judgedSubjects(subjects, (digest) => judged(image, digest, destination, run));
  const summaries = new Map([...told].map(([digest, each]) => [digest, wantedSummary(each)] as const));
  return lackingOf(
    wants.map((want) => ({ ...want, summaries })),
    image,
    destination,
    run,
  );
}

/** What policies say of the image, or of one of its platforms, for a summary of it. */
function judged(
  { source, project, arrives, alsoFrom }: PlannedSigning,
  digest: Digest,
  destination: RepositoryName,
  { judging }: Run,
): Promise<Judged> {
  const image = { digest, source, destinations: [destination], project, alsoFrom };
  return judging.verdictsOn(image, { destination, isPresent: !arrives });
}

interface SigningTask extends Lacking {
  readonly image: PlannedSigning;
  readonly to: Repository;
  readonly made: Made;
}

/** Signs one thing of all its subjects, and attaches it to each. */
async function signEdge(
  { image, edge, subjects, to, made }: SigningTask,
  run: Run,
): Promise<Omit<Attached, "edge">> {
  const { signing, tags, arrivals, signAtOnce } = run;
  const { signer } = signing.signer(edge.signer);
  const lacking = arrivals.lacking(to.name, image.digest);
  const promoted: PromotedImage = {
    ...image,
    tags: image.tags.filter((tag) => !lacking.has(tag)),
    file: edge.at.file,
  };
  const once = <Result>(form: string, bytes: Uint8Array, sign: () => Promise<Result>): Promise<Result> => {
    const key = `${signer.name} ${form} ${digestOf(bytes)}`;
    const begun = made.get(key) as Promise<Result> | undefined;
    if (begun !== undefined) return begun;
    const signing = signAtOnce(sign);
    made.set(key, signing);
    signing.catch(() => made.delete(key));
    return signing;
  };
  const statementOf = async (subject: Digest): Promise<Uint8Array> => {
    if (edge.what === "signature") return signatureBytes(subject, promoted);
    if (edge.what === "record") return recordBytes(promoted, signing.facts);
    const subjects = [...new Set([image.digest, subject])];
    const told = await judgedSubjects(subjects, (digest) => judged(image, digest, to.name, run));
    const { verdicts = [] } = told.get(subject) ?? {};
    return summaryBytes({ ...promoted, digest: subject }, verdicts, signing.facts);
  };
  const referrers: Digest[] = [];
  const places: string[] = [];
  const sign = async (digest: Digest): Promise<void> => {
    const subject = await descriptorOf(image, digest, to, run);
    if (edge.layout === "bundle") {
      const statement = await statementOf(digest);
      const bundle = await once("bundle", statement, () => signer.bundle(statement));
      referrers.push((await attachBundle(to, subject, bundle, predicates[edge.what])).digest);
      return;
    }
    const layer = await legacyLayer(edge, digest, promoted, signer, statementOf, once);
    await attachLegacy(tags, to, subject, layer);
    places.push(tagPlace(to, cosignTag(digest, layer.kind)));
  };
  await allOf(subjects.map(sign));
  return { referrers, places };
}

/** Waits until all have ended, also where one fails: nothing goes on behind the back of what is told then. */
async function allOf(works: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(works)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}

async function legacyLayer(
  { what }: PlannedSignature,
  subject: Digest,
  promoted: PromotedImage,
  signer: Signer,
  statementOf: (subject: Digest) => Promise<Uint8Array>,
  once: <Result>(form: string, bytes: Uint8Array, sign: () => Promise<Result>) => Promise<Result>,
) {
  if (what === "signature") {
    const key = Buffer.from(`${subject} ${promoted.identity}`);
    return once("simple signing", key, () => legacySignature(signer, subject, promoted));
  }
  const statement = await statementOf(subject);
  const envelope = await once("envelope", statement, () => signer.envelope(statement));
  return { kind: "att" as const, ...envelope };
}

/** What a referrer has to say of its subject. It was read when the image was copied, mostly. */
async function descriptorOf(
  { arrives, source }: PlannedSigning,
  digest: Digest,
  to: Repository,
  { open, documents }: ApplyOptions,
): Promise<Descriptor> {
  const read = arrives ? await documents.of(open(source))(digest) : undefined;
  const document = read ?? (await documents.of(to)(digest));
  if (document !== undefined) return document.descriptor;
  throw new RegistryError(
    "manifest-missing",
    phrase`${digest} was there when the plan was made and is not now`,
    {
      ...placeOf(to),
      where: formatReference(to.name, digest),
      hint: "run the promotion again: the next plan will copy it",
    },
  );
}

function notArrived(destination: RepositoryName, digest: Digest): FailureRecord {
  return {
    code: "image-not-arrived",
    message: "the image did not get there, so nothing was signed",
    where: formatReference(destination, digest),
    hint: "see what kept it from getting there, and run again",
  };
}

/**
 * Looks at the end at lists and tags that were written, for a slower writer may have overwritten them since: what is not
 * there has not been done.
 */
async function confirm(
  attached: readonly Attached[],
  { open, tags }: Run,
  tell: (of: SignatureEdge, failure?: FailureRecord) => void,
): Promise<void> {
  const byRepository = new Map<RepositoryName, Attached[]>();
  for (const each of attached) {
    const { destination } = each.edge;
    const here = byRepository.get(destination) ?? [];
    byRepository.set(destination, here);
    here.push(each);
  }
  const confirming = tags.confirm();
  await Promise.all(
    [...byRepository].map(async ([name, here]) => {
      try {
        const to = open(name);
        const lost = new Set(await to.confirmReferrers?.());
        const lostPlaces = await confirming;
        for (const { edge, referrers, places } of here) {
          const place = places.find((each) => lostPlaces.has(each));
          const missing = referrers.find((digest) => lost.has(digest));
          if (place !== undefined) tell(edge, failureRecord(lostPlaces.get(place)));
          else if (missing !== undefined) tell(edge, failureRecord(notKeptInList(to, missing)));
          else tell(edge);
        }
      } catch (error) {
        for (const { edge } of here) tell(edge, failureRecord(error));
      }
    }),
  );
}
