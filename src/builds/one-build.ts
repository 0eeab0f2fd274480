import type { ResolvedStep } from "../cloudbuild/index.ts";
import type { Copier } from "../copy/index.ts";
import { failureRecord, messageOf } from "../errors/index.ts";
import { parseTag } from "../oci/index.ts";
import type { Repository } from "../registry/index.ts";
import type { BuildFolder } from "./build-folder.ts";
import type { ActionEnd, Engine, ExportedImage, Workshop } from "./engine.ts";
import { BuildError } from "./errors.ts";
import { executeSteps, type StepsEnd } from "./execute-steps.ts";
import type { HiddenSecrets } from "./hidden-secrets.ts";
import type { ImageLedger } from "./image-ledger.ts";
import type { BuildOutcome, PlannedAction, PlannedBuild, PlannedPush } from "./model.ts";
import { pushExported } from "./push.ts";
import type { PushTurns } from "./push-turns.ts";
import { askedFor, SaidPushes } from "./said-pushes.ts";
import { createStepLog, stepPrefix } from "./step-log.ts";
import { containerOf, onThisMachine, type Workspace } from "./workspace.ts";

/** What a build shares with the others of its run. */
export interface BuildSite {
  readonly engine: Engine;
  readonly copier: Copier;
  readonly ledger: ImageLedger;
  /** The variant is named in front of each line. */
  readonly isOneOfSeveral: boolean;
  /** Pushes to one place go one after the other, so that the ledger knows which of them was the last. */
  readonly turns: PushTurns;
  /** Where an image goes, with the address of the registry. */
  placeOf(push: PlannedPush): string;
  open(repository: string): Repository;
  readonly hidden: HiddenSecrets;
  /** Takes whole lines without secrets, and which build they are of. */
  log(line: Uint8Array, build: string): void;
  /** A folder for files that are kept of this build. */
  readonly objectsFolder: string;
  /** Rejects when the source was changed while it was copied: nothing is pushed then. */
  readonly sourceHeld: Promise<void>;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  /** No step starts once it is given. */
  readonly stop?: AbortSignal | undefined;
}

/**
 * Carries out one build by an engine of this machine: its steps, then its pushes. What it pushed, and what its steps said
 * that they pushed, stands in the ledger. Rejects never: what went wrong is in what it returns.
 */
export async function carryOut(
  planned: PlannedBuild,
  workspace: Workspace,
  site: BuildSite,
): Promise<BuildOutcome> {
  const { name, build } = planned;
  const work = new BuildWork(planned, workspace, site);
  let workshop: Workshop | undefined;
  try {
    const opened = await site.engine.open(workspace.folder.engine);
    workshop = opened;
    const end = await executeSteps(build, (step, signal) => work.step(step, opened, signal), site);
    const outcome =
      end.status === "success"
        ? await finish(work, end, opened, { planned, workspace, site })
        : { name, ...end };
    // A build that failed, or was cancelled, may have pushed all the same.
    await work.confirmSaid();
    return outcome;
  } catch (error) {
    return { name, status: "failure", steps: [], failure: failureRecord(error) };
  } finally {
    await workshop?.close();
  }
}

async function finish(
  work: BuildWork,
  end: StepsEnd,
  workshop: Workshop,
  { planned, workspace, site }: { planned: PlannedBuild; workspace: Workspace; site: BuildSite },
): Promise<BuildOutcome> {
  const { name, pushes, build } = planned;
  try {
    await work.pushAll(pushes, workshop, site.signal);
    if (build.objects !== undefined) {
      const { keepObjects } = await import("./objects.ts");
      const { files } = await keepObjects(workspace.source, build.objects.paths, site.objectsFolder);
      work.say(`kept ${files.length} files that would go to ${build.objects.location}`);
    }
    return { name, ...end };
  } catch (error) {
    const cancelled = site.signal.aborted;
    const status = cancelled ? "cancelled" : "failure";
    return { name, status, steps: end.steps, failure: failureRecord(error) };
  }
}

class BuildWork {
  readonly #planned: PlannedBuild;
  readonly #workspace: Workspace;
  readonly #site: BuildSite;
  readonly #said: SaidPushes[] = [];

  constructor(planned: PlannedBuild, workspace: Workspace, site: BuildSite) {
    this.#planned = planned;
    this.#workspace = workspace;
    this.#site = site;
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
      const action =
        planned.action === undefined ? undefined : await onThisMachine(planned.action, this.#workspace);
      const end = action === undefined ? { exitCode: 0 } : await workshop.perform(action, { output, signal });
      if (end.exitCode === 0) await this.pushAll(planned.pushes, workshop, signal);
      return end;
    } catch (error) {
      if (!signal.aborted) output(Buffer.from(`${messageOf(error)}\n`));
      throw error;
    } finally {
      log.write(masker.flush());
      log.end();
    }
  }

  /** Pushes images in their order. @throws {BuildError} `image-missing`, naming all that are, or `push-failed`. */
  async pushAll(pushes: readonly PlannedPush[], workshop: Workshop, signal: AbortSignal): Promise<void> {
    await this.#site.sourceHeld;
    const exported: { readonly push: PlannedPush; readonly image: ExportedImage }[] = [];
    const missing: string[] = [];
    const folders: BuildFolder = this.#workspace.folder;
    for (const push of pushes) {
      const image = await workshop.export(push.image, await folders.scratch(), { output: () => {}, signal });
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
    const place = this.#site.placeOf(push);
    const { copier, ledger, open, turns } = this.#site;
    const { root, movedFrom } = await turns.take(`${place}:${push.tag}`, async () => {
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
    this.say(`pushed ${place}:${push.tag}@${root.digest}${moved}`);
  }

  /** Records what steps said that they pushed, where registries hold it; what they do not hold is told. */
  async confirmSaid(): Promise<void> {
    const { open, ledger } = this.#site;
    const said = this.#said.flatMap((one) => one.all());
    for await (const { repository, digest, ...answer } of askedFor(said, open)) {
      if ("reason" in answer) {
        this.say(
          `a step says that it pushed ${repository}@${digest}, and nobody confirms it: ${answer.reason}`,
        );
      } else {
        ledger.add({
          build: this.#planned.name,
          name: repository,
          repository,
          digest,
          ...answer,
          by: "step",
        });
      }
    }
  }

  say(text: string): void {
    const variant = this.#variant === undefined ? "" : `[${this.#variant}] `;
    this.#site.log(Buffer.from(`${variant}${this.#site.hidden.text(text)}\n`), this.#planned.name);
  }

  get #variant(): string | undefined {
    return this.#site.isOneOfSeveral ? this.#planned.name : undefined;
  }
}
