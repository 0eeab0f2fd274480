import type { CopyEvent } from "../../copy/index.ts";
import { Copier, createDocumentCache } from "../../copy/index.ts";
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
import { causesOf, type Report, reportPromotion } from "../report.ts";
import type { OpenRepository, Outcome } from "../section.ts";
import { applySignatures } from "./apply.ts";
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
  const { of, open, signing, trust, confirm, listener, signal } = check;
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
    ? { images: of.map(thereOf), unread: [] }
    : await inProduction(of, check);
  const section = await planSigningOf(images, question);
  const kinds = sectionKinds(imageSection, signatureSection);
  const sections = [{ kind: imageKind, present: 0, items: unread }, section];
  const plan = sealPlan(kinds, sections, noEdges);
  if (!confirm) return unrepaired(reportPromotion(plan, [], [], kinds));
  const outcomes = await applySignatures(section.items, {
    ...{ open, documents, judging, trust, signing, signal },
    copier: new Copier(listener),
    arrivals: createArrivals([]),
    tell: (_: Outcome) => {},
  });
  return reportPromotion(plan, [], outcomes, kinds);
}

/** Edges of manifests are not what this is about. */
const noEdges = `sha256:${"0".repeat(64)}`;

function isNamed(of: SignatureCheck["of"]): of is readonly CheckedImage[] {
  return Array.isArray(of);
}

/** What is not there and nobody was to make is no interruption. */
function unrepaired(report: Report): Report {
  const problems = report.problems.map((edge) =>
    edge.state === "pending" ? { ...edge, why: "it is not signed as the rule asks" } : edge,
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

function thereOf({ repository, digest, tags }: CheckedImage): ImageThere {
  const at = { file: `${repository}@${digest}`, line: 1, column: 1 };
  const project = "";
  const source = { repository, project, at, policy: undefined };
  return {
    destination: repository,
    name: repository.slice(repository.lastIndexOf("/") + 1),
    image: { digest, sources: [source], tags: tags.map((tag) => ({ tag, at })) },
    source: repository,
    project,
    isPresent: true,
    hasWork: false,
    tags: [...tags].sort(),
    byName: true,
  };
}
