import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Cron } from "croner";

/** A job of Prow's, with what its rules of starting look at. */
interface SimulatedJob {
  readonly name: string;
  readonly branches?: readonly string[];
  readonly skip_branches?: readonly string[];
  readonly run_if_changed?: string;
  readonly interval?: string;
  readonly cron?: string;
}

/** What Prow is told of a push: a branch or a tag, without `refs/`, and the paths that its payload lists, of a tag none. */
export interface SimulatedPush {
  /** As `owner/name`. */
  readonly repository: string;
  readonly name: string;
  readonly commit: string;
  readonly changes: readonly string[];
}

export type SimulatedResult = "SUCCESS" | "FAILURE" | "ABORTED";

/**
 * Prow's rules of starting jobs, and its bucket, in a folder. It is written by itself, so that what is compared with it was not made by
 * the same code.
 */
export class SimulatedProw {
  readonly #folder: string;
  readonly #presubmits: Readonly<Record<string, readonly SimulatedJob[]>>;
  readonly #postsubmits: Readonly<Record<string, readonly SimulatedJob[]>>;
  readonly #periodics: readonly SimulatedJob[];
  readonly #lastStart = new Map<string, number>();
  #count = 0n;
  #runs = 0;

  /** @param text Its jobs, as JSON. @param start Milliseconds: what only a clock starts is first looked at then. */
  constructor(folder: string, text: string, start: number) {
    const { presubmits, postsubmits, periodics } = JSON.parse(text);
    this.#folder = folder;
    this.#presubmits = presubmits;
    this.#postsubmits = postsubmits;
    this.#periodics = periodics;
    for (const { name, cron } of this.#periodics) if (cron !== undefined) this.#lastStart.set(name, start);
  }

  /** Runs so far. */
  get runs(): number {
    return this.#runs;
  }

  async push({ repository, name, commit, changes }: SimulatedPush, at: number): Promise<void> {
    for (const job of this.#postsubmits[repository] ?? []) {
      if (!fits(job, name, changes)) continue;
      await this.run(job.name, at, { repos: { [repository]: `${name}:${commit}` } });
    }
  }

  async pull(
    { repository, name, commit, changes }: SimulatedPush,
    pull: { readonly number: number; readonly base: string },
    at: number,
  ): Promise<void> {
    for (const job of this.#presubmits[repository] ?? []) {
      if (!fits(job, name, changes)) continue;
      const repos = { [repository]: `${name}:${pull.base},${pull.number}:${commit}` };
      await this.run(job.name, at, { repos }, `pr-logs/pull/${repository.replace("/", "_")}/${pull.number}`);
    }
  }

  /** Looks at the clock, as Prow does it every minute. */
  async tick(at: number): Promise<void> {
    for (const { name, interval, cron } of this.#periodics) {
      const last = this.#lastStart.get(name);
      const due =
        interval === undefined
          ? nextOf(cron ?? "", last ?? at)
          : (last ?? Number.NEGATIVE_INFINITY) + hours(interval);
      if (due > at) continue;
      this.#lastStart.set(name, at);
      await this.run(name, at, {});
    }
  }

  /** A run of a job, as its bucket keeps it. */
  async run(
    job: string,
    at: number,
    started: object,
    place = "logs",
    result: SimulatedResult = "SUCCESS",
  ): Promise<void> {
    this.#runs += 1;
    this.#count += 1n;
    const id = String(((BigInt(at) - 1288834974657n) << 22n) | (this.#count & 4095n));
    const run = `${place}/${job}/${id}`;
    const seconds = Math.floor(at / 1000);
    await this.#put(`${run}/started.json`, JSON.stringify({ timestamp: seconds, ...started }));
    const finished = { timestamp: seconds + 90, passed: result === "SUCCESS", result };
    await this.#put(`${run}/finished.json`, JSON.stringify(finished));
    if (place !== "logs") await this.#put(`pr-logs/directory/${job}/${id}.txt`, `gs://bucket/${run}`);
  }

  async #put(path: string, text: string): Promise<void> {
    const file = join(this.#folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }
}

function fits(
  { branches, skip_branches = [], run_if_changed }: SimulatedJob,
  name: string,
  changes: readonly string[],
): boolean {
  const matches = (expression: string, text: string): boolean => new RegExp(expression).test(text);
  if (skip_branches.some((expression) => matches(expression, name))) return false;
  if (branches !== undefined && !branches.some((expression) => matches(expression, name))) return false;
  return run_if_changed === undefined || changes.some((path) => matches(run_if_changed, path));
}

function hours(interval: string): number {
  return Number(interval.replace("h", "")) * 3_600_000;
}

function nextOf(cron: string, after: number): number {
  return (
    new Cron(cron, { timezone: "UTC", paused: true }).nextRun(new Date(after))?.getTime() ??
    Number.POSITIVE_INFINITY
  );
}
