import { join } from "node:path";
import pLimit, { type LimitFunction } from "p-limit";
import type { ResolvedStep } from "../cloudbuild/index.ts";
import type { Copier } from "../copy/index.ts";
import { failureRecord, messageOf } from "../errors/index.ts";
import { parseTag } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import type { ActionEnd, Engine, ExportedImage, Workshop } from "./engine.ts";
import { BuildError } from "./errors.ts";
import { executeSteps, type StepsEnd } from "./execute-steps.ts";
import type { HiddenSecrets } from "./hidden-secrets.ts";
import type { ImageLedger } from "./image-ledger.ts";
import type { BuildOutcome, BuildPlan, PlannedAction, PlannedBuild, PlannedPush } from "./model.ts";
import { pushExported } from "./push.ts";
import { askedFor, SaidPushes } from "./said-pushes.ts";
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
  log(line: Uint8Array, build: string): void;
  /** A folder in the source that is not part of it, absolute. */
  readonly leaveOut: string;
  /** Where files that builds keep go, each into a folder of its own. */
  readonly objects: string;
  /** Takes the end of what goes on when a build is over: a store of an engine may have many files to remove. */
  removing(removal: Promise<void>): void;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  /** No step starts once it is given. */
  readonly stop?: AbortSignal | undefined;
}

/**
 * Carries out one build by an engine of this machine: its steps, then its pushes. What it pushed, and what its steps said
 * that they pushed, stands in the ledger. Rejects never: what went wrong is in what it returns.
 * @param sourceHeld Rejects when the source was changed while it was copied: nothing is pushed then.
 */
export async function carryOut(
  planned: PlannedBuild,
  workspace: Workspace,
  site: BuildSite,
  sourceHeld: Promise<void>,
): Promise<BuildOutcome> {
  const { name, build } = planned;
  const work = new BuildWork(planned, workspace, site, sourceHeld);
  let workshop: Workshop | undefined;
  try {
    const opened = await site.engine.open(workspace.folder.engine);
    workshop = opened;
    const end = await executeSteps(build, (step, signal) => work.step(step, opened, signal), site);
    const outcome = end.status === "success" ? await work.finish(end, opened) : { name, ...end };
    // A build that failed, or was cancelled, may have pushed all the same.
    await work.confirmSaid();
    return outcome;
  } catch (error) {
    return { name, status: "failure", steps: [], failure: failureRecord(error) };
  } finally {
    await workshop?.close();
  }
}

class BuildWork {
  readonly #planned: PlannedBuild;
  readonly #workspace: Workspace;
  readonly #site: BuildSite;
  readonly #sourceHeld: Promise<void>;
  readonly #said: SaidPushes[] = [];

  constructor(planned: PlannedBuild, workspace: Workspace, site: BuildSite, sourceHeld: Promise<void>) {
    this.#planned = planned;
    this.#workspace = workspace;
    this.#site = site;
    this.#sourceHeld = sourceHeld;
  }

  /** Does one step, natively or in a container. */
  async step(step: ResolvedStep, workshop: Workshop, signal: AbortSignal): Promise<ActionEnd> {
    const planned: PlannedAction = this.#planned.actions[step.index] ?? { kind: "container", reason: "" };
    const said = new SaidPushes();
    this.#said.push(said);
    const log = createStepLog(stepPrefix(step, this.#variant), (line) =>
      this.#site.log(line, this.#planned.name),
    );
    const masker = this.#site.hidden.stream();
    const output = (chunk: Uint8Array): void => {
      said.take(chunk);
      log.write(masker.mask(chunk));
    };
    try {
      if (planned.kind === "container") {
        return await workshop.perform(await containerOf(step, this.#workspace), { output, signal });
      }
      const action = planned.action && (await onThisMachine(planned.action, this.#workspace));
      const end = action ? await workshop.perform(action, { output, signal }) : { exitCode: 0 };
      if (end.exitCode === 0) await this.#pushAll(planned.pushes, workshop, signal);
      return end;
    } catch (error) {
      if (!signal.aborted) output(Buffer.from(`${messageOf(error)}\n`));
      throw error;
    } finally {
      log.write(masker.flush());
      log.end();
    }
  }

  /** What follows on steps that have succeeded. */
  async finish(end: StepsEnd, workshop: Workshop): Promise<BuildOutcome> {
    const { name, pushes, build } = this.#planned;
    const { signal, objects } = this.#site;
    try {
      await this.#pushAll(pushes, workshop, signal);
      if (build.objects !== undefined) {
        const { keepObjects } = await import("./objects.ts");
        const folder = join(objects, fileNameOf(this.#planned));
        const files = await keepObjects(this.#workspace.source, build.objects.paths, folder);
        this.#say(`kept ${files.length} files that would go to ${build.objects.location}`);
      }
      return { name, ...end };
    } catch (error) {
      const status = signal.aborted ? "cancelled" : "failure";
      return { name, status, steps: end.steps, failure: failureRecord(error) };
    }
  }

  /** Pushes images in their order. @throws {BuildError} `image-missing`, naming all that are, or `push-failed`. */
  async #pushAll(pushes: readonly PlannedPush[], workshop: Workshop, signal: AbortSignal): Promise<void> {
    await this.#sourceHeld;
    const exported: { readonly push: PlannedPush; readonly image: ExportedImage }[] = [];
    const missing: string[] = [];
    for (const push of pushes) {
      const folder = await this.#workspace.folder.scratch();
      const image = await workshop.export(push.image, folder, { output: () => {}, signal });
      if (image === undefined) missing.push(push.image);
      else exported.push({ push, image });
    }
    if (missing.length > 0) {
      throw new BuildError(
        "image-missing",
        `failed to find one or more images after execution of build steps: [${missing.map((image) => JSON.stringify(image)).join(" ")}]`,
        { hint: "a step has to build each image that images: names, under exactly that name" },
      );
    }
    for (const { push, image } of exported) await this.#push(push, image, signal);
  }

  async #push(push: PlannedPush, image: ExportedImage, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { copier, ledger, open, turns, staging } = this.#site;
    const place = staging.placeOf(push);
    const turn = turns.get(`${place}:${push.tag}`) ?? pLimit(1);
    turns.set(`${place}:${push.tag}`, turn);
    const { root, movedFrom } = await turn(async () => {
      const to = { to: open(place), tag: parseTag(push.tag) };
      const pushed = await pushExported(copier, image, to, signal);
      const { digest, mediaType, size } = pushed.root;
      ledger.add({
        build: this.#planned.name,
        name: push.image.replace(/:[^:/]*$/, ""),
        repository: place,
        tag: push.tag,
        ...{ digest, mediaType, size },
        by: "waybill",
      });
      return pushed;
    });
    const moved = movedFrom === undefined ? "" : `, where the tag was that of ${movedFrom}`;
    this.#say(`pushed ${place}:${push.tag}@${root.digest}${moved}`);
  }

  /** Records what steps said that they pushed, where registries hold it; what they do not hold is told. */
  async confirmSaid(): Promise<void> {
    const { open, ledger } = this.#site;
    const said = this.#said.flatMap((one) => one.all());
    for await (const { repository, digest, ...answer } of askedFor(said, open)) {
      if ("reason" in answer) {
        this.#say(
          `a step says that it pushed ${repository}@${digest}, and nobody confirms it: ${answer.reason}`,
        );
      } else {
        const known = { name: repository, repository, digest, ...answer };
        ledger.add({ build: this.#planned.name, ...known, by: "step" });
      }
    }
  }

  #say(text: string): void {
    const variant = this.#variant === undefined ? "" : `[${this.#variant}] `;
    this.#site.log(Buffer.from(`${variant}${this.#site.hidden.text(text)}\n`), this.#planned.name);
  }

  get #variant(): string | undefined {
    return this.#site.plan.builds.length > 1 ? this.#planned.name : undefined;
  }
}
