import { type Command, Option } from "commander";
import { harmless } from "../errors/index.ts";
import type { Recording } from "../recording/index.ts";
import type { BaseRevision, Review } from "../review/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { addForgeOptions, withoutUser } from "./forge.ts";
import { addExamples } from "./help.ts";
import { type Interruption, interruptible } from "./interruption.ts";
import { manifestsArgument } from "./manifests.ts";
import { openProgress } from "./progress.ts";
import { addRecordOption, asked, type RecordOptions, recorded } from "./recorded.ts";
import { openRegistriesFor } from "./registries.ts";
import { resultOpener, writeResults } from "./result-file.ts";
import { type PostOptions, sayReview } from "./review-post.ts";
import { printReview } from "./review-text.ts";
import type { Act, Session } from "./session.ts";

interface Options extends Omit<PostOptions, "post">, RecordOptions {
  readonly post?: string;
  readonly base?: string;
  readonly head?: string;
  readonly allowRemovals?: boolean;
  readonly offline?: boolean;
  readonly markdown?: string;
  readonly sarif?: string;
}

export function defineReview(program: Command, act: Act): void {
  const command = program
    .command("review")
    .description("judge a change of manifests before it is merged: what it would do, and what it cannot")
    .argument("<manifests>", manifestsArgument)
    .addOption(
      new Option("--base <revision>", "what the change is made to; REV... is where the head left REV"),
    )
    .addOption(new Option("--head <revision>", "the commit with the change; the working tree without it"))
    .addOption(new Option("--allow-removals", "mention what is taken away, instead of failing for it"))
    .addOption(new Option("--offline", "ask no registry: judge the manifests alone"))
    .addOption(new Option("--markdown <file>", "write the review as a comment in Markdown; - prints it"))
    .addOption(
      new Option("--sarif <file>", "write the findings as SARIF, which code hosts show at the lines"),
    )
    .addOption(new Option("--post <pull-request>", "say it under this pull request: a comment and a status"))
    .addOption(new Option("--context <name>", "name of the commit status; pull-waybill-review when left out"))
    .addOption(new Option("--target-url <url>", "where the run can be looked at, for the commit status"))
    .addOption(
      new Option("--require-approval", "with --post: fail until those have approved who own what is changed"),
    )
    .action(act(run));
  addForgeOptions(command);
  addRecordOption(command);
  addExamples(command, [
    ["waybill review registry.k8s.io --base origin/main...", "what this branch changes"],
    ["waybill review registry.k8s.io --head HEAD --markdown comment.md", "in a CI job that knows its base"],
    [
      "waybill review registry.k8s.io --base origin/main... --post https://github.com/kubernetes/k8s.io/pull/1106",
      "say it where it is discussed",
    ],
    ["waybill review registry.k8s.io --base HEAD --offline", "what is not committed yet, without registries"],
  ]);
}

async function run(session: Session, path: string, options: Options): Promise<ExitCode> {
  const { terminal } = session;
  if (options.markdown === "-" && terminal.json) {
    throw new UsageError(
      "--json and --markdown - would both print the result",
      "name a file: --markdown FILE",
    );
  }
  if (options.requireApproval && options.post === undefined) {
    throw new UsageError("--require-approval needs the pull request", "name it with --post");
  }
  const { base, head, allowRemovals, offline, post } = options;
  const given = {
    base,
    head,
    "allow-removals": allowRemovals,
    offline,
    post: post === undefined ? undefined : withoutUser(post),
  };
  const checkout = head === undefined ? path : undefined;
  const what = { verb: "review", subject: path, checkout, options: asked(given) };
  return recorded(session, options, what, (inner, recording) =>
    reviewRecorded(inner, recording, path, options),
  );
}

async function reviewRecorded(
  session: Session,
  recording: Recording,
  path: string,
  options: Options,
): Promise<ExitCode> {
  const { terminal } = session;
  const { formatReviewMarkdown, reviewToSarif } = await import("../review/index.ts");
  const { withBaseOwners } = await import("../release/index.ts");
  const base = await baseOf(session, options);
  const isPrinted = options.markdown === "-";
  const openResult = resultOpener();
  const writeMarkdown = await openResult(options.markdown);
  const writeSarif = await openResult(options.sarif);
  return interruptible(session, async (interruption) => {
    const judged = await reviewWithProgress(session, interruption, recording, path, base, options);
    const { review, owners } = await withBaseOwners(path, judged, session.env);
    for (const { file, message } of owners.diagnostics) terminal.warn(harmless(`${file}: ${message}`));
    if (review.plan !== undefined) await recording.plan(review.plan);
    await recording.report(review);
    if (isPrinted) terminal.write(formatReviewMarkdown(review));
    else if (terminal.json) terminal.printJson(review);
    else await printReview(terminal, review);
    await writeResults(
      ...(isPrinted || options.markdown === undefined ? [] : [writeMarkdown(formatReviewMarkdown(review))]),
      writeSarif(
        options.sarif === undefined ? "" : `${JSON.stringify(reviewToSarif(review), undefined, 2)}\n`,
      ),
    );
    // What is not whole is not said to others.
    if (review.interrupted) return exitCodes.interrupted;
    const { post } = options;
    const said =
      post === undefined
        ? undefined
        : await sayReview(session, review, path, owners, { ...options, post, listener: recording.listener });
    const passes = said?.passes ?? review.verdict === "passes";
    return passes ? exitCodes.asDesired : exitCodes.notAsDesired;
  });
}

/** What the change is made to: as the command line or the CI system says. */
async function baseOf({ env, terminal }: Session, { base }: Options): Promise<BaseRevision> {
  if (base !== undefined) return { revision: base, from: "--base" };
  const { baseOfEnvironment } = await import("../review/index.ts");
  const found = baseOfEnvironment(env);
  if (found === undefined) {
    throw new UsageError(
      "nobody says what the change is made to",
      "name it: --base origin/main...; on Prow, GitHub and GitLab the job's environment says it",
    );
  }
  terminal.note(`base: ${JSON.stringify(found.revision)}, from ${found.from}`);
  return found;
}

async function reviewWithProgress(
  session: Session,
  interruption: Interruption,
  recording: Recording,
  path: string,
  { revision, from }: BaseRevision,
  { head, allowRemovals = false, offline = false }: Options,
): Promise<Review> {
  const { reviewChange } = await import("../review/index.ts");
  const options = {
    path,
    base: revision,
    baseFrom: from,
    ...(head === undefined ? {} : { head }),
    allowRemovals,
    environment: session.env,
  };
  if (offline) return reviewChange(options);
  const { stop, cut } = interruption;
  const progress = await openProgress(session.terminal);
  interruption.describe = progress.describe;
  const registries = await openRegistriesFor(session, {
    progress,
    listener: recording.listener,
    ending: { stop, cut },
  });
  progress.begin("Reading repositories");
  try {
    const review = await reviewChange({
      ...options,
      open: registries.repository,
      listener: (event) => {
        progress.listener(event);
        recording.listener(event);
      },
      signal: stop,
    });
    progress.end();
    return review;
  } finally {
    progress.end();
    await registries.close();
  }
}
