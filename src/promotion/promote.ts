import { createCopier, createDocumentCache } from "../copy/index.ts";
import type { Diagnostic } from "../diagnostics/index.ts";
import { compareManifests, edgesOf, limitToChanges } from "../edges/index.ts";
import type { Listener } from "../events/index.ts";
import { type CommittedManifests, foundSince, type ManifestTree } from "../manifest/index.ts";
import { applyPlan, type Outcome } from "./apply.ts";
import { type PromotionEvent, plannedEvent } from "./events.ts";
import { isInterrupted } from "./interruption.ts";
import { type Plan, sinceCommit } from "./plan.ts";
import { type OpenRepository, planPromotion } from "./planning.ts";
import { planIsClean, type Report, reportPromotion } from "./report.ts";
import { restrictPlan } from "./saved-plan.ts";

/** What to promote, how far, and who is told. */
export interface PromoteOptions {
  readonly tree: ManifestTree;
  /** Look only at what the tree asks for and these manifests did not; at everything when they are left out. */
  readonly since?: CommittedManifests;
  readonly open: OpenRepository;
  /** Write. Without it, the report says what would be done. */
  readonly confirm: boolean;
  /** Do nothing at all when anything is not as desired, as the incumbents do. */
  readonly strict?: boolean;
  /** Do no more than this plan, which was read from `where`. */
  readonly saved?: { readonly plan: Plan; readonly where: string };
  readonly listener?: Listener<PromotionEvent> | undefined;
  readonly signal?: AbortSignal;
}

/** What a promotion planned, and what came of it. */
export interface Promotion {
  readonly plan: Plan;
  readonly report: Report;
}

/**
 * Compares manifests and registries and, when `confirm` is set, repairs the difference. Running it again does what
 * is left; when nothing is, it writes nothing.
 * @throws {SavedPlanError} `plan-outdated` when the saved plan is not for these manifests any more.
 */
export async function promote(options: PromoteOptions): Promise<Promotion> {
  const { tree, since, open, listener, signal } = options;
  const documents = createDocumentCache();
  const edges = edgesOf(tree.manifests);
  const changes = since === undefined ? undefined : compareManifests(since.tree, tree, edges);
  const current = await planPromotion({
    edges: changes === undefined ? edges : limitToChanges(edges, changes),
    open,
    documents,
    ...(since === undefined || changes === undefined ? {} : { since: sinceCommit(since, changes) }),
    listener,
    ...(signal === undefined ? {} : { signal }),
  });
  const plan =
    options.saved === undefined ? current : restrictPlan(current, options.saved.plan, options.saved.where);
  listener?.(plannedEvent(plan));
  const { introduced, known } =
    since === undefined ? { introduced: tree.diagnostics, known: [] } : foundSince(since.tree, tree);
  const outsideErrors = known.filter(isError);
  const reported = (outcomes?: readonly Outcome[]): Report => ({
    ...reportPromotion(plan, introduced, outcomes),
    ...(since === undefined ? {} : { outsideErrors }),
  });
  if (options.strict && (introduced.some(isError) || !planIsClean(plan))) {
    const report = reported([]);
    // Work that was not begun is what strictness is about.
    const interrupted = report.problems.some(({ failure }) => isInterrupted(failure));
    return { plan, report: { ...report, stopped: true, interrupted } };
  }
  if (!options.confirm) return { plan, report: reported() };
  const outcomes = await applyPlan(plan, {
    open,
    documents,
    copier: createCopier(listener),
    listener,
    ...(signal === undefined ? {} : { signal }),
  });
  return { plan, report: reported(outcomes) };
}

function isError({ severity }: Diagnostic): boolean {
  return severity === "error";
}
