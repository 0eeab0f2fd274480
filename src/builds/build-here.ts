import { join } from "node:path";
import pLimit, { type LimitFunction } from "p-limit";
import type { ResolvedStep } from "../cloudbuild/index.ts";
import type { Copier } from "../copy/index.ts";
import { failureRecord, messageOf } from "../errors/index.ts";
import { parseTag } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import { type BuildFolder, openBuildFolder } from "./build-folder.ts";
import type { ActionEnd, Engine, ExportedImage, Workshop } from "./engine.ts";
import { BuildError } from "./errors.ts";
import type { BuildEvent } from "./events.ts";
import { executeSteps, type RunStep, type StepsEnd } from "./execute-steps.ts";
import type { ImageLedger } from "./image-ledger.ts";
import type { HiddenSecrets } from "./masking.ts";
import type { BuildOutcome, BuildPlan, PlannedAction, PlannedBuild, PlannedPush } from "./model.ts";
import { pushExported } from "./push.ts";
import { askedFor, SaidPushes } from "./said-pushes.ts";
import { checkUnchanged, copySource } from "./source.ts";
import type { Staging } from "./staging.ts";
import { createStepLog, stepPrefix } from "./step-log.ts";
import { fileNameOf } from "./variants.ts";
import { containerOf, onThisMachine, type Workspace } from "./workspace.ts";

/** What a build on this machine shares with the others of its run. */
export interface BuildSite {
  readonly plan: BuildPlan;
  readonly engine: Engine;
  readonly copier: Copier;
  readonly ledger: ImageLedger;
  readonly staging: Staging;
  /** Pushes to one place (repository and tag) go one after the other, so that the ledger knows which of them was the last. */
  readonly turns: Map<string, LimitFunction>;
  open(repository: string): Repository;
  readonly hidden: HiddenSecrets;
  readonly secrets: ReadonlyMap<string, string>;
  readonly environment: NodeJS.ProcessEnv;
  /** Takes whole lines without secrets, and which build they are of. */
  log(lines: Uint8Array, build: string): void;
  tell(event: BuildEvent): void;
  /** A folder in the source that is not part of it, absolute. */
  readonly leaveOut: string;
  /** Where files that builds keep go, each into a folder of its own. */
  readonly objects: string;
  /** Takes the end of what goes on when a build is over: a store of an engine may have many files to remove. */
  removing(removal: Promise<void>): void;
  readonly signal: AbortSignal;
  /** No step starts once it is given. */
  readonly stop?: AbortSignal | undefined;
}

/**
 * Carries out one build in a folder of its own, which is gone afterwards: its steps, then its pushes. What it pushed, and what
 * its steps said that they pushed, stands in the ledger. Rejects never: what went wrong is in what it returns.
 */
export async function buildHere(planned: PlannedBuild, site: BuildSite): Promise<BuildOutcome> {
  const { name } = planned;
  try {
    const folder = await openBuildFolder();
    try {
      return await buildIn(folder, planned, site);
    } finally {
      // What was built is no worse for it.
      const told = (error: unknown) =>
        site.log(Buffer.from(`${folder.path} could not be removed: ${messageOf(error)}\n`), name);
      site.removing(folder.remove().catch(told));
    }
  } catch (error) {
    const status = site.signal.aborted ? "cancelled" : "failure";
    return { name, status, steps: [], failure: failureRecord(error) };
  }
}

/**
 * Steps get a copy of the source, even those that an engine does by itself: Buildah and Podman let a `RUN` write to what a
 * Dockerfile mounts with `rw`, and variants would see what is changed between one and the next.
 */
async function buildIn(folder: BuildFolder, planned: PlannedBuild, site: BuildSite): Promise<BuildOutcome> {
  const { plan, leaveOut, secrets, staging, signal, environment } = site;
  const { source } = plan;
  const { withGitDir } = source;
  if (!source.isOmitted) await copySource(source.folder, folder.workspace, { withGitDir, leaveOut, signal });
  // Steps need not wait for it; whoever pushes does: nothing is pushed of a source that was changed while it was copied.
  const sourceHeld = checkUnchanged(source, environment);
  sourceHeld.catch(() => undefined);
  const workspace = { source: folder.workspace, original: source.folder, folder, env: staging.env, secrets };
  const workshop = await site.engine.open(folder.engine);
  try {
    const work = workIn(workshop, planned, workspace, site, sourceHeld);
    const end = await executeSteps(planned.build, told(work.step, planned, site), site);
    const outcome = end.status === "success" ? await work.finish(end) : { name: planned.name, ...end };
    // A build that failed, or was cancelled, may have pushed all the same.
    await work.confirmSaid();
    return outcome;
  } finally {
    await workshop.close();
  }
}

/** The same, with events of its beginning and its end. */
function told(runStep: RunStep, { name: build, actions }: PlannedBuild, { tell }: BuildSite): RunStep {
  return async (step, signal) => {
    const { index, id, name } = step;
    const begun = performance.now();
    tell({ type: "build-step-started", build, step: index, steps: actions.length, id, name });
    let exitCode: number | undefined;
    try {
      const end = await runStep(step, signal);
      exitCode = end.exitCode;
      return end;
    } finally {
      const milliseconds = Math.round(performance.now() - begun);
      tell({ type: "build-step-ended", build, step: index, exitCode, milliseconds });
    }
  };
}

function workIn(
  workshop: Workshop,
  planned: PlannedBuild,
  workspace: Workspace,
  site: BuildSite,
  sourceHeld: Promise<void>,
) {
  const { name: build } = planned;
  const { copier, ledger, open, turns, staging, hidden } = site;
  const variant = site.plan.builds.length > 1 ? build : undefined;
  const said: SaidPushes[] = [];
  const say = (text: string): void => {
    const prefix = variant === undefined ? "" : `[${variant}] `;
    site.log(Buffer.from(`${prefix}${hidden.text(text)}\n`), build);
  };

  const push = async ({ image, tag, ...to }: PlannedPush, exported: ExportedImage, signal: AbortSignal) => {
    signal.throwIfAborted();
    const repository = staging.placeOf(to);
    const turn = turns.get(`${repository}:${tag}`) ?? pLimit(1);
    turns.set(`${repository}:${tag}`, turn);
    const { root, movedFrom } = await turn(async () => {
      const place = { to: open(repository), tag: parseTag(tag) };
      const pushed = await pushExported(copier, exported, place, signal);
      const { digest, mediaType, size } = pushed.root;
      const name = image.replace(/:[^:/]*$/, "");
      ledger.add({ build, name, repository, tag, digest, mediaType, size, by: "waybill" });
      return pushed;
    });
    const moved = movedFrom === undefined ? "" : `, where the tag was that of ${movedFrom}`;
    say(`pushed ${repository}:${tag}@${root.digest}${moved}`);
  };

  /** Pushes images in their order. @throws {BuildError} `image-missing`, naming all that are, or `push-failed`. */
  const pushAll = async (pushes: readonly PlannedPush[], signal: AbortSignal): Promise<void> => {
    await sourceHeld;
    const exported: { readonly wanted: PlannedPush; readonly image: ExportedImage }[] = [];
    const missing: string[] = [];
    for (const wanted of pushes) {
      const folder = await workspace.folder.scratch();
      const image = await workshop.export(wanted.image, folder, { output: () => {}, signal });
      if (image === undefined) missing.push(JSON.stringify(wanted.image));
      else exported.push({ wanted, image });
    }
    if (missing.length > 0) {
      throw new BuildError(
        "image-missing",
        `failed to find one or more images after execution of build steps: [${missing.join(" ")}]`,
        { hint: "a step has to build each image that images: names, under exactly that name" },
      );
    }
    for (const { wanted, image } of exported) await push(wanted, image, signal);
  };

  return {
    async step(step: ResolvedStep, signal: AbortSignal): Promise<ActionEnd> {
      const action: PlannedAction = planned.actions[step.index] ?? { kind: "container", reason: "" };
      const heard = new SaidPushes();
      said.push(heard);
      const log = createStepLog(stepPrefix(step, variant), (lines) => site.log(lines, build));
      const masker = hidden.stream();
      const output = (chunk: Uint8Array): void => {
        heard.take(chunk);
        log.write(masker.mask(chunk));
      };
      try {
        if (action.kind === "container") {
          return await workshop.perform(await containerOf(step, workspace), { output, signal });
        }
        const native = action.action && (await onThisMachine(action.action, workspace));
        const end = native ? await workshop.perform(native, { output, signal }) : { exitCode: 0 };
        if (end.exitCode === 0) await pushAll(action.pushes, signal);
        return end;
      } catch (error) {
        if (!signal.aborted) output(Buffer.from(`${messageOf(error)}\n`));
        throw error;
      } finally {
        log.write(masker.flush());
        log.end();
      }
    },

    async finish(end: StepsEnd): Promise<BuildOutcome> {
      const { objects } = planned.build;
      try {
        await pushAll(planned.pushes, site.signal);
        if (objects !== undefined) {
          const { keepObjects } = await import("./objects.ts");
          const folder = join(site.objects, fileNameOf(planned));
          const files = await keepObjects(workspace.source, objects.paths, folder);
          say(`kept ${files.length} files that would go to ${objects.location}`);
        }
        return { name: build, ...end };
      } catch (error) {
        const status = site.signal.aborted ? "cancelled" : "failure";
        return { name: build, status, steps: end.steps, failure: failureRecord(error) };
      }
    },

    /** Records what steps said that they pushed, where registries hold it; what they do not hold is told. */
    async confirmSaid(): Promise<void> {
      const claims = said.flatMap((one) => one.all());
      for await (const { repository, digest, ...answer } of askedFor(claims, open)) {
        if ("reason" in answer) {
          say(`a step says that it pushed ${repository}@${digest}, and nobody confirms it: ${answer.reason}`);
        } else ledger.add({ build, name: repository, repository, digest, ...answer, by: "step" });
      }
    },
  };
}
