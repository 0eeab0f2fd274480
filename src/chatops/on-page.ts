import { randomUUID } from "node:crypto";
import type { Sql } from "../database/index.ts";
import { isWaybillError } from "../errors/index.ts";
import { type Forge, ForgeError, type ForgeProject, type PullRequest } from "../forge/index.ts";
import { type Job, repositoryKey } from "../jobs/index.ts";
import { differenceBetween, newestReviews, notePulls, type ReviewDifference } from "../reviews/index.ts";
import { lookAgain, type PullToHeed, pullJobs } from "../triggers/index.ts";
import { tellOutcomes } from "./answer.ts";
import { carryOut } from "./carry-out.ts";
import { decide } from "./decide.ts";
import { ChatopsError } from "./errors.ts";
import { openFinder } from "./facts.ts";
import { commandsIn, type SaidCommand } from "./grammar.ts";
import { isFinal } from "./heed.ts";
import { type CommandOutcome, claimComment, placeOf, recordComment, releaseComment } from "./records.ts";
import type { ChatWorld } from "./world.ts";

/** What can be done to a pull request on a page, each as a command says it. */
export const pullActs = {
  approve: "/approve",
  "cancel-approval": "/approve cancel",
  hold: "/hold",
  "lift-hold": "/hold cancel",
  test: "/test all",
} as const;
/** One of them. */
export type PullAct = keyof typeof pullActs;

/** A command that somebody gives on a page. */
export interface PageCommand {
  /** The URL of the repository, as the jobs have it. */
  readonly url: string;
  readonly number: number;
  readonly act: PullAct;
  /** Why it is held. */
  readonly why?: string | undefined;
  /** Who gives it: the account on the forge itself with which the person has logged in, its name and its number there. */
  readonly by: { readonly login: string; readonly subject: string };
  /** What is approved: the hashes of the edges that the page showed. */
  readonly edges?: readonly string[] | undefined;
  readonly jobs: readonly Job[];
  readonly project: ForgeProject;
}

/** Writes down in a transaction that something is done, or has failed. */
export type Audit = (
  sql: Sql,
  done: { readonly act: string; readonly subject: string; readonly after: Readonly<Record<string, string>> },
) => Promise<void>;

/** Lines of a difference that are told. */
const mostDifferent = 8;

/**
 * Obeys a command that somebody gives on a page, as if it stood in a comment of theirs: it is decided by the same facts, and told under the
 * pull request. An approval is of what the page showed. Nobody does by it what they could not do by a comment: the forge has to say that
 * the account is still theirs, and that it may comment there.
 * @param audit Called before anything is done, so that nothing is done of which nobody knows who did it.
 * @throws {ChatopsError} when it is refused; {@link ForgeError}, {GitError}, {DatabaseError} when it cannot be known now what may be done.
 */
export async function commandOnPage(
  world: ChatWorld,
  asked: PageCommand,
  audit: Audit,
): Promise<CommandOutcome> {
  const { url, number, act, by, project, jobs } = asked;
  const said = commandOf(asked);
  const forge = await world.forgeOf(url);
  const pull = await project.pullRequests.read(number);
  await refuseStranger(forge, project, pull, by);
  const heeded: PullToHeed = {
    ...{ url, project, pull, isFirst: false },
    jobs: pullJobs(jobs, url, pull.base.branch),
  };
  const finder = openFinder(world, forge, heeded);
  const decision = decide(said.command, await finder.factsFor(said.command, by.login));
  if ("refusal" in decision) throw refused(decision.refusal, pull);
  const edges = act === "approve" ? await currentEdges(world, asked, pull) : undefined;

  const place = placeOf(url, number);
  const now = world.now();
  const comment = {
    ...{ id: `page:${randomUUID()}`, author: by.login, body: said.line },
    ...{ createdAt: now.toISOString(), isByBot: false, isEdited: false },
  };
  const subject = `pull/${place.repository}#${number}`;
  const after = { login: by.login, commit: pull.head.commit, line: said.line, ...(edges && { edges }) };
  const begun = { act: `pull.${act}`, subject, after };
  await world.db.transaction(async (sql) => {
    await claimComment(sql, place, comment, now);
    await audit(sql, begun);
  });
  const commanded = {
    ...{ world, heeded, place, finder, kind: forge.kind },
    ...{ who: by.login, at: comment.createdAt, line: said.line },
  };
  const { text, write } = await carryOut(decision.act, commanded).catch(async (error: unknown) => {
    await world.db.transaction(async (sql) => {
      await releaseComment(sql, place, comment.id);
      const code = isWaybillError(error) ? error.code : "internal";
      await audit(sql, { act: `${begun.act}.failed`, subject, after: { ...after, code } });
    });
    if (isFinal(error)) throw refused(error.message, pull);
    throw error;
  });
  // It is done: whatever fails from here on changes nothing of that.
  const words = ["on the page of Waybill", ...(edges === undefined ? [] : [`for the edges \`${edges}\``])];
  const outcome: CommandOutcome = {
    ...{ line: said.line, outcome: "done" },
    text: [words.join(", "), ...(text === undefined ? [] : [text])].join("; "),
  };
  await world.db.transaction(async (sql) => {
    await write(sql);
    await recordComment(sql, place, comment, [outcome], now);
  });
  await lookAndTell(world, heeded, now);
  return outcome;
}

function commandOf({ act, why }: PageCommand): SaidCommand {
  const line = act === "hold" && why !== undefined ? `${pullActs.hold} ${why}` : pullActs[act];
  const [said, ...others] = commandsIn(line);
  const [meant] = commandsIn(pullActs[act]);
  if (said !== undefined && others.length === 0 && said.command.name === meant?.command.name) return said;
  throw new ChatopsError("unclear", "with these words the hold would mean something else", {
    hint: "say why it is held in one line, that does not begin with cancel",
  });
}

/**
 * Refuses whoever could not say it in a comment, or of whom nobody can tell. A name on a forge may be given to somebody else, its number is
 * not; that somebody may read a repository that everybody can read is said by the forge as well.
 */
async function refuseStranger(
  forge: Pick<Forge, "user" | "accountOf">,
  project: Pick<ForgeProject, "permission">,
  pull: PullRequest,
  { login, subject }: PageCommand["by"],
): Promise<void> {
  const unknown = (message: string): ChatopsError =>
    new ChatopsError("login-unknown", message, { where: pull.url, hint: "say it under the pull request" });
  if ((await forge.accountOf(login)) !== subject) {
    throw unknown(`the account ${login} of the forge is not, or not any more, the one that has logged in`);
  }
  if (login.toLowerCase() === (await forge.user()).toLowerCase()) {
    throw unknown(
      "that is the account by which Waybill itself works on the forge, whose commands count nowhere",
    );
  }
  const permission = await permissionIn(project, login);
  if (permission === undefined) {
    throw unknown("the forge does not tell Waybill's token what others may do in the repository");
  }
  const mayWrite = permission === "write" || permission === "admin";
  if (permission === "none" || (pull.isLocked === true && !mayWrite)) {
    throw unknown(`nothing shows that ${login} may comment there`);
  }
}

async function permissionIn(project: Pick<ForgeProject, "permission">, login: string) {
  try {
    return await project.permission(login);
  } catch (error) {
    if (error instanceof ForgeError && error.code === "forbidden") return undefined;
    throw error;
  }
}

/** The hashes of what the newest commit asks for, in one text, where they are those that the page showed. */
async function currentEdges(
  { db }: ChatWorld,
  { url, number, edges = [] }: PageCommand,
  { url: where, head }: PullRequest,
): Promise<string> {
  const pull = { id: "", repository: repositoryKey(url), number };
  const reviews = (await newestReviews(db, [pull])).get("") ?? [];
  const current = reviews.filter(({ commit }) => commit === head.commit);
  const [first] = current;
  if (first === undefined) {
    throw new ChatopsError("not-reviewed", "its newest commit has not been reviewed yet", {
      ...{ where, hint: "wait for the review of it, read that, and approve it then" },
    });
  }
  const hashes = [...new Set(current.map(({ edgesHash }) => edgesHash))].sort();
  if (hashes.join(" ") === [...new Set(edges)].sort().join(" ")) return hashes.join(" ");
  const [before = ""] = edges;
  const difference = await differenceBetween(db, pull, before, first.run, mostDifferent);
  throw new ChatopsError(
    "outdated",
    `something else is asked for now than the page showed: ${first.edgesHash}`,
    { where, hint: differenceInWords(difference) },
  );
}

function differenceInWords(difference: ReviewDifference | undefined): string {
  const again = "read the page anew, and approve what it shows then";
  if (difference === undefined || difference.lines.length === 0) return again;
  const lines = difference.lines.map(({ sign, line: { kind, image, tag, digest, file, line } }) => {
    const name =
      tag === null ? `${image}@${digest.slice(0, 19)}` : `${image}:${tag} at ${digest.slice(0, 19)}`;
    return `${sign === "+" ? "now" : "not any more"} ${kind} ${name} (${file}:${line})`;
  });
  const others = difference.more + difference.fewer - lines.length;
  return `${lines.join("; ")}${others > 0 ? `; and ${others} more lines` : ""}: ${again}`;
}

/** Notes how the pull request is now, and tells what was done. What cannot be read or told now is at the next look at it. */
async function lookAndTell(world: ChatWorld, heeded: PullToHeed, now: Date): Promise<void> {
  const { url, pull, project } = heeded;
  try {
    const current = await project.pullRequests.read(pull.number);
    await world.db.transaction((sql) => notePulls(sql, url, [current], now));
    await tellOutcomes(world, heeded, placeOf(url, pull.number));
  } catch (error) {
    if (!isWaybillError(error)) throw error;
    await world.db.transaction((sql) => lookAgain(sql, url, pull.number, world.now()));
  }
}

function refused(message: string, { url }: PullRequest): ChatopsError {
  return new ChatopsError("refused", message, { where: url });
}
