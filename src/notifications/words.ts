import { harmless } from "../errors/index.ts";
import type { Notification, Telling, ToldJob } from "./model.ts";

/** A notification in words: of outside texts nothing is more than that. */
export interface Words {
  /** One line. */
  readonly title: string;
  readonly lines: readonly { readonly text: string; readonly url: string }[];
  /** Jobs that are left out of the lines. */
  readonly more: number;
}

/** Jobs that are named in one message. */
const maxLines = 20;
const maxSummary = 300;

/** @param pageOf The address of a run's page. */
export function wordsOf({ telling, cause, jobs }: Notification, pageOf: (run: string) => string): Words {
  const lines = jobs.slice(0, maxLines).map((job) => ({ text: lineOf(telling, job), url: pageOf(job.run) }));
  return { title: titleOf(telling, jobs, cause), lines, more: jobs.length - lines.length };
}

const verbs: Readonly<Record<Telling, readonly [one: string, many: string]>> = {
  failing: ["fails", "fail"],
  "still-failing": ["still fails", "still fail"],
  recovered: ["succeeds again", "succeed again"],
  waiting: ["waits for somebody", "wait for somebody"],
};

function titleOf(telling: Telling, jobs: readonly ToldJob[], cause: string): string {
  const [one, many] = verbs[telling];
  const [first] = jobs;
  if (first === undefined) return "";
  if (jobs.length === 1) return `${first.job} ${one}${tail(telling === "recovered" ? "" : first.summary)}`;
  return `${jobs.length} jobs ${many}${tail(telling === "recovered" ? "" : cause)}`;
}

function lineOf(telling: Telling, { job, summary, since, failures }: ToldJob): string {
  const time = `since ${since.slice(0, 16).replace("T", " ")} UTC`;
  if (telling === "waiting") return `${job} waits ${time}${tail(summary)}`;
  if (telling === "recovered") return `${job} succeeds again; it failed ${time}`;
  const often = failures > 1 ? `, ${failures} times in a row` : "";
  return `${job} fails ${time}${often}${tail(summary)}`;
}

function tail(text: string): string {
  return text === "" ? "" : `: ${harmless(text).slice(0, maxSummary)}`;
}
