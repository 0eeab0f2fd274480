import type { Diagnostic } from "../diagnostics/index.ts";
import type { Cause } from "../errors/index.ts";
import { imageSection } from "./images.ts";
import * as junit from "./junit.ts";
import type { Plan } from "./plan.ts";
import * as promotion from "./promote.ts";
import * as reports from "./report.ts";
import * as plans from "./saved-plan.ts";
import { type Outcome, sectionKinds } from "./section.ts";

// What this room offers, of all that is promoted. Nothing below knows more than the kinds it is given.
const kinds = sectionKinds(imageSection);

/**
 * Compares manifests and registries and, when `confirm` is set, repairs the difference. Running it again does what
 * is left; when nothing is, it writes nothing.
 * @throws {SavedPlanError} `plan-outdated` when the saved plan is not for these manifests any more.
 */
export function promote(options: promotion.PromoteOptions): Promise<promotion.Promotion> {
  return promotion.promote(kinds, options);
}

/** Compares what the manifests ask for with what the registries hold. Never throws. */
export function planPromotion(options: promotion.PlanningOptions): Promise<Plan> {
  return promotion.planPromotion(kinds, options);
}

/**
 * Reads a plan that {@link plans.formatPlan} wrote, item by item: its text is never in memory as a whole.
 * @param where What an error says that it was read from.
 * @throws {SavedPlanError} `plan-unreadable` for text that is no plan, `plan-altered` when its hash does not fit it.
 */
export function readPlan(text: plans.PlanText, where: string): Promise<Plan> {
  return plans.readPlan(kinds, text, where);
}

/** What a plan and its outcomes come to; without outcomes, what it would. */
export function reportPromotion(
  plan: Plan,
  diagnostics: readonly Diagnostic[],
  outcomes?: readonly Outcome[],
): reports.Report {
  return reports.reportPromotion(kinds, plan, diagnostics, outcomes);
}

/**
 * The report in JUnit's XML, which every CI system shows: a test suite for each project, a test case for each edge
 * that was worked on or is not as desired.
 * @param report As it was made: one that was read back from JSON does not have its places as data any more.
 */
export function formatJUnit(report: reports.Report): string {
  return junit.formatJUnit(kinds, report);
}

/**
 * What edges that are not as desired come from, each cause with what to do about it.
 * @param everyPlace Keeps all places of each cause, not the first ones alone.
 */
export function causesOf(problems: readonly reports.ReportedEdge[], everyPlace = false): readonly Cause[] {
  return reports.causesOf(kinds, problems, everyPlace);
}

/** What reports call an edge: a reference, or a path. */
export function edgeName(edge: reports.EdgeOfKind): string {
  return reports.edgeName(kinds, edge);
}
