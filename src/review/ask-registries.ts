import { createDocumentCache } from "../copy/index.ts";
import { type Place, placeIn } from "../diagnostics/index.ts";
import type { EdgeSet, ManifestComparison } from "../edges/index.ts";
import { failureRecord, messageOf } from "../errors/index.ts";
import { describeImage } from "../inspect/index.ts";
import type { ManifestTree, PromoterManifest } from "../manifest/index.ts";
import { isDigest, parseRepository } from "../oci/index.ts";
import {
  type ImageJudgement,
  type OpenRepository,
  type Plan,
  type PlanLimits,
  plannedImages,
  planPromotion,
  type Report,
  reportPromotion,
  type Verdict,
} from "../promotion/index.ts";
import type { ImageTrust } from "../trust/index.ts";
import { type Comments, conflictsOf } from "./judge/plan.ts";
import { judgementsByLine } from "./judge/policies.ts";
import type { ChangedLine, ChangedLines } from "./lines.ts";
import { type PreviousVersion, previousVersion } from "./previous.ts";
import { factsReader, imageFacts } from "./read-facts.ts";
import type { NewDestination, ReviewedLine, ReviewOptions } from "./review.ts";
import { travelsByLine } from "./travels.ts";
import { imageInWords } from "./words.ts";

/** What registries have answered about a change. */
export interface Answers {
  readonly plan: Plan;
  readonly report: Report;
  readonly comments: Comments;
  factsOf(line: ChangedLine): ReviewedLine["facts"];
  /** Where the version before that of a line is listed, with which the facts compare it. */
  previousAt(line: ChangedLine): Place | undefined;
  /** What promotion would do of a line, by verdict. */
  verdictsOf(line: ChangedLine): NonNullable<ReviewedLine["verdicts"]>;
  /** What policies say of the image of a line. */
  judgementsOf(line: ChangedLine): readonly ImageJudgement[];
  /** What would travel with the image of a line, in words. */
  travelsOf(line: ChangedLine): readonly string[];
  /** Lines that nothing was read of, because there are too many. */
  readonly passedOver: number;
  /** Whether we may push to a new destination of a project, and why that is not known. */
  mayPush(project: string, registry: string): PushAnswer | undefined;
}

/** Whether we may push, and why nobody knows. */
export interface PushAnswer {
  readonly mayPush: NonNullable<NewDestination["mayPush"]>;
  readonly why?: string;
}

export interface RegistryQuestion extends Pick<ReviewOptions, "listener" | "signal"> {
  readonly open: OpenRepository;
  readonly head: ManifestTree;
  readonly changes: ManifestComparison;
  readonly edges: EdgeSet;
  readonly limits: PlanLimits;
  readonly lines: ChangedLines;
  readonly trust: ImageTrust | undefined;
}

/** Of so many lines, facts are read; each takes some dozens of requests to staging at most. */
const maxLines = 100;
/** Of so many conflicts and lost images, it is found out what stands there instead. */
const maxComments = 20;
/** So many new destinations are asked whether they let us push. */
const maxProbes = 100;

/** Reads what the change touches: production as planning does, staging for facts, new destinations for rights. */
export async function askRegistries(question: RegistryQuestion): Promise<Answers> {
  const { open, head, edges, limits, lines, trust, listener, signal } = question;
  const documents = createDocumentCache();
  const [plan, rights] = await Promise.all([
    planPromotion({ edges, open, documents, limits, trust, listener, signal }),
    askForRights(question),
  ]);
  const asked = lines.lines.filter(({ kind }) => kind === "added" || kind === "moved");
  const facts = new Map<ChangedLine, ReviewedLine["facts"]>();
  const previous = new Map<ChangedLine, Place>();
  const readFacts = factsReader(open, documents, trust);
  const blocks = blocksOf(head);
  await Promise.all(
    asked.slice(0, maxLines).map(async (line) => {
      const before = previousOf(line, blocks(line));
      if (before !== undefined) previous.set(line, before.at);
      try {
        facts.set(line, await readFacts({ ...line, previous: before }));
      } catch (error) {
        facts.set(line, { failure: failureRecord(error) });
      }
    }),
  );
  return {
    plan,
    report: reportPromotion(plan, []),
    comments: await commentsOn(plan, asked, open),
    factsOf: (line) => facts.get(line),
    previousAt: (line) => previous.get(line),
    verdictsOf: verdictsIn(plan),
    judgementsOf: judgementsByLine(plan),
    travelsOf: travelsByLine(plan),
    passedOver: Math.max(0, asked.length - maxLines),
    mayPush: (project, registry) => rights.get(`${project} ${registry}`),
  };
}

/** What is listed is not as asked; of the edges of a line that the change asks for, all others are. */
function verdictsIn(plan: Plan): Answers["verdictsOf"] {
  const verdicts = new Map<string, Verdict>();
  for (const { destination, images } of plannedImages(plan)) {
    for (const { digest, edges } of images) {
      for (const { tag, verdict } of edges) verdicts.set(`${destination} ${digest} ${tag}`, verdict);
    }
  }
  return ({ destinations, digest, tag }) => {
    const counts = new Map<Verdict, number>();
    for (const destination of destinations) {
      const verdict = verdicts.get(`${destination} ${digest} ${tag}`) ?? "present";
      counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    }
    return Object.fromEntries(counts);
  };
}

/** What the image of a line is compared with: what its tag stood at, or the version before it. */
function previousOf(
  { before, tag, digest, at }: ChangedLine,
  blocks: PromoterManifest["images"],
): (Pick<PreviousVersion, "digest" | "tag"> & { readonly at: Place }) | undefined {
  if (before !== undefined) return { ...before, tag };
  const previous = previousVersion(blocks, digest, tag);
  return previous === undefined ? undefined : { ...previous, at: placeIn(at.file, previous.at) };
}

function blocksOf({ manifests }: ManifestTree): (line: ChangedLine) => PromoterManifest["images"] {
  const projects = new Map(manifests.map((manifest) => [manifest.imagesFile, manifest]));
  return ({ at, image }) => (projects.get(at.file)?.images ?? []).filter(({ name }) => name === image);
}

/** What stands where something else is wanted. What cannot be found out is left out: the finding says enough. */
async function commentsOn(
  plan: Plan,
  lines: readonly ChangedLine[],
  open: OpenRepository,
): Promise<Comments> {
  const described = new Map<string, string>();
  const describe = async (key: string, name: string, digest: string): Promise<boolean> => {
    try {
      const image = isDigest(digest) ? await describeImage(open(parseRepository(name)), digest) : undefined;
      if (image !== undefined) described.set(key, imageInWords(imageFacts(image)));
      return image !== undefined;
    } catch {
      return false;
    }
  };
  await Promise.all(
    conflictsOf(plan)
      .slice(0, maxComments)
      .map(async ({ image, edge: { current = "" }, destination }) => {
        await describe(`${image.source} ${image.digest}`, image.source, image.digest);
        const key = `${image.source} ${current}`;
        if (!(await describe(key, image.source, current))) await describe(key, destination, current);
      }),
  );
  const staged = new Map<ChangedLine, string>();
  const lost = new Set(
    plannedImages(plan).flatMap(({ images }) =>
      images.flatMap(({ digest, edges }) =>
        edges.some(({ verdict }) => verdict === "lost") ? [digest] : [],
      ),
    ),
  );
  await Promise.all(
    lines
      .filter(({ digest, tag }) => tag !== null && lost.has(digest))
      .slice(0, maxComments)
      .map(async (line) => {
        const found = await open(line.source)
          .resolve(line.tag ?? line.digest)
          .catch(() => undefined);
        if (found !== undefined) staged.set(line, found.digest);
      }),
  );
  return {
    describe: (image, digest) => described.get(`${image} ${digest}`),
    staged: (line) => staged.get(line),
  };
}

async function askForRights({
  open,
  head,
  changes,
}: RegistryQuestion): Promise<ReadonlyMap<string, PushAnswer>> {
  const answers = new Map<string, PushAnswer>();
  const probes = changes.projects.flatMap(({ project, addedDestinations }) => {
    const image = head.manifests.find((found) => found.project === project)?.images[0];
    return image === undefined
      ? []
      : addedDestinations.map(({ name }) => ({ project, name, image: image.name }));
  });
  for (const { project, name } of probes.slice(maxProbes)) {
    answers.set(`${project} ${name}`, { mayPush: "unknown", why: "there are too many to ask them all" });
  }
  await Promise.all(
    probes.slice(0, maxProbes).map(async ({ project, name, image }) => {
      answers.set(`${project} ${name}`, await askOne(open, `${name}/${image}`));
    }),
  );
  return answers;
}

async function askOne(open: OpenRepository, name: string): Promise<PushAnswer> {
  try {
    const allowed = await open(parseRepository(name)).mayPush?.();
    if (allowed === undefined) return { mayPush: "unknown", why: "no registry says it without a write" };
    return { mayPush: allowed ? "yes" : "no" };
  } catch (error) {
    return { mayPush: "unknown", why: messageOf(error) };
  }
}
