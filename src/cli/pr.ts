import { stat } from "node:fs/promises";
import {
  type FailureRecord,
  failureRecord,
  isWaybillError,
  shellLine,
  WaybillError,
} from "../errors/index.ts";
import type { Recording } from "../recording/index.ts";
import type { Registries } from "../registry/index.ts";
import type { NotDone, PromotionRequestResult } from "../release/index.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import { UsageError } from "./failure.ts";
import { type ForgePlace, openForgeFor, withForge, withoutUser } from "./forge.ts";
import { collectMeans, holdVerb, unholdVerb } from "./hold.ts";
import { Interrupted } from "./interruption.ts";
import { asJson, deliver } from "./output.ts";
import { askWhether } from "./question.ts";
import { recorded, withRecord } from "./recorded.ts";
import { withProgress } from "./registries.ts";
import { releaseTagsVerb } from "./release-tags.ts";
import type { Session } from "./session.ts";
import type { Terminal } from "./terminal.ts";
import { type Blank, collect, how, look, type OptionsOf, out, recordedAs, unrecorded, verb } from "./verb.ts";

const define = (command: Blank) =>
  withRecord(withForge(command))
    .argument(
      "[tree|repository]",
      "folder of thin manifests in a checkout, or what holds them: host/owner/name",
      ".",
    )
    .addOption(
      recordedAs(
        look("--repo <address>", "what holds the manifests: https://host/owner/name, or host/owner/name"),
        withoutUser,
      ),
    )
    .addOption(look.common("--staging-repo <registry>", "staging registry; that of the project by default"))
    .addOption(
      unrecorded(look("--manifests <path>", "in the repository: folder of thin manifests, or a file")),
    )
    .addOption(look("--project <name>", "project; made of the staging registry when left out"))
    .addOption(look.common("--release <version>", "version being cut: promotes its set of tags"))
    .addOption(look("--profile <name>", "whose rules make the set; see waybill pr release-tags"))
    .addOption(look.common("--tag <tag>", "promote this tag; globs; repeatable").argParser(collect))
    .addOption(look("--image <name>", "take only these images; globs; repeatable").argParser(collect))
    .addOption(look("--digest <digest>", "take only these digests; repeatable").argParser(collect))
    .addOption(
      recordedAs(
        how("--fork <owner/name>", "push to this fork; to the repository itself when left out"),
        withoutUser,
      ),
    )
    .addOption(how("--base <branch>", "branch to change; the default branch when left out"))
    .addOption(how("--branch <name>", "branch to push; made of project and tag when left out"))
    .addOption(
      unrecorded(
        how("--checkout <folder>", "use the objects of this checkout instead of a clone; it stays as it is"),
      ),
    )
    .addOption(unrecorded(how("--ssh", "fetch and push over SSH; the token is for the forge alone")))
    .addOption(out("--title <text>", "title of the pull request and the commit"))
    .addOption(
      out("--link <title=url>", "a link for the text, such as a build; repeatable").argParser(collect),
    )
    .addOption(
      out("--reviewer <name>", "request a review; of a team as org/team; repeatable").argParser(collect),
    )
    .addOption(out("--label <name>", "add a label; repeatable").argParser(collect))
    .addOption(out("--no-hold", "do not hold it"))
    .addOption(
      out(
        "--hold-by <means>",
        "label, draft or status; what the forge's users expect when left out; repeatable",
      ).argParser(collectMeans),
    )
    .addOption(unrecorded(out("--no-sign-off", "leave Signed-off-by out")))
    .addOption(unrecorded(out("--sign", "sign the commit, as Git is configured to")))
    .addOption(how("--skip-production", "do not look whether a tag is taken in production"))
    .addOption(unrecorded(how("--interactive", "ask before each step that others can see")))
    .addOption(how.common("--dry-run", "print the change and the text, and propose nothing"));

/** What the verb is given, with the place where the manifests are, and the project, found out. */
type Options = OptionsOf<typeof define> & ManifestsPlace & { readonly project: string };

/** Where in a repository the manifests are. */
interface ManifestsPlace {
  readonly manifests: string;
  /** A path in the checkout that comes from the repository, where nobody has named that. */
  readonly foundIn?: string | undefined;
}

export const prVerb = verb({
  name: "pr",
  summary: "propose a promotion: a pull request that is held",
  description: "propose a promotion: branch, merge, commit, push, and a pull request that is held",
  examples: [
    ["waybill pr --staging-repo gcr.io/k8s-staging-foo --release v1.19.0", "a release, from this checkout"],
    [
      "waybill pr registry.k8s.io --staging-repo gcr.io/k8s-staging-foo --fork me/k8s.io --tag v1.2.3 --dry-run",
      "look first",
    ],
    [
      "waybill pr github.com/me/images --staging-repo gcr.io/k8s-staging-foo --release v1.19.0",
      "without a checkout",
    ],
  ],
  exits: {
    [exitCodes.asDesired]: "proposed, or as it should be already",
    [exitCodes.nothingDone]: "refused; nothing was proposed",
    [exitCodes.notAsDesired]: "proposed, but not all that the request must have could be done",
  },
  page: "propose-a-promotion.md",
  below: [holdVerb, unholdVerb, releaseTagsVerb],
  define,
  run,
});

async function run(session: Session, named: string, options: OptionsOf<typeof define>): Promise<ExitCode> {
  const { stagingRepo, release, tag, interactive, dryRun } = options;
  const { projectOf } = await import("../release/index.ts");
  const project = options.project ?? (stagingRepo === undefined ? undefined : projectOf(stagingRepo));
  const isWhatSaid = release !== undefined || tag !== undefined;
  const place = await placeOf(session, named, options).catch((error: unknown) => {
    if (error instanceof WaybillError) return error;
    throw error;
  });
  if (project === undefined || !isWhatSaid) {
    const missing = [
      ...(project === undefined ? ["where from, with --project NAME or --staging-repo REGISTRY"] : []),
      ...(isWhatSaid ? [] : ["which version, with --release VERSION, or which tags, with --tag TAG"]),
    ];
    const where = place instanceof UsageError ? `; and ${place.hint}` : "";
    throw new UsageError("nothing says what to promote", `say ${missing.join("; and ")}${where}`);
  }
  if (place instanceof WaybillError) throw place;
  if (interactive && !dryRun && !session.isAttended()) {
    throw new UsageError(
      "nobody sits here who could be asked",
      "leave --interactive out, or see what it would do: --dry-run",
    );
  }
  const { repository, manifests, foundIn, isEdited } = place;
  if (isEdited) {
    session.terminal.warn(
      `what is changed in ${named} and not committed plays no part: the change is made on the newest commit of ${withoutUser(repository)}`,
    );
  }
  return recorded(session, options, { subject: withoutUser(repository) }, (inner, recording) =>
    request(inner, recording, repository, { ...options, manifests, project, foundIn }),
  );
}

/** The repository that is meant, and where in it the manifests are: a folder that is there is a tree in a checkout. */
async function placeOf(
  session: Session,
  named: string,
  { repo, manifests }: OptionsOf<typeof define>,
): Promise<ManifestsPlace & { readonly repository: string; readonly isEdited?: boolean }> {
  if (repo !== undefined) return { repository: repo, manifests: manifests ?? named };
  if (manifests !== undefined || !(await isThere(named))) {
    if (manifests === undefined && !hasHost.test(named)) {
      throw new UsageError(
        `${named} is no folder here, and no repository on a forge`,
        "name the folder of manifests in a checkout, or what holds them: https://host/owner/name",
      );
    }
    return { repository: named, manifests: manifests ?? "." };
  }
  const { placeInRemote } = await import("../git/index.ts");
  const { parseRemote } = await import("../forge/index.ts");
  const { remote, remotes, path, isEdited } = await placeInRemote(named, session.env).catch(
    (error: unknown) => {
      if (!isWaybillError(error) || error.code !== "not-a-repository") throw error;
      throw new UsageError(
        `${named} is in no Git repository`,
        "say what holds the manifests: waybill pr HOST/OWNER/NAME --manifests FOLDER",
      );
    },
  );
  if (remote === undefined || parseRemote(remote) === undefined) {
    const why =
      remote !== undefined
        ? `${named} comes from ${withoutUser(remote)}, which is on no forge`
        : remotes.length === 0
          ? `${named} is in a repository without a remote`
          : `nobody says which remote of ${named} is meant: ${remotes.join(", ")}`;
    throw new UsageError(why, `say where it is proposed: waybill pr ${path || "."} --repo HOST/OWNER/NAME`);
  }
  return { repository: remote, manifests: path || ".", foundIn: named, isEdited };
}

/** An address, or a path that begins with the name of a host. */
const hasHost = /^(?!\.)[^/]+[.:@]|^localhost\//;

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function request(
  session: Session,
  recording: Recording,
  repository: string,
  options: Options,
): Promise<ExitCode> {
  const { terminal } = session;
  const sets = await tagSetsOf(session, options);
  if (sets.length > 1 && options.branch !== undefined) {
    throw new UsageError("--branch names one branch, and each tag has its own", "leave it out, or use --tag");
  }
  const { listener } = recording;
  const place = await openForgeFor(session, repository, {
    ...{ ...options, listener },
    readOnly: options.dryRun === true,
  });
  return withProgress(session, { title: "Reading registries", listener }, async (registries, progress) => {
    const results: PromotionRequestResult[] = [];
    const failed: { readonly tags: readonly string[]; readonly failure: FailureRecord }[] = [];
    for (const tags of sets) {
      const ask = (question: string): Promise<boolean> => {
        // What is asked must not be drawn over.
        progress.end();
        return askWhether(question);
      };
      const what = { ...place, registries, recording, repository, tags, ask };
      const result = await propose(session, what, options).catch((error: unknown) => {
        // What is open already is told, whatever comes of the rest.
        if (results.length === 0 || !(error instanceof WaybillError) || error instanceof Interrupted)
          throw error;
        const failure = failureRecord(error);
        failed.push({ tags, failure });
        terminal.warn(
          `${tags.join(", ")} could not be proposed: ${failure.message}; ${failure.hint ?? again}`,
        );
      });
      if (result === undefined) continue;
      results.push(result);
      // A request that fails must not hide those before it.
      if (session.outputs.printed === "text") print(terminal, result);
      for (const warning of result.warnings) terminal.warn(warning);
      for (const { what, reason } of result.notDone) terminal.warn(`${notDoneWords[what]}: ${reason}`);
      for (const { reviewer, reason } of result.notRequested) {
        terminal.warn(`the review of ${reviewer} was not requested: ${reason}`);
      }
    }
    const document = {
      format: "waybill-pr/1",
      requests: results,
      ...(failed.length === 0 ? {} : { failed }),
    };
    await recording.report(document);
    await deliver(session, { text: () => {}, json: () => asJson(document) });
    const isWhole = results.every(({ notDone, notRequested }) => notDone.length + notRequested.length === 0);
    return isWhole && failed.length === 0 ? exitCodes.asDesired : exitCodes.notAsDesired;
  });
}

const again = "run it again: what is open stays as it is";

/** One pull request: where, with what, and for which tags. */
interface Place extends ForgePlace {
  readonly registries: Registries;
  readonly recording: Recording;
  /** As the command line names it. */
  readonly repository: string;
  readonly tags: readonly string[];
  readonly ask: (question: string) => Promise<boolean>;
}

async function propose(session: Session, place: Place, options: Options): Promise<PromotionRequestResult> {
  const { terminal, env } = session;
  const { forge, path, credential, registries, recording, repository, tags } = place;
  const { requestPromotion, reviewProposed, usualHold } = await import("../release/index.ts");
  const { trust } = await session.settings();
  const { image: images = [], digest: digests = [] } = options;
  return requestPromotion({
    forge,
    subject: { project: options.project, tags },
    upstream: path,
    fork: options.fork ?? path,
    foundIn: options.foundIn,
    base: options.base,
    branch: options.branch,
    manifests: options.manifests,
    checkout: options.checkout,
    ...(options.ssh === true ? { ssh: true } : credential === undefined ? {} : { credential }),
    environment: env,
    staging: options.stagingRepo,
    filters: { images, digests, tags },
    skipProduction: options.skipProduction ?? false,
    open: registries.repository,
    catalog: registries.catalog,
    command: commandOf(session, repository, options),
    title: options.title,
    links: (options.link ?? []).map(linkOf),
    reviewers: options.reviewer ?? [],
    labels: options.label ?? [],
    hold: options.hold ? (options.holdBy ?? usualHold(forge.kind)) : [],
    signOff: options.signOff,
    sign: options.sign,
    dryRun: options.dryRun ?? false,
    review: (commit) =>
      reviewProposed(commit, { open: registries.repository, settings: trust, environment: env }),
    ...(options.interactive === true ? { ask: place.ask } : {}),
    listener: (event) => {
      recording.listener(event);
      terminal.note(event.text);
    },
  });
}

const notDoneWords: Readonly<Record<NotDone["what"], string>> = {
  labels: "it has not all labels",
  hold: "it is not held as it should be",
  reviewers: "no reviews were requested",
  text: "title and text are not as they should be",
};

function print(terminal: Terminal, result: PromotionRequestResult): void {
  if (result.outcome === "proposed") {
    terminal.write(`${result.diff}\n# ${result.title}\n\n${result.body}\n`);
    return;
  }
  if (result.outcome === "opened" || result.outcome === "updated") {
    for (const { image, digest, tag } of result.added) {
      terminal.note(`${image}@${digest}${tag === undefined ? "" : ` as ${tag}`}`);
    }
  }
  terminal.print(inWords(result));
}

function inWords({ outcome, pullRequest, branch, pushed }: PromotionRequestResult): string {
  const open = pullRequest === undefined ? "" : `: ${pullRequest.url}`;
  if (outcome === "nothing-to-do") return `nothing to do: the manifests ask for all of it already${open}`;
  if (outcome === "declined")
    return `stopped, as you said; ${pushed ? `${branch} is pushed` : "nothing was pushed"}`;
  return `${outcome}${open}`;
}

/** The tags of each pull request: some profiles have one for each tag. */
async function tagSetsOf(
  session: Session,
  { release, profile, tag = [] }: Options,
): Promise<readonly (readonly string[])[]> {
  if (release === undefined) return [tag];
  const { releaseTags } = await import("../release/index.ts");
  const { releases: profiles } = await session.settings();
  const { sets } = releaseTags(release, { profiles, profile });
  for (const { tag: name, reason } of sets.flat()) session.terminal.note(`${name}: ${reason}`);
  const [first = [], ...others] = sets.map((set) => set.map(({ tag: name }) => name as string));
  return [[...first, ...tag], ...others];
}

function linkOf(text: string): { title: string; url: string } {
  const [, title, url = text] = /^([^=:/?#]+)=(.+)$/s.exec(text) ?? [];
  if (!URL.canParse(url) || !/^https?:/.test(url)) {
    throw new UsageError(`--link ${text} is no link`, "write --link 'Mock build=https://…'");
  }
  return { title: title ?? url, url };
}

/** The command that does it again, wherever it runs. */
function commandOf({ line }: Session, repository: string, { manifests }: Options): string {
  const start = line.words.findIndex((word) => word.startsWith("--"));
  const words = line.words.slice(start).filter((word) => word !== "--dry-run");
  return shellLine(["waybill", "pr", withoutUser(repository), "--manifests", manifests, ...words]);
}
