import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { main } from "../../src/cli/main.ts";
import { holdingTurn } from "../../src/jobs/index.ts";
import { createRepository, gitEnvironment, type TestRepository } from "../support/git.ts";
import { testWith } from "../support/programs.ts";
import { promised } from "../support/promised.ts";
import { temporaryFolder } from "../support/tree.ts";
import { runWith } from "./captured.ts";

const test = testWith("git");
const prow = join(import.meta.dirname, "../jobs/prow");
const name = "apisnoop-push-snoopdb-images";

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let jobs: string;
let checkout: TestRepository;

beforeEach(async () => {
  folder = await temporaryFolder("jobs");
  jobs = join(folder.path, "jobs");
  checkout = await createRepository(join(folder.path, "apisnoop"));
  await mkdir(join(checkout.path, "apps/snoopdb"), { recursive: true });
  await writeFile(join(checkout.path, "apps/snoopdb/cloudbuild.yaml"), "steps: []\n");
  await checkout.commit();
});

afterEach(() => folder.remove());

const run = (...words: string[]) => runWith(gitEnvironment, ...words);
const importJobs = () => run("import", "prow", join(prow, "k8s-staging-apisnoop.yaml"), "--out", jobs);
const runJob = (...words: string[]) =>
  run("jobs", "run", name, "--jobs-dir", jobs, "--checkout", checkout.path, ...words);

describe("waybill import prow", () => {
  test("writes a file for each job, twice the same, and never over another", async () => {
    expect(await importJobs()).toMatchObject({ status: 0, stdout: `${join(jobs, `${name}.yaml`)}\n` });
    expect(await readdir(jobs)).toEqual([`${name}.yaml`]);
    const text = await readFile(join(jobs, `${name}.yaml`), "utf8");
    expect(text).toMatch(/^# from .*k8s-staging-apisnoop\.yaml:3\nname: apisnoop-push-snoopdb-images\n/);
    expect((await importJobs()).status).toBe(0);
    await writeFile(join(jobs, `${name}.yaml`), `${text}mutex: a\n`);
    const again = await importJobs();
    expect(again.status).toBe(1);
    expect(again.stderr).toContain("a file is there already, and says something else");
  });

  test("prints a list that can be read, says all that is left out, and ends with 2 when a job is", async () => {
    const file = join(prow, "twenty.yaml");
    const { status, stdout, stderr } = await run("import", "prow", file);
    expect(status).toBe(2);
    await mkdir(jobs);
    await writeFile(join(jobs, "all.yaml"), stdout);
    const list = await run("jobs", "list", "--jobs-dir", jobs, "--json");
    expect(list.status).toBe(0);
    expect(JSON.parse(list.stdout).jobs).toHaveLength(15);
    expect(stderr).toContain("labels is not taken: there are no pods to label");
    expect(stderr).toMatch(
      /^not needed: spec\.containers\[\]\.resources of \S+: the build has what this machine has$/m,
    );
    expect(stderr).not.toContain("containers[0].resources");
    expect(stderr).toContain("ci-promoter is not imported: it names no manifests");
    expect(JSON.parse((await run("import", "prow", file, "--json")).stdout)).toMatchObject({
      format: "waybill-import/1",
      jobs: expect.anything(),
      notImported: expect.anything(),
    });
  });

  test("says of all jobs where their images go", async () => {
    const words = ["import", "prow", join(prow, "k8s-staging-apisnoop.yaml")];
    const to = await run(...words, "--push-to", "localhost:5000/staging");
    expect(to.stdout).toContain("\n      pushTo: localhost:5000/staging\n");
    expect((await run(...words, "--push-as-named")).stdout).toContain("\n      pushAsNamed: true\n");
    expect((await run(...words)).stdout).not.toMatch(/^ *push/m);
    expect((await run(...words, "--push-as-named", "--push-to", "a.example.com")).status).toBe(1);
  });
});

describe("waybill jobs", () => {
  test("run waits for its turn, and says so", async () => {
    await importJobs();
    const file = join(jobs, `${name}.yaml`);
    await writeFile(file, `${await readFile(file, "utf8")}mutex: images\n`);
    const data = join(folder.path, "data");
    const end = promised<void>();
    const begun = promised<void>();
    const held = holdingTurn(
      { name: "another", mutex: "images" },
      join(data, "locks"),
      () => {
        begun.resolve();
        return end.promise;
      },
      () => expect.fail(),
    );
    await begun.promise;
    let stderr = "";
    const write = (text: string | Uint8Array): void => {
      stderr += text;
      if (stderr.includes("waiting: another run holds the mutex images")) end.resolve();
    };
    const words = ["jobs", "run", name, "--jobs-dir", jobs, "--checkout", checkout.path, "--data-dir", data];
    const status = await main(words, {
      env: gitEnvironment,
      stdout: { write: () => {} },
      stderr: { write },
    });
    await held;
    // Its build file has no step.
    expect(status).toBe(1);
    expect(stderr).toMatch(/waiting: [\s\S]*\n[\s\S]*a build needs at least one step/);
  });

  test("lists jobs, and what is wrong with others", async () => {
    await importJobs();
    await writeFile(join(jobs, "b.yaml"), "name: b\n");
    const { status, stdout, stderr } = await run("jobs", "--jobs-dir", jobs);
    expect(status).toBe(2);
    expect(stdout).toContain("push ^main$ in ^apps/snoopdb/");
    expect(stderr).toContain("b.yaml:1:1: repo is missing");
  });

  test("run says what would be built, for a push that the filters let through", async () => {
    await importJobs();
    const { status, stdout } = await runJob("--dry-run", "--json");
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      format: "waybill-job/1",
      runs: true,
      verdict: { reason: 'paths "^apps/snoopdb/" matches "apps/snoopdb/cloudbuild.yaml"' },
      request: { project: "k8s-staging-apisnoop", environment: { PULL_BASE_REF: "main" } },
    });
    const text = (await runJob("--dry-run")).stdout;
    expect(text).toMatch(/^project +k8s-staging-apisnoop$/m);
    expect(text).not.toContain("undefined");
  });

  test("run does nothing for another push, and says why", async () => {
    await importJobs();
    await checkout.git("tag", "v1");
    await writeFile(join(checkout.path, "README"), "x");
    await checkout.commit();
    const skipped = await runJob();
    expect(skipped).toMatchObject({ status: 0 });
    expect(skipped.stdout).toContain('paths "^apps/snoopdb/" does not match the one changed path');
    expect((await runJob("--ref", "v1")).stdout).toContain('branch "^main$" does not match "v1"');
    expect((await runJob("--before", "v1~0")).stdout).toContain("does not match the one changed path");
    const forced = JSON.parse((await runJob("--force", "--dry-run", "--json")).stdout);
    expect(forced).toMatchObject({ runs: true, verdict: { verdict: "skip" } });
  });
});

describe("waybill jobs check", () => {
  const job = (name: string, more: string) => `name: ${name}\nrepo: https://github.com/example/a\n${more}\n`;

  beforeEach(async () => {
    await mkdir(jobs);
    await writeFile(join(jobs, "build.yaml"), job("build", "triggers: {}\nbuild: {dir: .}"));
  });

  test("says nothing of jobs that are right, and 1 of an error, with its place", async () => {
    expect(await run("jobs", "check", jobs)).toMatchObject({
      status: 0,
      stdout: "1 job in 1 file: 0 errors, 0 warnings, 0 notes\n",
    });
    await writeFile(
      join(jobs, "promote.yaml"),
      job("promote", "after: [build, biuld]\npromote: {manifests: m}"),
    );
    const { status, stdout } = await run("jobs", "check", jobs);
    expect(status).toBe(1);
    expect(stdout).toBe(
      [
        `${join(jobs, "promote.yaml")}:3:16: error: it comes after biuld, and there is no such job [unknown-job]`,
        "    hint: did you mean build?",
        "1 job in 2 files: 1 error, 0 warnings, 0 notes",
        "",
      ].join("\n"),
    );
  });

  test("of one file tells what is wrong with that, with the others in mind", async () => {
    const promote = join(jobs, "promote.yaml");
    await writeFile(promote, job("promote", "after: build\npromote: {manifests: m}"));
    await writeFile(join(jobs, "bad.yaml"), "name: x\n");
    expect(await run("jobs", "check", promote)).toMatchObject({
      status: 0,
      stdout: "1 job in 1 file: 0 errors, 0 warnings, 0 notes\n",
    });
    expect((await run("jobs", "check", join(jobs, "none"))).status).toBe(1);
  });

  test("is JSON and SARIF for programs, and knows the capacities of the settings", async () => {
    const settings = join(folder.path, "waybill.yaml");
    await writeFile(settings, "serve: {capacities: {big: 2}}\n");
    await writeFile(join(jobs, "big.yaml"), job("big", "triggers: {}\nbuild: {dir: .}\ncapacity: bg"));
    const words = ["--config", settings, "jobs", "check", jobs];
    const { status, stdout } = await run(...words, "--json");
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      format: "waybill-check/1",
      kind: "jobs",
      files: 2,
      jobs: 1,
      diagnostics: [
        { code: "unknown-capacity", hint: "did you mean big?", job: "big", at: { line: 5, column: 11 } },
      ],
    });
    const sarif = JSON.parse((await run(...words, "-o", "sarif")).stdout);
    expect(sarif.runs[0].results).toMatchObject([{ ruleId: "unknown-capacity", level: "error" }]);
  });
});

describe("waybill jobs compare", () => {
  const commit = "4f2d0c6b1a9e4f2d0c6b1a9e4f2d0c6b1a9e4f2d";

  /** A run as Prow's bucket has it, which began so many minutes ago. */
  async function prowRun(place: string, minutes: number, result: string): Promise<void> {
    const at = Date.now() - minutes * 60_000;
    const run = join(place, "logs", "build", String(BigInt(at - 1288834974657) << 22n));
    await mkdir(run, { recursive: true });
    const timestamp = Math.floor(at / 1000);
    await writeFile(
      join(run, "started.json"),
      JSON.stringify({ timestamp, repos: { "example/a": `main:${commit}` } }),
    );
    await writeFile(join(run, "finished.json"), JSON.stringify({ timestamp: timestamp + 60, result }));
  }

  test("says what both did, and ends with 2 where they did not do the same", async () => {
    await mkdir(jobs);
    await writeFile(
      join(jobs, "build.yaml"),
      "name: build\nrepo: https://github.com/example/a\ntriggers: {}\nbuild: {dir: .}\n",
    );
    const [theirs, ours] = [join(folder.path, "theirs"), join(folder.path, "ours")];
    const words = ["jobs", "compare", "--jobs-dir", jobs, "--prow", theirs, "--since", "1d"];
    await prowRun(theirs, 300, "SUCCESS");
    await prowRun(ours, 299, "SUCCESS");
    const same = await run(...words, "--runs", ours);
    expect(same.status).toBe(0);
    expect(same.stdout).toMatch(
      /^JOB +AGREED +DIFFERENT +ONLY PROW +ONLY WAYBILL +COVERED +UNDECIDED\nbuild +1 +0 +0 +0 +0 +0\n/,
    );
    expect(same.stdout).toMatch(/: 1 agree, 0 do not; 0 taken in by a newer commit, 0 undecided\n$/);
    await prowRun(theirs, 500, "FAILURE");
    const other = await run(...words, "--runs", ours);
    expect(other.status).toBe(2);
    expect(other.stdout).toMatch(
      /\nbuild: \S+Z push of main at 4f2d0c6b1a9e, Prow's [0-9]+: only-in-prow: Prow ran it again: [0-9]+ is the run that both have\n/,
    );
    const { counts, jobs: compared } = JSON.parse((await run(...words, "--runs", ours, "--json")).stdout);
    expect(counts).toMatchObject({ agreed: 1, "only-in-prow": 1 });
    expect(compared).toMatchObject([
      { job: "build", runs: [{ prow: {}, verdict: "only-in-prow" }, { verdict: "agreed" }] },
    ]);
    // Of this machine's own records there are none.
    const none = await run(...words, "--data-dir", join(folder.path, "data"), "--json");
    expect(JSON.parse(none.stdout).counts).toMatchObject({ agreed: 0, "only-in-prow": 2 });
  });
});
