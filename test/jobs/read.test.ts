import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findJob, parseJobs, readJobs } from "../../src/jobs/index.ts";
import { temporaryFolder } from "../support/tree.ts";

const whole = `name: push-images
repo: https://github.com/example/north
description: |
  All images.
contact: [a@example.com, b@example.com]
on:
  branch: [^main$, '^v\\d']
  skipBranch: ^dependabot
  paths: ^images/
pullRequest:
  skipPaths: \\.md$
clock:
  every: 1h30m
  ref: main
build:
  dir: images/north
  config: ../shared/cloudbuild.yaml
  buildDir: .
  project: k8s-staging-north
  pushTo: registry.example.com/staging
  env: PULL_BASE_REF
  variant: small
  versionTagFilter: v*
  withGitDir: yes
  allowDirty: false
  noSource: false
  google:
    machineType: E2_HIGHCPU_8
    pollingSeconds: 10
    suppressLogs: true
env:
  WHAT: all
  NOTHING:
timeout: 2h
mutex: north
maxConcurrency: 2
`;

const least = "name: a\nrepo: https://github.com/example/a\nbuild: {dir: .}\n";

/** Problems as lines. */
function problemsOf(text: string): string[] {
  return parseJobs(text, "f.yaml").diagnostics.map(
    ({ at, message, hint }) =>
      `${at?.line}:${at?.column}: ${message}${hint === undefined ? "" : ` (${hint})`}`,
  );
}

describe("a job file", () => {
  test("says all there is to say", () => {
    const { jobs, diagnostics } = parseJobs(whole, "f.yaml");
    expect(diagnostics).toEqual([]);
    expect(jobs).toEqual([
      {
        file: "f.yaml",
        line: 1,
        job: {
          name: "push-images",
          repo: "https://github.com/example/north",
          description: "All images.\n",
          contact: ["a@example.com", "b@example.com"],
          on: { branch: ["^main$", "^v\\d"], skipBranch: ["^dependabot"], paths: "^images/" },
          pullRequest: { skipPaths: "\\.md$" },
          clock: { everySeconds: 5400, ref: "main" },
          work: {
            kind: "build",
            build: {
              dir: "images/north",
              config: "../shared/cloudbuild.yaml",
              buildDir: ".",
              project: "k8s-staging-north",
              pushTo: "registry.example.com/staging",
              env: ["PULL_BASE_REF"],
              variant: "small",
              versionTagFilter: "v*",
              withGitDir: true,
              allowDirty: false,
              noSource: false,
              google: { machineType: "E2_HIGHCPU_8", pollingSeconds: 10, suppressLogs: true },
            },
          },
          env: { WHAT: "all", NOTHING: "" },
          timeoutSeconds: 7200,
          mutex: "north",
          maxConcurrency: 2,
        },
      },
    ]);
  });

  test("may be a list, where anchors reach over all of it", () => {
    const text = `jobs:
  - &first
    name: a
    repo: https://github.com/example/a
    build: {dir: .}
  - <<: *first
    name: b
`;
    const { jobs, diagnostics } = parseJobs(text, "f.yaml");
    expect(diagnostics).toEqual([]);
    expect(jobs.map(({ job, line }) => [job.name, job.repo, line])).toEqual([
      ["a", "https://github.com/example/a", 3],
      ["b", "https://github.com/example/a", 6],
    ]);
  });

  test.each([
    ["", ["1:1: expected a job, or jobs: and a list of them"]],
    ["- a\n", ["1:1: expected a job, or jobs: and a list of them"]],
    ["jobs: a\n", ["1:7: expected a list of jobs"]],
    ["jobs: []\nname: a\n", ['2:1: "name" does not go with jobs']],
    [
      "a: [\n",
      [
        "2:1: not YAML: deficient indentation (a quote or bracket that was opened above is not closed, or stands further to the left than its key)",
      ],
    ],
    [
      `${least}---\n`,
      [
        "4:1: a second document starts here (several jobs in one file are a list: jobs: and below it a dash before each)",
      ],
    ],
    [
      "name: a\n",
      [
        "1:1: repo is missing",
        "1:1: it does nothing: build, promote, review, verify, snapshot or propose is missing",
      ],
    ],
    [
      `${least}branch: main\n`,
      ['4:1: unknown key "branch" in a job (it belongs below triggers:, or pullRequest:)'],
    ],
    [`${least}on: {banch: main}\n`, ['4:6: unknown key "banch" in a filter (did you mean branch?)']],
    [
      `${least}on: {skip_branch: main}\n`,
      ['4:6: unknown key "skip_branch" in a filter (did you mean skipBranch?)'],
    ],
    [`${least}name: b\n`, ["4:1: the key name stands twice (keep one of them)"]],
    [`${least}mutex:\n`, ["4:7: mutex: expected a text, found nothing"]],
    [`${least}on: main\n`, ["4:5: on: expected a mapping, found a text"]],
    [`${least}triggers: main\n`, ["4:11: triggers: expected a mapping, found a text"]],
    [`${least}on: {}\ntriggers: {}\n`, ["5:1: on and triggers exclude each other"]],
    [`${least}env: {PULL_BASE_REF: a, X: b}\n`, ["4:7: the run itself says what PULL_BASE_REF is"]],
    [
      `${least}clock: {every: 1h, ref: main}\nenv: {JOB_NAME: a, PULL_BASE_REF: b}\n`,
      ["5:7: the run itself says what JOB_NAME is"],
    ],
    [
      `${least}on: {branch: [ok, '(']}\n`,
      ["4:19: it is no regular expression of Go: missing closing ): `(`"],
    ],
    [
      `${least}on: {branch: ['(?P<a>x)', '(?P<a>y)']}\n`,
      ["4:14: it is no regular expression of Go: duplicate capture group name: `a`"],
    ],
    [
      `${least}on: {paths: '(?=a)'}\n`,
      ["4:13: it is no regular expression of Go: invalid or unsupported Perl syntax: `(?=`"],
    ],
    [`${least}on: {branch: []}\n`, ["4:14: expected at least one, found an empty list"]],
    [`${least}on: {branch: ''}\n`, ["4:14: an empty expression matches everything: leave it out"]],
    [`${least}on: {paths: [a]}\n`, ["4:13: on.paths: expected one expression, found a list"]],
    [`${least}on: {paths: a, skipPaths: b}\n`, ["4:16: paths and skipPaths exclude each other"]],
    [`${least}clock: {ref: main}\n`, ["4:8: expected exactly one of every, afterEnd and cron"]],
    [
      `${least}clock: {every: 1h, cron: '@daily', ref: main}\n`,
      ["4:8: expected exactly one of every, afterEnd and cron"],
    ],
    [
      `${least}clock: {cron: daily}\n`,
      ["4:8: ref is missing", "4:15: expected five fields, or such as @daily"],
    ],
    [`${least}timeout: 5\n`, ["4:10: expected a duration (such as 30m, 4h or 1h30m)"]],
    [`${least}maxConcurrency: 0\n`, ["4:17: expected a whole number from 1 on"]],
    [
      `${least}env: {1A: b, BUILD_ID: '1', C: [d]}\n`,
      [
        '4:7: "1A" is no name of a variable',
        "4:14: the run itself says what BUILD_ID is",
        "4:32: env.C: expected a text, found a list",
      ],
    ],
    [
      "name: a b\nrepo: https://u:p@example.com/a/b\nbuild: {dir: /a}\n",
      [
        "1:7: the name of a job has letters, digits, dots, dashes and underscores alone",
        "2:7: expected the URL of a repository, without a password",
        "3:14: the path leads out of the repository",
      ],
    ],
    [
      "name: a\nrepo: git@example.com:a/b\nbuild: {dir: a, config: ../../c, buildDir: a/../..}\n",
      ["3:25: the build file is outside the repository", "3:44: the path leads out of the repository"],
    ],
    ...[
      "ssh://-oProxyCommand=x/a/b",
      "ssh://-l@example.com/a/b",
      "git@-oProxyCommand=x.y:a/b",
      "git@x.y:-a/b",
    ].map((url): [string, string[]] => [
      `name: a\nrepo: "${url}"\nbuild: {dir: a}\n`,
      ["2:7: expected the URL of a repository, without a password"],
    ]),
    [
      "name: a\nrepo: /srv/git/a.git\nbuild: {dir: a}\n",
      ["2:7: expected the URL of a repository, such as file:///srv/git/a.git"],
    ],
    [
      "name: a\nrepo: example/a\nbuild: {dir: a, withGitDir: 1, pushTo: a, pushAsNamed: true}\n",
      [
        "2:7: expected the URL of a repository, without a password",
        "3:29: expected true or false",
        "3:43: pushTo and pushAsNamed exclude each other",
      ],
    ],
  ])("%j is told where it is wrong", (text, expected) => {
    expect(problemsOf(text)).toEqual(expected);
  });

  test("that is wrong in one job keeps the others", () => {
    const job = (name: string, more = "") =>
      `  - {name: ${name}, repo: https://github.com/example/a, build: {dir: .}${more}}\n`;
    const { jobs, diagnostics } = parseJobs(
      `jobs:\n${job("a")}${job("b", ", x: y")}${job("a")}${job("c")}`,
      "f.yaml",
    );
    expect(jobs.map(({ job }) => job.name)).toEqual(["a", "c"]);
    expect(diagnostics.map(({ at, job }) => [at?.line, job])).toEqual([
      [3, "b"],
      [4, "a"],
    ]);
  });
});

describe("a folder of jobs", () => {
  test("is read file by file, and what cannot be read is a problem of its own", async () => {
    const folder = await temporaryFolder("jobs");
    const write = (name: string, text: string | Uint8Array) => writeFile(join(folder.path, name), text);
    await write("a.yaml", least);
    await write("b.yml", least.replace("name: a", "name: b"));
    await write("c.yaml", least);
    await write("d.yaml", new Uint8Array([0xff]));
    await write("e.txt", "no");
    await mkdir(join(folder.path, "f.yaml"));
    await symlink("nowhere", join(folder.path, "g.yaml"));
    const list = await readJobs(folder.path);
    expect(list.jobs.map(({ job }) => job.name)).toEqual(["a", "b"]);
    const at = (name: string): string => join(folder.path, name);
    const errors = list.diagnostics.filter(({ severity }) => severity === "error");
    expect(errors.map(({ file, message }) => [file, message])).toEqual([
      [at("d.yaml"), expect.stringContaining("is not text in UTF-8")],
      [at("f.yaml"), expect.stringContaining("is not a regular file")],
      [at("g.yaml"), expect.stringContaining("no such file")],
      [at("c.yaml"), `there is a job a already, at ${at("a.yaml")}:1`],
    ]);
    expect(findJob(list, "b").job.name).toBe("b");
    expect(() => findJob(list, "a")).toThrow(
      expect.objectContaining({ code: "job-invalid", where: `${at("c.yaml")}:1:1` }),
    );
    // It may be in what could not be read.
    expect(() => findJob(list, "d")).toThrow(
      expect.objectContaining({
        code: "jobs-unreadable",
        message: expect.stringMatching(
          /^there is no job "d" in what could be read: .*is not text in UTF-8\n/,
        ),
        where: at("d.yaml"),
      }),
    );
    await folder.remove();
  });

  test("that is not there is named", async () => {
    await expect(readJobs("/nowhere/jobs")).rejects.toMatchObject({
      code: "jobs-unreadable",
      where: "/nowhere/jobs",
      hint: "name it with --jobs-dir",
    });
  });

  test("knows the nearest name", () => {
    const list = parseJobs(least.replace("name: a", "name: push-images"), "f.yaml");
    const thrown = (name: string) => {
      try {
        return findJob(list, name);
      } catch (error) {
        return error;
      }
    };
    expect(thrown("push-image")).toMatchObject({ code: "unknown-job", hint: "did you mean push-images?" });
    expect(thrown("x")).toMatchObject({
      code: "unknown-job",
      hint: "see which there are: waybill jobs",
    });
  });
});
