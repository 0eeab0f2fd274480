import type { CopyEvent } from "../../copy/index.ts";
import { Copier, createDocumentCache } from "../../copy/index.ts";
import type { Place } from "../../diagnostics/index.ts";
import { type EdgeSet, edgesOf } from "../../edges/index.ts";
import type { Listener, ProgressEvent } from "../../events/index.ts";
import type { Digest, RepositoryName, Tag } from "../../oci/index.ts";
import type { ImageSigning, ImageTrust } from "../../trust/index.ts";
import { createArrivals } from "../arrivals.ts";
import { imageSection } from "../images.ts";
import { type ImageThere, imagesThere } from "../images-there.ts";
import { openJudging } from "../judging.ts";
import { sectionKinds } from "../kinds.ts";
import { sealPlan } from "../plan.ts";
import { imageKind, type PlannedRepositories } from "../planned-images.ts";
import { planImages } from "../planning.ts";
import { causesOf, type Report, type ReportedEdge, reportPromotion } from "../report.ts";
import type { OpenRepository, Outcome } from "../section.ts";
import { applySignatures } from "./apply.ts";
import { isAboutSignature, notSigned } from "./in-words.ts";
import { planSigningOf } from "./plan.ts";
import { signatureSection } from "./signatures.ts";

/** An image of production that nobody's manifest is read for. */
export interface CheckedImage {
  readonly repository: RepositoryName;
  readonly digest: Digest;
  readonly tags: readonly Tag[];
}

/** Whose signatures are looked for, and what is done about those that are not there. */
export interface SignatureCheck {
  /** What manifests ask for, of which that is looked at that is in production; or images by name. */
  readonly of: EdgeSet | readonly CheckedImage[];
  readonly open: OpenRepository;
  readonly signing: ImageSigning;
  readonly trust?: ImageTrust | undefined;
  /** What manifests ask for: of an image by name that is among it, they say which policies are about it. */
  readonly manifests?: EdgeSet | undefined;
  /** Sign what is not signed, and make sure at the end that what was attached has stayed. */
  readonly confirm: boolean;
  readonly listener?: Listener<ProgressEvent | CopyEvent> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks whether images in production have the signatures, records and summaries that rules ask for, and verifies each: that
 * one is there says nothing. What is not there is a problem of the report, unless it could be made.
 */
export async function checkSignatures(check: SignatureCheck): Promise<Report> {
  const { of, open, signing, trust, confirm, manifests, listener, signal } = check;
  const documents = createDocumentCache();
  const judging = openJudging({ open, documents, trust });
  const question = {
    edges: edgesOf([]),
    open,
    documents,
    judging,
    trust,
    signing,
    earlier: [],
    listener,
    signal,
  };
  const { images, unread } = isNamed(of)
    ? { images: of.map((image) => thereOf(image, manifests)), unread: [] }
    : await inProduction(of, check);
  const section = await planSigningOf(images, question);
  const kinds = sectionKinds(imageSection, signatureSection);
  const sections = [{ kind: imageKind, present: 0, items: unread }, section];
  const plan = sealPlan(kinds, sections, noEdges);
  if (!confirm) return byTheirNames(unrepaired(reportPromotion(plan, [], [], kinds)), of);
  const outcomes = await applySignatures(section.items, {
    ...{ open, documents, judging, trust, signing, signal },
    copier: new Copier(listener),
    arrivals: createArrivals([]),
    tell: (_: Outcome) => {},
  });
  return byTheirNames(reportPromotion(plan, [], outcomes, kinds), of);
}

/** Images that no line of a file asks for stand in reports at the name that was given. */
function byTheirNames(report: Report, of: SignatureCheck["of"]): Report {
  if (!isNamed(of)) return report;
  const named = (edge: ReportedEdge): ReportedEdge =>
    edge.place.file === placeOfName(edge).file ? { ...edge, at: edge.place.file } : edge;
  const [work, problems] = [report.work.map(named), report.problems.map(named)];
  return { ...report, work, problems, causes: causesOf(problems) };
}

/** Edges of manifests are not what this is about. */
const noEdges = `sha256:${"0".repeat(64)}`;

function isNamed(of: SignatureCheck["of"]): of is readonly CheckedImage[] {
  return Array.isArray(of);
}

/** What is not there and nobody was to make is no interruption. */
function unrepaired(report: Report): Report {
  const problems = report.problems.map((edge) =>
    edge.state === "pending" && isAboutSignature(edge) ? { ...edge, why: notSigned(edge) } : edge,
  );
  const causes = causesOf(problems);
  return { ...report, problems, causes, dryRun: true, interrupted: false };
}

async function inProduction(
  edges: EdgeSet,
  { open, listener, signal }: SignatureCheck,
): Promise<{ readonly images: readonly ImageThere[]; readonly unread: readonly PlannedRepositories[] }> {
  const documents = createDocumentCache();
  const judging = openJudging({ open, documents });
  const planned = await planImages({ edges, open, documents, judging, earlier: [], listener, signal });
  const unread = planned.items.map(({ images, ...repositories }) => ({
    ...repositories,
    images: images.flatMap((image) => {
      const left = image.edges.filter(({ verdict }) => verdict === "unread");
      return left.length === 0 ? [] : [{ ...image, edges: left }];
    }),
  }));
  return {
    images: [...imagesThere(edges, [planned])].filter(({ isPresent }) => isPresent),
    unread: unread.filter(({ images }) => images.length > 0),
  };
}

/** An image by name. What asks for it, where something does, says which policies are about it, and no more: its record stays what it is. */
function thereOf({ repository, digest, tags }: CheckedImage, manifests: EdgeSet | undefined): ImageThere {
  const at = placeOfName({ destination: repository, digest });
  const asked = manifests?.groups
    .find(({ destinations }) => destinations.includes(repository))
    ?.images.find((image) => image.digest === digest);
  const sources = asked?.sources ?? [{ repository, project: "", at, policy: undefined }];
  const [{ repository: source, project }] = sources;
  return {
    destination: repository,
    name: repository.slice(repository.lastIndexOf("/") + 1),
    image: { digest, sources, tags: tags.map((tag) => ({ tag, at })) },
    ...{ source, project },
    isPresent: true,
    hasWork: false,
    tags: [...tags].sort(),
    byName: true,
    ...(asked === undefined ? { isUnclaimed: true } : {}),
  };
}

function placeOfName({ destination, digest }: Pick<ReportedEdge, "destination" | "digest">): Place {
  return { file: `${destination}@${digest}`, line: 1, column: 1 };
}
