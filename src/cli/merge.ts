import { harmless, WaybillError } from "../errors/index.ts";
import type { ImageOrigin, MergeFormat, MergeResult, ProjectsMergeResult } from "../merge/index.ts";
import type { Recording } from "../recording/index.ts";
import type { Registries } from "../registry/index.ts";
import type { StoredRun } from "../store/index.ts";
import { parseDuration } from "./duration.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { interruptible } from "./interruption.ts";
import { refuseNoTree, withTree } from "./manifests.ts";
import { newProject } from "./new-project.ts";
import { asJson, deliver } from "./output.ts";
import { dataFolder, recorded, withDataFolder, withRecord } from "./recorded.ts";
import { withProgress } from "./registries.ts";
import { selectionOf, withSelection } from "./selection.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";
import { type Blank, collect, how, look, type OptionsOf, verb, wholeNumber } from "./verb.ts";

/** The words of the command line for the forms of a list of images. */
const formats = {
  "in-place": "in-place",
  canonical: "snapshot",
  "canonical-pr": "pr",
} as const satisfies Record<string, MergeFormat>;

const define = (command: Blank) =>
  withRecord(withDataFolder(withSelection(withTree(command))))
    .addOption(look.common("--staging-repo <registry>", "the project that promotes from this registry"))
    .addOption(
      look.common(
        "--from-run <run>",
        "take exactly what a run built: its folder, job/id, id, or a job for its newest run",
      ),
    )
    .addOption(look("--digest <digest>", "take only these digests; repeatable").argParser(collect))
    .addOption(
      look("--newest <number>", "take so many of each image: the highest versions, else the latest")
        .argParser(wholeNumber)
        .conflicts("fromRun"),
    )
    .addOption(
      look("--max-age <duration>", "take nothing that was pushed, or built, before that: 36h, 7d").conflicts(
        "fromRun",
      ),
    )
    .addOption(how("--as <tag>", "with --from-run: list the images under this release tag, not the run's"))
    .addOption(
      how("--format <format>", "edit in place, or write the list anew as cip-mm or kpromo pr do")
        .choices(["in-place", "canonical", "canonical-pr"])
        .default("in-place"),
    )
    .addOption(how("--skip-production", "do not look whether a tag is taken in production"))
    .addOption(how.common("--dry-run", "print the change, and do not make it"));

type Options = OptionsOf<typeof define>;

export const mergeVerb = verb({
  name: "merge",
  summary: "add images that staging holds to manifests",
  description:
    "add what staging registries hold, or what a run built, to the manifests that promote it; the tag latest only where --tag names it",
  examples: [
    [
      "waybill merge registry.k8s.io --project 'kops*' --project etcd --tag v1.30.0",
      "a release of several projects",
    ],
    ["waybill merge registry.k8s.io --staging-repo gcr.io/k8s-staging-foo --tag v1.30.0", "a release"],
    [
      "waybill merge registry.k8s.io --staging-repo gcr.io/k8s-staging-foo --tag 'v1.30.*' --image 'kube-*' --dry-run",
      "see what would be added",
    ],
    ["waybill merge --from-run push-foo --as v1.30.0", "a release, as its newest build recorded it"],
  ],
  exits: {
    [exitCodes.asDesired]: "merged, or nothing was missing",
    [exitCodes.nothingDone]: "refused; no manifest is changed",
    [exitCodes.notAsDesired]:
      "one of several projects is refused, the others are merged; with --from-run: an image has no place",
  },
  page: "managing-staging.md",
  below: [newProject],
  define,
  old: { "--base-dir <path>": "[tree]" },
  run,
});

async function run(session: Session, path: string, options: Options): Promise<ExitCode> {
  const { fromRun, stagingRepo, project, to } = options;
  if ([fromRun, stagingRepo, project, to].every((each) => each === undefined)) {
    throw new UsageError(
      "nothing says what to merge",
      `name a project: waybill merge ${path} --project NAME; or a registry with --staging-repo, or a run with --from-run`,
    );
  }
  if (options.as !== undefined && options.fromRun === undefined) {
    throw new UsageError("--as gives the images of a run a tag", "name the run with --from-run");
  }
  await refuseNoTree(path, session);
  return recorded(session, options, { subject: path, checkout: path }, (inner, recording) =>
    mergeRecorded(inner, recording, path, options),
  );
}

function mergeRecorded(
  session: Session,
  recording: Recording,
  path: string,
  options: Options,
): Promise<ExitCode> {
  const { listener } = recording;
  const { fromRun, stagingRepo, dryRun = false } = options;
  return interruptible(session, (interruption) => {
    const { stop } = interruption;
    const shown = { title: "Reading staging", listener, interruption };
    return withProgress(session, shown, async (registries, progress) => {
      const means = { session, registries, path };
      const { format, result, merges, tell, status } =
        fromRun !== undefined
          ? await mergeOneRun(means, options, fromRun)
          : stagingRepo !== undefined
            ? await mergeStaging(means, options, stagingRepo)
            : await mergeSeveral(means, options, stop);
      progress.end();
      for (const each of merges) say(session.terminal, each);
      tell?.(session.terminal);
      const document = { format, ...result };
      await recording.report(document);
      await deliver(session, {
        text: async (terminal) => {
          const isOfMany = fromRun === undefined && stagingRepo === undefined;
          for (const each of merges)
            await printText(terminal, each, dryRun, isOfMany ? `${each.project}: ` : "");
        },
        json: () => asJson(document),
      });
      return status;
    });
  });
}

interface MergeMeans {
  readonly session: Session;
  readonly registries: Registries;
  /** The tree that is merged into. */
  readonly path: string;
}

interface Merged {
  readonly format: string;
  /** As documents have it. */
  readonly result: object;
  readonly merges: readonly MergeResult[];
  /** Says what was not merged. */
  readonly tell?: (terminal: Terminal) => void;
  readonly status: ExitCode;
}

async function mergeStaging(means: MergeMeans, options: Options, staging: string): Promise<Merged> {
  const { merge } = await import("../merge/index.ts");
  const { catalog } = means.registries;
  const selection = await projectsOf(options);
  const merged = await merge({ ...(await shared(means, options)), selection, staging, catalog });
  const result = withoutTexts(merged);
  return { format: "waybill-merge/1", result, merges: [merged], status: exitCodes.asDesired };
}

async function mergeSeveral(means: MergeMeans, options: Options, stop: AbortSignal): Promise<Merged> {
  const { mergeProjects } = await import("../merge/index.ts");
  const selection = await projectsOf(options);
  if (selection === undefined) throw new TypeError("no project is selected");
  const { catalog } = means.registries;
  const result = await mergeProjects({ ...(await shared(means, options)), selection, catalog, signal: stop });
  const { merges, nothing, failures } = result;
  return {
    format: "waybill-merge-projects/1",
    result: { ...result, merges: merges.map(withoutTexts) },
    merges,
    tell: (terminal) => {
      if (nothing.length > 0) {
        terminal.note(`nothing to take: ${nothing.map(({ project }) => project).join(", ")}`);
      }
      for (const { project, failure } of failures) {
        const hint = failure.hint === undefined ? "" : `\n  hint: ${harmless(failure.hint)}`;
        terminal.warn(`not merged: ${project}: ${harmless(failure.message)}${hint}`);
      }
    },
    status: statusOf(result, stop.aborted),
  };
}

function statusOf({ merges, failures }: ProjectsMergeResult, isStopped: boolean): ExitCode {
  if (failures.length === 0) return exitCodes.asDesired;
  if (isStopped) return exitCodes.interrupted;
  return merges.length === 0 ? exitCodes.nothingDone : exitCodes.notAsDesired;
}

/** The projects that are selected; images and tags are chosen of what staging holds, not of the manifests. */
function projectsOf({ project, to }: Options): ReturnType<typeof selectionOf> {
  return selectionOf({ project, to });
}

async function mergeOneRun(means: MergeMeans, options: Options, name: string): Promise<Merged> {
  const { readBuiltImages } = await import("../builds/index.ts");
  const { mergeRun } = await import("../merge/index.ts");
  const { isTag } = await import("../oci/index.ts");
  if (options.as !== undefined && !isTag(options.as)) throw new UsageError(`--as ${options.as} is no tag`);
  const result = await mergeRun({
    ...(await shared(means, options)),
    run: await readBuiltImages(await successfulRun(means.session, name, options)),
    staging: options.stagingRepo,
    selection: await projectsOf(options),
    as: options.as,
  });
  const { merges, leftOut } = result;
  return {
    format: "waybill-merge-run/1",
    result: { ...result, merges: merges.map(withoutTexts) },
    merges,
    tell: (terminal) => {
      for (const { message, hint } of leftOut)
        terminal.warn(`left out: ${harmless(message)}\n  hint: ${harmless(hint)}`);
    },
    status: leftOut.length === 0 ? exitCodes.asDesired : exitCodes.notAsDesired,
  };
}

/** A run that came to a good end: what another one pushed is not what was asked for. */
async function successfulRun(session: Session, name: string, { dataDir }: Options): Promise<StoredRun> {
  const { openRunFolder } = await import("../store/index.ts");
  const run = await openRunFolder(await dataFolder(session, dataDir)).find(name);
  const { result, where } = run.record;
  if (result === "SUCCESS") return run;
  throw new WaybillError(
    "run-not-successful",
    result === "PENDING" ? "the run is not over yet" : `the run did not succeed: ${result}`,
    { where, hint: "what it pushed can be merged by name: --staging-repo, with --image and --digest" },
  );
}

async function shared({ session, registries, path }: MergeMeans, options: Options) {
  const { trustOf } = await import("../trust/index.ts");
  const { trust: settings } = await session.settings();
  const open = registries.repository;
  const { image: images = [], digest: digests = [], tag: tags = [], newest } = options;
  const maxAge =
    options.maxAge === undefined
      ? undefined
      : parseDuration(options.maxAge, "--max-age", Number.POSITIVE_INFINITY);
  return {
    tree: path,
    filters: { images, digests, tags, newest, maxAge },
    format: formats[options.format],
    skipProduction: options.skipProduction ?? false,
    dryRun: options.dryRun ?? false,
    open,
    // Policies are for the review: what is merged is only told who signed it.
    trust: await trustOf({ tree: { manifests: [] }, settings, open }),
  };
}

function say(terminal: Terminal, { warnings, notes }: MergeResult): void {
  for (const warning of warnings) terminal.warn(warning);
  for (const note of notes) terminal.note(harmless(note));
}

function withoutTexts({ before: _, after: __, ...result }: MergeResult): object {
  return result;
}

/** @param name What stands before the sums, where there are several. */
async function printText(terminal: Terminal, result: MergeResult, dryRun: boolean, name = ""): Promise<void> {
  const { originInWords } = await import("../provenance/index.ts");
  const { file, added, present, diff, origins } = result;
  const words = new Map(
    origins.map((origin: ImageOrigin) => [`${origin.image}@${origin.digest}`, originInWords(origin)]),
  );
  if (dryRun) terminal.write(diff);
  for (const { image, digest, tag, line } of added) {
    const origin = words.get(`${image}@${digest}`);
    const from = origin === undefined ? "" : ` (${harmless(origin)})`;
    const what = `${image}@${digest}${tag === undefined ? "" : ` as ${tag}`}${from}`;
    if (!dryRun) terminal.print(`${file}:${line}: added ${what}`);
    else if (origin !== undefined) terminal.note(what);
  }
  terminal.note(`${name}${added.length} ${dryRun ? "to add" : "added"}, ${present.length} already there`);
}
