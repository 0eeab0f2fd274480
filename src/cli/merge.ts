import { type Command, Option } from "commander";
import { harmless, WaybillError } from "../errors/index.ts";
import type { ImageOrigin, MergeFormat, MergeResult } from "../merge/index.ts";
import type { Recording } from "../recording/index.ts";
import type { Registries } from "../registry/index.ts";
import type { StoredRun } from "../store/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { addExamples, collect } from "./help.ts";
import { interruptible } from "./interruption.ts";
import { openProgress } from "./progress.ts";
import { addRecordOption, asked, dataFolder, type RecordOptions, recorded } from "./recorded.ts";
import { openRegistriesFor } from "./registries.ts";
import type { Act, Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";

/** The words of the command line for the forms of a list of images. */
const formats = {
  "in-place": "in-place",
  canonical: "snapshot",
  "canonical-pr": "pr",
} as const satisfies Record<string, MergeFormat>;

interface Options extends RecordOptions {
  readonly baseDir: string;
  readonly stagingRepo?: string;
  readonly fromRun?: string;
  readonly dataDir?: string;
  readonly as?: string;
  readonly image?: readonly string[];
  readonly digest?: readonly string[];
  readonly tag?: readonly string[];
  readonly format: keyof typeof formats;
  readonly skipProduction?: boolean;
  readonly dryRun?: boolean;
}

export function defineMerge(program: Command, act: Act): void {
  const command = program
    .command("merge")
    .description("add what a staging registry holds, or what a run built, to the manifest that promotes it")
    .addOption(new Option("--staging-repo <registry>", "staging registry to read"))
    .addOption(
      new Option(
        "--from-run <run>",
        "take exactly what a run built: its folder, job/id, id, or a job for its newest run",
      ),
    )
    .addOption(
      new Option("--base-dir <path>", "directory of thin manifests, or one plain manifest").default("."),
    )
    .addOption(filter("--image <name>", "take only these images; repeatable, globs as in kube-*"))
    .addOption(filter("--digest <digest>", "take only these digests; repeatable"))
    .addOption(filter("--tag <tag>", "take only these tags; repeatable, globs; latest only if named"))
    .addOption(new Option("--data-dir <dir>", "folder of the records of runs; $WAYBILL_DATA by default"))
    .addOption(
      new Option("--as <tag>", "with --from-run: list the images under this release tag, not the run's"),
    )
    .addOption(
      new Option("--format <format>", "edit in place, or write the list anew as cip-mm or kpromo pr do")
        .choices(Object.keys(formats))
        .default("in-place"),
    )
    .addOption(new Option("--skip-production", "do not look whether a tag is taken in production"))
    .addOption(new Option("--dry-run", "print the change, and do not make it"))
    .action(act(run));
  addRecordOption(command);
  const line = "waybill merge --base-dir registry.k8s.io --staging-repo gcr.io/k8s-staging-foo";
  addExamples(command, [
    [`${line} --tag v1.30.0`, "a release"],
    [`${line} --tag 'v1.30.*' --image 'kube-*' --dry-run`, "see what would be added"],
    ["waybill merge --from-run push-foo --as v1.30.0", "a release, as its newest build recorded it"],
  ]);
}

function filter(flags: string, description: string): Option {
  return new Option(flags, description).argParser(collect);
}

async function run(session: Session, options: Options): Promise<ExitCode> {
  if (options.fromRun === undefined && options.stagingRepo === undefined) {
    throw new UsageError(
      "nothing says what to merge",
      "name a staging registry with --staging-repo, or --from-run",
    );
  }
  if (options.as !== undefined && options.fromRun === undefined) {
    throw new UsageError("--as gives the images of a run a tag", "name the run with --from-run");
  }
  const { image = [], digest = [], tag = [], baseDir, stagingRepo, fromRun, as, format, dryRun } = options;
  const lists = { image: image.join(","), digest: digest.join(","), tag: tag.join(",") };
  const filters = Object.fromEntries(Object.entries(lists).filter(([, value]) => value !== ""));
  const given = {
    "staging-repo": stagingRepo,
    "from-run": fromRun,
    as,
    format,
    "dry-run": dryRun,
    ...filters,
  };
  const what = { verb: "merge", subject: baseDir, checkout: baseDir, options: asked(given) };
  return recorded(session, options, what, (inner, recording) => mergeRecorded(inner, recording, options));
}

function mergeRecorded(session: Session, recording: Recording, options: Options): Promise<ExitCode> {
  return interruptible(session, async (interruption) => {
    const { stop, cut } = interruption;
    const progress = await openProgress(session.terminal);
    interruption.describe = progress.describe;
    const { listener } = recording;
    const registries = await openRegistriesFor(session, { progress, listener, ending: { stop, cut } });
    progress.begin("Reading staging");
    const place = { session, registries, recording };
    try {
      return await (options.fromRun === undefined
        ? mergeStaging(place, options, options.stagingRepo ?? "")
        : mergeOneRun(place, options, options.fromRun));
    } finally {
      progress.end();
      await registries.close();
    }
  });
}

/** What merging is done with. */
interface MergeMeans {
  readonly session: Session;
  readonly registries: Registries;
  readonly recording: Recording;
}

async function mergeStaging(
  { session: { terminal }, registries, recording }: MergeMeans,
  options: Options,
  staging: string,
): Promise<ExitCode> {
  const { merge } = await import("../merge/index.ts");
  const result = await merge({ ...common(options, registries), staging, catalog: registries.catalog });
  say(terminal, result);
  const document = { format: "waybill-merge/1", ...withoutTexts(result) };
  await recording.report(document);
  if (terminal.json) terminal.printJson(document);
  else await printText(terminal, result, options.dryRun ?? false);
  return exitCodes.asDesired;
}

async function mergeOneRun(
  { session, registries, recording }: MergeMeans,
  options: Options,
  name: string,
): Promise<ExitCode> {
  const { terminal } = session;
  const { readBuiltImages } = await import("../builds/index.ts");
  const { mergeRun } = await import("../merge/index.ts");
  const { isTag } = await import("../oci/index.ts");
  if (options.as !== undefined && !isTag(options.as)) throw new UsageError(`--as ${options.as} is no tag`);
  const result = await mergeRun({
    ...common(options, registries),
    run: await readBuiltImages(await successfulRun(session, name, options)),
    staging: options.stagingRepo,
    as: options.as,
  });
  for (const each of result.merges) say(terminal, each);
  for (const { message, hint } of result.leftOut) {
    terminal.warn(`left out: ${harmless(message)}\n  hint: ${harmless(hint)}`);
  }
  const { run: of, merges, leftOut } = result;
  const document = { format: "waybill-merge-run/1", run: of, merges: merges.map(withoutTexts), leftOut };
  await recording.report(document);
  if (terminal.json) terminal.printJson(document);
  else for (const each of result.merges) await printText(terminal, each, options.dryRun ?? false);
  return result.leftOut.length === 0 ? exitCodes.asDesired : exitCodes.notAsDesired;
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
    {
      where,
      hint: "what it pushed can be merged by name: --staging-repo, with --image and --digest",
    },
  );
}

function common(options: Options, registries: Registries) {
  const { image: images = [], digest: digests = [], tag: tags = [] } = options;
  return {
    tree: options.baseDir,
    filters: { images, digests, tags },
    format: formats[options.format],
    skipProduction: options.skipProduction ?? false,
    dryRun: options.dryRun ?? false,
    open: registries.repository,
  };
}

function say(terminal: Terminal, { warnings, notes }: MergeResult): void {
  for (const warning of warnings) terminal.warn(warning);
  for (const note of notes) terminal.note(harmless(note));
}

function withoutTexts({ before: _, after: __, ...result }: MergeResult): object {
  return result;
}

async function printText(terminal: Terminal, result: MergeResult, dryRun: boolean): Promise<void> {
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
  terminal.note(`${added.length} ${dryRun ? "to add" : "added"}, ${present.length} already there`);
}
