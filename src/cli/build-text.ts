import type { BuildPlan, BuildResult, PlannedAction, StepOutcome } from "../builds/index.ts";
import { harmless } from "../errors/index.ts";
import { amount } from "./amount.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { formatTable } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** Whether all that was asked for has been built. */
export function statusOfBuild({ outcomes }: BuildResult): ExitCode {
  return outcomes.every(({ status }) => status === "success") ? exitCodes.asDesired : exitCodes.notAsDesired;
}

/** Prints what a build would do. */
export async function printBuildPlan(terminal: Terminal, plan: BuildPlan): Promise<void> {
  const { source, engine, engineVersion, engineReason } = plan;
  const program = engineVersion === undefined ? engine : `${engine} ${engineVersion}`;
  terminal.print(`${plan.config}, as ${plan.tag}`);
  terminal.print(`  source       ${source.repository ?? source.folder} ${source.commit ?? ""}`.trimEnd());
  terminal.print(`  engine       ${program} (${engineReason})`);
  terminal.print(`  destination  ${destinationInWords(plan)}`);
  for (const { name, build, actions, pushes } of plan.builds) {
    const rows = build.steps.map(({ index, id, name: image, waitFor }) =>
      [
        String(index),
        id ?? "",
        image,
        waitFor.length === index ? "" : waitFor.length === 0 ? "nothing" : waitFor.join(", "),
        actionInWords(actions[index], build.steps[index]),
      ].map(harmless),
    );
    terminal.print(`\n${plan.builds.length > 1 ? `${name}: ` : ""}${amount(build.steps.length, "step")}`);
    terminal.print(formatTable(["step", "id", "image", "waits for", "what is done"], rows, terminal.columns));
    for (const { image, repository, tag } of pushes)
      terminal.print(harmless(`pushes ${image} to ${repository}:${tag}`));
  }
  for (const warning of plan.warnings) terminal.warn(harmless(warning));
  for (const note of plan.notes) terminal.note(`note: ${harmless(note)}`);
}

/** Prints what came of a build. */
export async function printBuildResult(terminal: Terminal, result: BuildResult): Promise<void> {
  const { outcomes, images, plan, run } = result;
  const rows = outcomes.flatMap(({ name, steps }) =>
    steps.map((step): string[] => [
      ...(outcomes.length > 1 ? [name] : []),
      String(step.index),
      plan.builds.find((build) => build.name === name)?.build.steps[step.index]?.name ?? "",
      colored(terminal, step.status),
      step.exitCode === undefined ? "" : String(step.exitCode),
      step.milliseconds === undefined ? "" : `${(step.milliseconds / 1000).toFixed(1)} s`,
    ]),
  );
  const head = [...(outcomes.length > 1 ? ["variant"] : []), "step", "image", "result", "exit", "time"];
  terminal.print(formatTable(head, rows, terminal.columns));
  if (images.length > 0) {
    terminal.print("");
    const lines = images.map(({ repository, tags, digest, provenance }) => [
      repository,
      tags.join(", "),
      digest,
      provenance === undefined ? "none" : "attached",
    ]);
    terminal.print(formatTable(["image", "tags", "digest", "provenance"], lines, terminal.columns));
  }
  for (const { name, failure } of outcomes) {
    if (failure === undefined) continue;
    const where = failure.where === undefined ? "" : ` (${failure.where})`;
    const hint = failure.hint === undefined ? "" : `; ${failure.hint}`;
    terminal.warn(harmless(`${outcomes.length > 1 ? `${name}: ` : ""}${failure.message}${where}${hint}`));
  }
  terminal.note(`record: ${run.folder}`);
  if (images.length === 0 || statusOfBuild(result) !== exitCodes.asDesired) return;
  if (plan.destination.kind === "embedded") {
    terminal.note(`to serve these images: waybill registry serve --dir ${plan.destination.folder}`);
  }
  terminal.note(`to promote them: waybill merge TREE --from-run ${run.job}/${run.id}`);
}

function destinationInWords({ destination }: BuildPlan): string {
  if (destination.kind === "embedded") return `the embedded registry in ${destination.folder}`;
  if (destination.kind === "registry") return destination.prefix;
  return "where the build file names its images";
}

function actionInWords(
  action: PlannedAction | undefined,
  step: { readonly args: readonly string[] } | undefined,
): string {
  if (action === undefined || action.kind === "container") {
    return `in a container: ${action?.reason ?? ""} ${(step?.args ?? []).join(" ").slice(0, 60)}`.trimEnd();
  }
  const { action: native, pushes } = action;
  const pushed = pushes.map(({ repository, tag }) => `push ${repository}:${tag}`);
  if (native?.kind === "build") {
    const platforms = native.platforms.length === 0 ? "" : ` for ${native.platforms.join(", ")}`;
    return [`build ${native.dockerfile} in ${native.context}${platforms}`, ...pushed].join("; ");
  }
  return [...(native === undefined ? [] : [`tag ${native.source} as ${native.target}`]), ...pushed].join(
    "; ",
  );
}

function colored({ colors }: Terminal, status: StepOutcome["status"]): string {
  const color = status === "success" ? colors.green : status === "not-started" ? colors.dim : colors.red;
  return color(status);
}
