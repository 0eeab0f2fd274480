import { pathToFileURL } from "node:url";
import type { Database } from "../../src/database/index.ts";
import { type Job, parseJobs } from "../../src/jobs/index.ts";
import { openQueue, type QueuedRun, queueMigrations } from "../../src/queue/index.ts";
import {
  retryMigrations,
  type TriggerEvent,
  type TriggerWorld,
  triggersMigrations,
} from "../../src/triggers/index.ts";
import { gitEnvironment, type TestRepository } from "../support/git.ts";

/** What triggers need of a database. */
export const migrations = [...queueMigrations, ...triggersMigrations, ...retryMigrations];

/** Triggers as a test has them: its own clock, jobs that it may change, and all that they tell. */
export interface TestWorld extends TriggerWorld {
  readonly told: TriggerEvent[];
  setJobs(jobs: readonly Job[]): void;
  /** Sets the clock on by milliseconds, or back. */
  pass(milliseconds: number): void;
  set(time: string): void;
  /** All runs that were asked for, the oldest first. */
  runs(): Promise<readonly QueuedRun[]>;
}

/** The clock begins on a Monday, at noon. */
export function createWorld(
  db: Database,
  mirrors: string,
  more: Partial<Omit<TriggerWorld, "db" | "mirrors" | "now">> = {},
): TestWorld {
  let time = Date.parse("2026-11-30T12:00:00Z");
  let jobs: readonly Job[] = [];
  const told: TriggerEvent[] = [];
  const queue = openQueue(db);
  return {
    ...{ db, mirrors, told, queue, environment: gitEnvironment, random: () => 0.5 },
    jobs: () => jobs,
    credentialOf: async () => undefined,
    projectOf: async (url) => {
      throw new Error(`${url} is on no forge`);
    },
    listener: (event) => told.push(event),
    now: () => new Date(time),
    ...more,
    setJobs: (next) => {
      jobs = next;
    },
    pass: (milliseconds) => {
      time += milliseconds;
    },
    set: (at) => {
      time = Date.parse(at);
    },
    async runs() {
      const { runs } = await queue.list({ limit: 500 });
      return [...runs].reverse();
    },
  };
}

/** Jobs of a text that has to be right. */
export function jobsOf(text: string): readonly Job[] {
  const { jobs, diagnostics } = parseJobs(text, "jobs.yaml");
  if (diagnostics.length > 0) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  return jobs.map(({ job }) => job);
}

/** The address of a repository on this machine. */
export function urlOf({ path }: TestRepository): string {
  return pathToFileURL(path).href;
}
