import { Copier, createDocumentCache } from "../copy/index.ts";
import { edgesHash, parseSelection } from "../edges/index.ts";
import type { Listener } from "../events/index.ts";
import type { ManifestTree } from "../manifest/index.ts";
import type { ImageSigning, ImageTrust } from "../trust/index.ts";
import { createArrivals } from "./arrivals.ts";
import type { EdgeEvent, PlannedEvent, PromotionEvent } from "./events.ts";
import { isInterrupted } from "./interruption.ts";
import { type Judging, openJudging } from "./judging.ts";
import { allKinds, type SectionKinds } from "./kinds.ts";
import { type Plan, type PlanLimits, planIsClean, type Section, sealPlan, workOf } from "./plan.ts";
import { imageKind, plannedImages } from "./planned-images.ts";
import { heldBack } from "./referrers/held-back.ts";
import { type Report, reportPromotion } from "./report.ts";
import { restrictPlan } from "./saved-plan.ts";
import { type ScopeOptions, scopeOf } from "./scope.ts";
import type { ApplyOptions, OpenRepository, Outcome, SectionQuestion } from "./section.ts";

/** What is planned. */
export interface PlanningOptions extends Omit<SectionQuestion, "earlier" | "judging"> {
  /** Asked for nothing else when it is left out. */
  readonly judging?: Judging;
  /** What the edges are limited to; left out when they are all that the manifests ask for. */
  readonly limits?: PlanLimits;
}

/** Compares what is asked for with what there is. Never throws. */
export async function planPromotion(
  { limits, judging, ...given }: PlanningOptions,
  kinds = allKinds,
): Promise<Plan> {
  const question = { ...given, judging: judging ?? openJudging(given) };
  const sections: Section[] = [];
  for (const kind of kinds) {
    const section = await kind.plan({ ...question, earlier: sections });
    // Who asks for nothing but images has the plans, and the hashes, of those who know of nothing else.
    if (kind.kind === imageKind || section.present > 0 || section.items.length > 0) sections.push(section);
  }
  return sealPlan(kinds, sections, edgesHash(question.edges), limits);
}

/** What to promote, how far, and who is told. */
export interface PromoteOptions extends ScopeOptions {
  readonly tree: ManifestTree;
  readonly open: OpenRepository;
  /** As in {@link SectionQuestion}. */
  readonly trust?: ImageTrust | undefined;
  /** As in {@link SectionQuestion}. */
  readonly signing?: ImageSigning | undefined;
  /** Write. Without it, the report says what would be done. */
  readonly confirm: boolean;
  /** Do nothing at all when anything is not as desired, as the incumbents do. */
  readonly strict?: boolean;
  /** Do no more than this plan, which was read from `where`: what it was selected by is selected, when nothing else is. */
  readonly saved?: { readonly plan: Plan; readonly where: string } | undefined;
  readonly listener?: Listener<PromotionEvent> | undefined;
  /** Keeps the plan before anything of it is done. Must not throw. */
  readonly keepPlan?: ((plan: Plan) => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
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
 * @throws {SelectionError} `nothing-selected`.
 */
export async function promote(options: PromoteOptions, kinds = allKinds): Promise<Promotion> {
  const { tree, since, open, trust, signing, saved, listener, signal } = options;
  const documents = createDocumentCache();
  const judging = openJudging({ open, documents, trust });
  const selection = options.selection ?? (await parseSelection(saved?.plan.selection ?? {}));
  const { edges, manifestErrors, outsideErrors, ...limits } = scopeOf(tree, { since, selection });
  const current = await planPromotion(
    { edges, limits, open, documents, judging, trust, signing, listener, signal },
    kinds,
  );
  const plan = saved === undefined ? current : restrictPlan(current, saved.plan, saved.where, kinds);
  listener?.(plannedEvent(plan));
  await options.keepPlan?.(plan);
  const reported = (outcomes?: readonly Outcome[]): Report => ({
    ...reportPromotion(plan, manifestErrors, outcomes, kinds),
    ...(outsideErrors === undefined ? {} : { outsideErrors }),
  });
  if (options.strict && (manifestErrors.length > 0 || !planIsClean(plan))) {
    const report = reported([]);
    // Work that was not begun is what strictness is about.
    const interrupted = report.problems.some(({ failure }) => isInterrupted(failure));
    return { plan, report: { ...report, stopped: true, interrupted } };
  }
  if (!options.confirm) return { plan, report: reported() };
  const arrivals = createArrivals(plan.sections);
  const applying = {
    open,
    documents,
    judging,
    trust,
    signing,
    copier: new Copier(listener),
    arrivals,
    tell(outcome: Outcome) {
      arrivals.take(outcome);
      listener?.(edgeEvent(kinds, outcome));
    },
    signal,
  };
  const carryOut = (
    { kind, items }: Section,
    options: ApplyOptions = applying,
  ): Promise<readonly Outcome[]> =>
    kinds
      .of(kind)
      .apply(items, options)
      .finally(() => {
        if (kind === imageKind) arrivals.close();
      });
  const first = plan.sections.filter(({ kind }) => kinds.of(kind).precedesImages === true);
  const outcomes = await Promise.all(first.map((section) => carryOut(section)));
  const waiting = { ...applying, heldBack: heldBack(plan.sections, outcomes.flat()) };
  const rest = plan.sections.filter((section) => !first.includes(section));
  outcomes.push(...(await Promise.all(rest.map((section) => carryOut(section, waiting)))));
  return { plan, report: reported(outcomes.flat()) };
}

function plannedEvent(plan: Plan): PlannedEvent {
  const { hash, edgesHash, summary } = plan;
  const images = new Set<string>();
  for (const repository of plannedImages(plan)) {
    for (const { source, digest, edges } of repository.images) {
      if (edges.some(({ verdict }) => verdict === "copy")) images.add(`${source}@${digest}`);
    }
  }
  return { type: "planned", hash, edgesHash, summary, work: workOf(plan), images: images.size };
}

function edgeEvent(kinds: SectionKinds, { kind, of, failure }: Outcome): EdgeEvent {
  const type = failure === undefined ? "edge-done" : "edge-failed";
  return { type, kind, ...kinds.of(kind).details(of), failure };
}
