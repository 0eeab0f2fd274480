import { harmless } from "../errors/index.ts";
import { toAll } from "../events/index.ts";
import type { Recording } from "../recording/index.ts";
import type { BaseRevision, Review } from "../review/index.ts";
import { compare } from "./compare.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { withForge, withoutUser } from "./forge.ts";
import { type Interruption, interruptible } from "./interruption.ts";
import { withTree } from "./manifests.ts";
import { asJson, deliver } from "./output.ts";
import { recorded, withRecord } from "./recorded.ts";
import { withProgress } from "./registries.ts";
import { sayReview } from "./review-post.ts";
import { printReview } from "./review-text.ts";
import { selectionOf, withSelection } from "./selection.ts";
import type { Session } from "./session.ts";
import { trustFor } from "./trust.ts";
import { type Blank, how, look, type OptionsOf, out, recordedAs, verb } from "./verb.ts";

const define = (command: Blank) =>
  withForge(withRecord(withSelection(withTree(command))))
    .addOption(
      look.common("--base <revision>", "what the change is made to; REV... is where the head left REV"),
    )
    .addOption(look.common("--head <revision>", "the commit to judge; else the working tree"))
    .addOption(how("--allow-removals", "mention what is taken away, instead of failing for it"))
    .addOption(how.common("--offline", "ask no registry: judge the manifests alone"))
    .addOption(
      recordedAs(out.common("--post <pull-request>", "say it there, by a comment and a status"), withoutUser),
    )
    .addOption(out("--context <name>", "name of the commit status; pull-waybill-review when left out"))
    .addOption(
      recordedAs(
        out("--target-url <url>", "where the run can be looked at, for the commit status"),
        withoutUser,
      ),
    )
    .addOption(
      how("--require-approval", "with --post: fail until those have approved who own what is changed"),
    )
    .addOption(how("--dry-run", "with --post: say nothing under the pull request"));

type Options = OptionsOf<typeof define>;

export const reviewVerb = verb({
  name: "review",
  summary: "judge a change of manifests before it is merged",
  description: "judge a change of manifests before it is merged: what it would do, and what it cannot",
  examples: [
    ["waybill review registry.k8s.io --base origin/main...", "what this branch changes"],
    ["waybill review registry.k8s.io --head HEAD -o markdown=comment.md", "in a CI job that knows its base"],
    [
      "waybill review registry.k8s.io --base origin/main... --post https://github.com/kubernetes/k8s.io/pull/1106",
      "say it where it is discussed",
    ],
    ["waybill review registry.k8s.io --base HEAD --offline", "what is not committed yet, without registries"],
  ],
  exits: {
    [exitCodes.asDesired]: "nothing that the change introduces fails",
    [exitCodes.nothingDone]: "nothing could be reviewed",
    [exitCodes.notAsDesired]: "findings that fail",
  },
  page: "review.md",
  below: [compare],
  forms: ["text", "json", "markdown", "sarif"],
  define,
  old: {
    "--markdown <file>": {
      now: "--output markdown=<file>",
      wordOf: (file) => (file === "-" ? "markdown" : `markdown=${file}`),
    },
    "--sarif <file>": "--output sarif=<file>",
  },
  run,
});

async function run(session: Session, path: string, options: Options): Promise<ExitCode> {
  if (options.requireApproval && options.post === undefined) {
    throw new UsageError("--require-approval needs the pull request", "name it with --post");
  }
  if (options.post !== undefined && (await selectionOf(options)) !== undefined) {
    throw new UsageError(
      "what is said under a pull request is about all of it",
      "leave out --post, or what selects",
    );
  }
  const checkout = options.head === undefined ? path : undefined;
  return recorded(session, options, { subject: path, checkout }, (inner, recording) =>
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
  return interruptible(session, async (interruption) => {
    const judged = await reviewWithProgress(session, interruption, recording, path, base, options);
    const { review, owners } = await withBaseOwners(path, judged, session.env);
    for (const { file, message } of owners.diagnostics) terminal.warn(harmless(`${file}: ${message}`));
    if (review.plan !== undefined) await recording.plan(review.plan);
    await recording.report(review);
    await deliver(session, {
      text: (shown) => printReview(shown, review),
      json: () => asJson(review),
      markdown: () => formatReviewMarkdown(review),
      sarif: () => asJson(reviewToSarif(review)),
    });
    // What is not whole is not said to others.
    if (review.interrupted) return exitCodes.interrupted;
    const { post, dryRun } = options;
    if (post !== undefined && dryRun) terminal.note(`nothing is said under ${withoutUser(post)}: --dry-run`);
    const said =
      post === undefined || dryRun
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
  options: Options,
): Promise<Review> {
  const { reviewChange } = await import("../review/index.ts");
  const { head, allowRemovals, offline } = options;
  const question = {
    path,
    base: revision,
    baseFrom: from,
    ...(head === undefined ? {} : { head }),
    selection: await selectionOf(options),
    allowRemovals: allowRemovals === true,
    environment: session.env,
    policyFile: (await session.settings()).trust.policy,
  };
  if (offline) {
    const nowhere = { repository: unasked };
    return reviewChange({ ...question, trust: (head) => trustFor(session, head, nowhere) });
  }
  const { listener } = recording;
  const shown = { title: "Reading repositories", listener, interruption };
  return withProgress(session, shown, (registries, progress) =>
    reviewChange({
      ...question,
      open: registries.repository,
      trust: (tree) => trustFor(session, tree, registries),
      listener: toAll(progress.listener, listener),
      signal: interruption.stop,
    }),
  );
}

/** An offline review finds out which policies apply, and asks for nothing that would have to be looked for. */
function unasked(): never {
  throw new TypeError("an offline review asks no registry");
}
