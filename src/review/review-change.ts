import { comparePlaces, formatPlace, placeOf } from "../diagnostics/index.ts";
import {
  changedEdges,
  edgesHash,
  type ManifestComparison,
  type Selection,
  SelectionError,
  selectChanges,
  selectParts,
} from "../edges/index.ts";
import { WaybillError } from "../errors/index.ts";
import { type ManifestChange, type ManifestTree, readManifestChange } from "../manifest/index.ts";
import { isInterrupted, type PlannedEdge, sinceCommit } from "../promotion/index.ts";
import type { ImageTrust } from "../trust/index.ts";
import { type Answers, askRegistries } from "./ask-registries.ts";
import { judgeChanges } from "./judge/changes.ts";
import { judgeFacts } from "./judge/facts.ts";
import { judgeManifests } from "./judge/manifests.ts";
import { judgeOthers, judgePlan } from "./judge/plan.ts";
import {
  arePoliciesOther,
  judgePolicies,
  judgePolicyFile,
  judgeUnasked,
  withBase,
} from "./judge/policies.ts";
import { judgeRights } from "./judge/rights.ts";
import { type ChangedLine, type ChangedLines, changedLines } from "./lines.ts";
import type {
  Review,
  ReviewedFile,
  ReviewedLine,
  ReviewedProject,
  ReviewFinding,
  ReviewOptions,
} from "./review.ts";
import { sameDigests, unlikeSiblings } from "./smells.ts";

/**
 * Judges a change of promoter manifests: what it introduces that cannot be done, or should not be. What was wrong before
 * is mentioned, and fails nothing. Registries are read for what the change touches alone, and nothing is written, here
 * or there. What a registry does not tell is not known, which fails as well.
 * @throws {SelectionError} `nothing-selected`, {@link GitError} when Git does not have the two states, {@link WaybillError} `no-manifest` when neither has any.
 */
export async function reviewChange(options: ReviewOptions): Promise<Review> {
  const { path, open, environment, repository, allowRemovals = false } = options;
  const revisions = { base: options.base, head: options.head };
  const reading = { environment, repository, policyFile: options.policyFile };
  const change = await readManifestChange(path, revisions, reading);
  const [before, after] = [change.base.tree, change.head.tree];
  refuseEmpty(before, after);
  const { selection } = options;
  if (selection !== undefined) {
    await refuseUnknown(change, selection, () =>
      readManifestChange(path, revisions, { ...reading, isWhole: true }),
    );
  }
  const compared = changedEdges(before, after);
  const limited =
    selection === undefined
      ? { ...compared, selected: undefined }
      : selectChanges(compared, before, after, selection);
  const { changes, before: then, all, changed: edges, selected } = limited;
  const limits = { since: sinceCommit(change.base, changes), selection: selected };
  const lines = changedLines(then, all, changes);
  const { listener, signal } = options;
  const trust = await trustOfBoth(options, before, after);
  const answers =
    open === undefined
      ? undefined
      : await askRegistries({ open, head: after, changes, edges, limits, lines, trust, listener, signal });
  const { findings: manifests, outside } = judgeManifests(before, after, selection);
  const findings = [
    ...manifests,
    ...judgeChanges(lines.lines, changes, before, allowRemovals),
    ...judgePolicyFile(before, after),
    ...(answers === undefined && trust !== undefined ? judgeUnasked(lines.lines, trust) : []),
    ...(answers === undefined ? [] : judgeAnswers(lines, answers, manifests)),
    ...judgeRights(changes, answers),
    ...sameDigests(lines.lines, after),
    ...unlikeSiblings(changes, after),
  ].sort(byGravity);
  const { commit } = change.head;
  return {
    format: "waybill-review/2",
    path: after.path,
    prefix: change.placeOf(after.path),
    verdict: findings.some(({ severity }) => severity === "fails") ? "fails" : "passes",
    base: { commit: change.base.commit, revision: options.base, from: options.baseFrom ?? "--base" },
    head: { commit, ...(options.head === undefined ? {} : { revision: options.head, from: "--head" }) },
    offline: answers === undefined,
    interrupted: answers !== undefined && isCutShort(answers, lines),
    allowRemovals,
    edgesHash: answers?.plan.edgesHash ?? edgesHash(edges),
    ...(selected === undefined ? {} : { selection: selected }),
    edges: changes.edges,
    findings,
    projects: reviewedProjects(change, changes, lines, answers).filter(
      ({ project }) => selection?.projects.matches(project) ?? true,
    ),
    passedOver: change.passedOver,
    outside,
    rewritten: changes.rewritten,
    plan: answers?.plan,
  };
}

/** Knows the policies of the head, and those of the base where they are other ones: a change is judged by both. */
async function trustOfBoth(
  { trust }: Pick<ReviewOptions, "trust">,
  before: ManifestTree,
  after: ManifestTree,
): Promise<ImageTrust | undefined> {
  const head = await trust?.(after);
  if (trust === undefined || head === undefined || !arePoliciesOther(before, after)) return head;
  return withBase(head, await trust(before));
}

/** A path at which there was nothing, and is nothing: as a rule a slip of the pen. */
function refuseEmpty(before: ManifestTree, after: ManifestTree): void {
  const isEmpty = [before, after].every(
    ({ manifests, unreadable }) => manifests.length === 0 && unreadable.length === 0,
  );
  if (!isEmpty) return;
  const message = "there is no promoter manifest, neither at the base nor at the head";
  throw new WaybillError("no-manifest", message, {
    where: after.path,
    hint: "name a directory of thin manifests, with images/ and manifests/, or one plain manifest",
  });
}

/**
 * Refuses a selection of what neither state has, for it would pass whatever the change is. Lists of images that were passed over
 * are read for what the others do not have, and only then.
 * @throws {SelectionError} `nothing-selected`.
 */
async function refuseUnknown(
  change: ManifestChange,
  selection: Selection,
  readWhole: () => Promise<ManifestChange>,
): Promise<void> {
  try {
    selectInEither(change, selection);
  } catch (error) {
    if (!(error instanceof SelectionError) || change.passedOver.length === 0) throw error;
    selectInEither(await readWhole(), selection);
  }
}

function selectInEither({ base, head }: ManifestChange, selection: Selection): void {
  const [before, after] = [base.tree, head.tree];
  const manifests = [...before.manifests, ...after.manifests];
  selectParts({ ...after, manifests, unreadable: [...before.unreadable, ...after.unreadable] }, selection);
}

function byGravity(one: ReviewFinding, other: ReviewFinding): number {
  const ranks = { fails: 0, mentions: 1 };
  return ranks[one.severity] - ranks[other.severity] || comparePlaces(placeOf(one), placeOf(other));
}

function judgeAnswers(
  lines: ChangedLines,
  answers: Answers,
  manifests: readonly ReviewFinding[],
): readonly ReviewFinding[] {
  const { plan, report, comments, factsOf, previousAt, verdictsOf, passedOver } = answers;
  const [first] = lines.lines;
  const isUnread = (line: ChangedLine): boolean => (verdictsOf(line).unread ?? 0) > 0;
  return [
    ...judgePlan(plan, lines, comments, (edge) => isReportedOverlap(edge, manifests)),
    ...judgePolicies(plan, lines),
    ...judgeOthers(report.problems),
    ...lines.lines.flatMap((line) =>
      isUnread(line) ? [] : judgeFacts(line, factsOf(line), previousAt(line)),
    ),
    ...(passedOver === 0 || first === undefined
      ? []
      : [
          {
            severity: "mentions" as const,
            code: "not-looked-at" as const,
            message: `there are more changed lines than a review looks at: of ${passedOver} of them, nothing was read that tells what the image is`,
            hint: "make several smaller changes of it",
            file: first.at.file,
          },
        ]),
  ];
}

/** Whether the manifests' own findings name the overlap already: any of its claims is the place of one. */
function isReportedOverlap({ claims = [] }: PlannedEdge, findings: readonly ReviewFinding[]): boolean {
  const places = new Set(claims.map(({ at }) => formatPlace(at)));
  return findings.some(
    ({ code, severity, file, at }) =>
      code === "overlap" && severity === "fails" && places.has(formatPlace(placeOf({ file, at }))),
  );
}

function reviewedProjects(
  change: ManifestChange,
  changes: ManifestComparison,
  { lines, newEdgesAt }: ChangedLines,
  answers: Answers | undefined,
): ReviewedProject[] {
  const files = changedFiles(change);
  const names = new Set([...change.changed, ...lines.map(({ project }) => project)]);
  return [...names].sort().map((project) => {
    const registries = changes.projects.find((found) => found.project === project);
    return {
      project,
      files: files.get(project) ?? [],
      lines: lines
        .filter((line) => line.project === project)
        .sort((one, other) => comparePlaces(one.at, other.at))
        .map((line) => reviewedLine(line, answers)),
      newDestinations: (registries?.addedDestinations ?? []).map(({ name, at }) => {
        const rights = answers?.mayPush(project, name);
        return { name, at, edges: newEdgesAt(project, name), mayPush: rights?.mayPush };
      }),
      removedDestinations: (registries?.removedDestinations ?? []).map(({ name }) => name),
    };
  });
}

function reviewedLine(line: ChangedLine, answers: Answers | undefined): ReviewedLine {
  const { project, ...reviewed } = line;
  const policies = answers?.judgementsOf(line) ?? [];
  const travels = answers?.travelsOf(line) ?? [];
  return {
    ...reviewed,
    verdicts: line.kind === "removed" ? undefined : answers?.verdictsOf(line),
    ...(policies.length === 0 ? {} : { policies }),
    ...(travels.length === 0 ? {} : { travels }),
    facts: answers?.factsOf(line),
  };
}

function changedFiles({ base, head, changed, placeOf }: ManifestChange): Map<string, ReviewedFile[]> {
  const [then = {}, now = {}] = [base.tree.texts, head.tree.texts];
  const projects = new Map<string, string>();
  for (const { project, file, imagesFile } of [...base.tree.manifests, ...head.tree.manifests]) {
    projects.set(file, project);
    projects.set(imagesFile, project);
  }
  const files = new Map<string, ReviewedFile[]>();
  for (const file of [...new Set([...Object.keys(then), ...Object.keys(now)])].sort()) {
    const project = projects.get(file) ?? changed.find((name) => file.split(/[\\/]/).includes(name));
    if (then[file] === now[file] || project === undefined) continue;
    const known = files.get(project) ?? [];
    known.push({ file: placeOf(file) });
    files.set(project, known);
  }
  return files;
}

/** Whether anything was not asked, or not answered, because the review was stopped. */
function isCutShort({ report, factsOf }: Answers, { lines }: ChangedLines): boolean {
  const failures = lines.map((line) => {
    const facts = factsOf(line);
    return facts !== undefined && "failure" in facts ? facts.failure : facts?.attached.failure;
  });
  return report.interrupted || failures.some(isInterrupted);
}

/** A revision to compare with, and who named it. */
export interface BaseRevision {
  readonly revision: string;
  readonly from: string;
}

/**
 * The base of the change that a CI system is asked about, as its environment names it: Prow's `PULL_BASE_SHA`, the
 * target branch on GitHub, where the merge base counts, and the merge base that GitLab has worked out.
 */
export function baseOfEnvironment(environment: NodeJS.ProcessEnv): BaseRevision | undefined {
  const { PULL_BASE_SHA, GITHUB_BASE_REF, CI_MERGE_REQUEST_DIFF_BASE_SHA } = environment;
  if (PULL_BASE_SHA) return { revision: PULL_BASE_SHA, from: "PULL_BASE_SHA" };
  if (GITHUB_BASE_REF) return { revision: `origin/${GITHUB_BASE_REF}...`, from: "GITHUB_BASE_REF" };
  if (CI_MERGE_REQUEST_DIFF_BASE_SHA) {
    return { revision: CI_MERGE_REQUEST_DIFF_BASE_SHA, from: "CI_MERGE_REQUEST_DIFF_BASE_SHA" };
  }
  return undefined;
}
