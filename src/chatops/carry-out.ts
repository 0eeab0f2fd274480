import type { Sql } from "../database/index.ts";
import type { ForgeProject } from "../forge/index.ts";
import type { RunCause } from "../queue/index.ts";
import { hold, unhold, usualHold } from "../release/index.ts";
import { askForPull, type PullToHeed } from "../triggers/index.ts";
import { neverRun, trustLabel, untrustedLabel } from "./decide.ts";
import type { Finder } from "./facts.ts";
import type { CommandAct } from "./model.ts";
import { type ApprovalWord, giveWord, type PullPlace, takeWordBack, wordsOf } from "./records.ts";
import type { ChatWorld } from "./world.ts";

/** Labels that the incumbents' merge robot waits for. */
export const lgtmLabel = "lgtm";
export const approvedLabel = "approved";

/** A command that is carried out, and all that is known of it. */
export interface Commanded {
  readonly world: ChatWorld;
  readonly heeded: PullToHeed;
  readonly kind: Parameters<typeof usualHold>[0];
  readonly place: PullPlace;
  readonly finder: Finder;
  /** Who said it, when, and its line. */
  readonly who: string;
  readonly at: string;
  readonly line: string;
}

/** What was done at the forge, and what is still to be written together with the note that it was done. */
export interface CarriedOut {
  readonly text?: string | undefined;
  readonly write: (sql: Sql) => Promise<void>;
}

/** Carries one decided command out. All of it may be done twice: whoever is stopped in the middle begins anew. */
export async function carryOut(act: CommandAct, commanded: Commanded): Promise<CarriedOut> {
  const { world, heeded, kind, place, finder, who, at } = commanded;
  const { project, pull } = heeded;
  const { number, head } = pull;
  switch (act.do) {
    case "run":
      return { text: `asked for ${act.jobs.join(", ")}`, write: (sql) => askFor(sql, commanded, act.jobs) };
    case "list":
      return {
        text: listed(
          (await finder.jobs()).map(({ name }) => name),
          neverOf(heeded),
        ),
        write: nothing,
      };
    case "hold":
      await hold(project, number, world.hold ?? usualHold(kind));
      return { write: nothing };
    case "release":
      await unhold(project, number);
      return { write: nothing };
    case "trust": {
      await label(project, number, { add: trustLabel, remove: untrustedLabel });
      const waiting = (await finder.jobs()).filter(({ concerned, last }) => concerned && last === undefined);
      const never = neverOf(heeded);
      return {
        text: never.length === 0 ? undefined : neverRun(never),
        write: (sql) =>
          askFor(
            sql,
            commanded,
            waiting.map(({ name }) => name),
          ),
      };
    }
    case "lgtm":
      await label(project, number, { add: lgtmLabel });
      return { write: (sql) => giveWord(sql, place, { word: "lgtm", person: who, commit: head.commit, at }) };
    case "withdraw-lgtm":
      await label(project, number, { remove: lgtmLabel });
      return { write: (sql) => takeWordBack(sql, place, "lgtm") };
    case "approve": {
      const missing = await uncovered(commanded, [who]);
      if (missing.length === 0) await label(project, number, { add: approvedLabel });
      const reviews = await concerned(commanded);
      return {
        text:
          missing.length === 0 ? undefined : `${missing.length} of the changed files still lack an approval`,
        async write(sql) {
          await giveWord(sql, place, { word: "approve", person: who, commit: head.commit, at });
          await askFor(sql, commanded, reviews);
        },
      };
    }
    case "withdraw-approval": {
      const given = await wordsOf(world.db, place, "approve");
      if (!given.some(({ user }) => user === who.toLowerCase())) {
        return { text: "there is no approval of yours that was given by a comment", write: nothing };
      }
      await label(project, number, { remove: approvedLabel });
      const reviews = await concerned(commanded);
      return {
        async write(sql) {
          await takeWordBack(sql, place, "approve", who);
          await askFor(sql, commanded, reviews);
        },
      };
    }
  }
}

/** A label that stands for a word about an older commit falls with the first push, as in Prow. */
export async function dropOldLabels(
  { db }: ChatWorld,
  { project, pull }: PullToHeed,
  place: PullPlace,
): Promise<void> {
  for (const [word, name] of [
    ["lgtm", lgtmLabel],
    ["approve", approvedLabel],
  ] as const satisfies readonly (readonly [ApprovalWord, string])[]) {
    if (!pull.labels.includes(name)) continue;
    const given = await wordsOf(db, place, word);
    const isOld = given.length > 0 && given.every(({ commit }) => commit !== pull.head.commit);
    if (isOld) await label(project, pull.number, { remove: name });
  }
}

async function nothing(): Promise<void> {}

/** Labels are read again first: all that a pull request is to have are written at once. */
async function label(
  project: ForgeProject,
  number: number,
  { add, remove }: { readonly add?: string; readonly remove?: string },
): Promise<void> {
  const { labels } = await project.pullRequests.read(number);
  const others = labels.filter((name) => name !== add && name !== remove);
  const wanted = add === undefined ? others : [...others, add];
  const isChanged = wanted.length !== labels.length || wanted.some((name) => !labels.includes(name));
  if (isChanged) await project.pullRequests.update(number, { labels: wanted });
}

/** Changed files that nobody who may has approved at the newest commit. */
async function uncovered(
  { world, heeded, place, finder }: Commanded,
  others: readonly string[],
): Promise<readonly string[]> {
  const change = await finder.change();
  if (change === undefined) return ["?"];
  const { number, head, author } = heeded.pull;
  const approvals = [
    ...(await heeded.project.conversation.approvals(number)),
    ...(await wordsOf(world.db, place, "approve")),
  ];
  const people = approvals.filter(({ commit }) => commit === head.commit).map(({ user }) => user);
  const notAuthor = [...people, ...others].filter((name) => name.toLowerCase() !== author.toLowerCase());
  return change.owners.uncovered(change.files, notAuthor);
}

async function askFor(sql: Sql, commanded: Commanded, names: readonly string[]): Promise<void> {
  const { heeded } = commanded;
  for (const job of heeded.jobs.runs.filter(({ name }) => names.includes(name))) {
    await askForPull(sql, job, heeded.pull, causeOf(commanded));
  }
}

/** What has to be approved is said by the status of a review: those that the change concerns are made anew. */
async function concerned({ finder }: Commanded): Promise<readonly string[]> {
  return (await finder.jobs()).filter((job) => job.concerned).map(({ name }) => name);
}

function causeOf({ who, at, line }: Commanded): RunCause {
  return { by: "comment", text: `${line.slice(0, 100)} of ${who}`, at, who };
}

function neverOf({ jobs }: PullToHeed): readonly string[] {
  return jobs.never.map(({ name }) => name);
}

function listed(names: readonly string[], never: readonly string[]): string {
  const more = never.length === 0 ? "" : `; ${neverRun(never)}`;
  if (names.length === 0) return `no job is one of the pull requests for this branch${more}`;
  return `these can be run: ${names.map((name) => `\`/test ${name}\``).join(", ")}, or all that the change concerns by \`/test all\`${more}`;
}
