import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CommitHash } from "../../src/git/index.ts";
import {
  documentOfJob,
  formatJob,
  formatJobs,
  importProwJobs,
  type Job,
  type JobBuild,
  type JobOf,
  type JobWork,
  jobOfDocument,
  type ProwImport,
  parseJobs,
  resolveJob,
} from "../../src/jobs/index.ts";
import { parseYaml, type YamlNode } from "../../src/yaml/index.ts";

const folder = join(import.meta.dirname, "prow");
const files = ["k8s-staging-apisnoop.yaml", "twenty.yaml"];

async function imported(file: string): Promise<ProwImport> {
  return importProwJobs([{ file, text: await readFile(join(folder, file), "utf8") }]);
}

/** Every path in a node that has no other below it, as remarks name them. */
function leavesOf(node: YamlNode, path = ""): string[] {
  if (node.kind === "scalar") return [path];
  const below =
    node.kind === "sequence"
      ? node.items.map((item, index): [YamlNode, string] => [item, `${path}[${index}]`])
      : node.entries.map(({ key, value }): [YamlNode, string] => [
          value,
          path === "" ? key.value : `${path}.${key.value}`,
        ]);
  return below.length === 0 ? [path] : below.flatMap(([child, at]) => leavesOf(child, at));
}

/** Prow's jobs in a text, by their names. */
function prowJobsOf(text: string): Map<string, YamlNode> {
  const jobs = new Map<string, YamlNode>();
  const visit = (node: YamlNode): void => {
    if (node.kind === "sequence") return void node.items.forEach(visit);
    if (node.kind !== "mapping") return;
    const name = node.entries.find(({ key }) => key.value === "name")?.value;
    if (name?.kind === "scalar" && node.entries.some(({ key }) => key.value === "spec"))
      jobs.set(name.value, node);
    else for (const { value } of node.entries) visit(value);
  };
  const { root } = parseYaml(text);
  if (root !== undefined) visit(root);
  return jobs;
}

describe("image-pushing jobs of Prow", () => {
  test("of the founding document become the job it means", async () => {
    const { jobs, notImported } = await imported("k8s-staging-apisnoop.yaml");
    expect(notImported).toEqual([]);
    expect(jobs.map(({ job }) => job)).toEqual([
      {
        name: "apisnoop-push-snoopdb-images",
        repo: "https://github.com/cncf/apisnoop",
        on: { branch: ["^main$"], paths: "^apps/snoopdb/" },
        work: {
          kind: "build",
          build: {
            dir: "apps/snoopdb",
            project: "k8s-staging-apisnoop",
            env: ["PULL_BASE_REF"],
            google: { scratchBucket: "gs://k8s-staging-apisnoop-gcb" },
          },
        },
      },
    ]);
  });

  test.each(files)("%s: becomes what is written down, with all that is left out", async (file) => {
    const { jobs, notImported, remarks } = await imported(file);
    const from = (index: number) => [`from ${file}:${jobs[index]?.line}`];
    const written = formatJobs(
      jobs.map(({ job }) => job),
      from,
    );
    await expect(written).toMatchFileSnapshot(join(folder, file.replace(".yaml", ".jobs.txt")));
    const lines = [
      ...jobs.flatMap(({ job, remarks }) => remarks.map((remark) => ({ job: job.name, ...remark }))),
      ...remarks.map((remark) => ({ job: "-", ...remark })),
      ...notImported.map((one) => ({ kind: "not-imported", path: "-", job: "-", ...one })),
    ].map(
      ({ line, column, job, path, kind, message }) =>
        `${line}:${column} ${job} ${path} ${kind}: ${message}\n`,
    );
    await expect(lines.join("")).toMatchFileSnapshot(join(folder, file.replace(".yaml", ".remarks.txt")));
  });

  test.each(files)("%s: can be read again, and are the same", async (file) => {
    const jobs = (await imported(file)).jobs.map(({ job }) => job);
    const list = parseJobs(formatJobs(jobs), "list.yaml");
    expect(list.diagnostics).toEqual([]);
    expect(list.jobs.map(({ job }) => job)).toEqual(jobs);
    const alone = jobs.flatMap((job) => parseJobs(formatJob(job), "one.yaml").jobs);
    expect(alone.map(({ job }) => job)).toEqual(jobs);
  });

  test.each(files)("%s: no key of a job is passed over in silence, and no job", async (file) => {
    const { jobs, notImported } = await imported(file);
    const prow = prowJobsOf(await readFile(join(folder, file), "utf8"));
    const names = [...jobs.map(({ job }) => job.name), ...notImported.map(({ job }) => job)];
    expect(names.sort()).toEqual([...prow.keys()].sort());
    for (const { job, taken, remarks } of jobs) {
      const told = [...taken, ...remarks.map(({ path }) => path)];
      const silent = leavesOf(prow.get(job.name) as YamlNode).filter(
        (leaf) =>
          !told.some((path) => leaf === path || leaf.startsWith(`${path}.`) || leaf.startsWith(`${path}[`)),
      );
      expect({ job: job.name, silent }).toEqual({ job: job.name, silent: [] });
    }
  });
});

/** The job that a container with these arguments is, or why it is none. */
function ofArgs(args: readonly string[], env: readonly object[] = []): JobBuild | string {
  return ofJob({ spec: { containers: [{ image: "gcr.io/a/image-builder:v1", args, env }] } }, ({ work }) =>
    work.kind === "build" ? work.build : work.kind,
  );
}

function ofJob<Result>(more: object, result: (job: Job) => Result): Result | string {
  const job = { name: "a", spec: { containers: [{ image: "x/image-builder", args: ["."] }] }, ...more };
  const text = JSON.stringify({ postsubmits: { "example/a": [job] } });
  const { jobs, notImported } = importProwJobs([{ file: "f", text }]);
  const [first] = jobs;
  return first === undefined ? (notImported[0]?.message ?? "nothing") : result(first.job);
}

test("a periodic says itself what was pushed, which Prow does not; a push says it of the others", () => {
  const env = [
    { name: "PULL_BASE_REF", value: "master" },
    { name: "JOB_NAME", value: "mine" },
  ];
  const args = ["--env-passthrough=PULL_BASE_REF", "--project=p-$(PULL_BASE_REF)", "."];
  const spec = { containers: [{ image: "a/image-builder", args, env }] };
  const refs = { extra_refs: [{ org: "o", repo: "r", base_ref: "master" }], interval: "1h" };
  const text = JSON.stringify({ periodics: [{ name: "a", ...refs, spec }] });
  const { jobs, notImported } = importProwJobs([{ file: "f", text }]);
  expect(notImported).toEqual([]);
  const [first] = jobs;
  expect(first?.job).toMatchObject({
    env: { PULL_BASE_REF: "master" },
    work: { kind: "build", build: { env: ["PULL_BASE_REF"], project: "p-master" } },
  });
  expect(first?.job.env).not.toHaveProperty("JOB_NAME");
  const push = { ref: "refs/heads/master", commit: "1".repeat(40) as CommitHash };
  const resolved = resolveJob(first?.job as JobOf<"build">, push, "/checkout");
  expect(resolved.environment({ id: "1", uuid: "u", artifacts: "/a" })).toMatchObject({
    PULL_BASE_REF: "master",
    JOB_NAME: "a",
  });
  expect(
    ofJob({ spec: { containers: [{ image: "a/image-builder", args: ["."], env }] } }, (job) => job.env),
  ).toBe(undefined);
});

describe("a command line of image-builder", () => {
  test.each<[string[], JobBuild | string]>([
    [["a"], { dir: "a" }],
    [["a/"], { dir: "a" }],
    [["--project=p", "a"], { dir: "a", project: "p" }],
    [["-project=p", "a"], { dir: "a", project: "p" }],
    [["--project", "p", "a"], { dir: "a", project: "p" }],
    [["-project", "--odd", "a"], { dir: "a", project: "--odd" }],
    [["--project=", "a"], { dir: "a" }],
    [["--project=a=b", "a"], { dir: "a", project: "a=b" }],
    [["--project=p", "--", "-a"], { dir: "-a", project: "p" }],
    [["--project=p", "--project=q", "a"], { dir: "a", project: "q" }],
    [["a", "--project=p"], { dir: "a" }],
    [["--with-git-dir", "a"], { dir: "a", withGitDir: true }],
    [["--with-git-dir", "true", "a"], { dir: "true", withGitDir: true }],
    [["--with-git-dir=F", "a"], { dir: "a" }],
    [["--with-git-dir=yes", "a"], '"yes" is neither true nor false'],
    [["--env-passthrough=A, B,,A", "a"], { dir: "a", env: ["A", "B"] }],
    [["--polling-interval=1m", "a"], '--polling-interval is "1m", which is no number of seconds'],
    [["---project=p", "a"], "image-builder has no flag ---project=p"],
    [["--=p", "a"], "image-builder has no flag --=p"],
    [["--without-upload", "a"], "image-builder has no flag --without-upload"],
    [["--project"], "the flag --project needs a value"],
    [["--project=p"], "image-builder expects a config directory, and there is none"],
    [[], "image-builder expects a config directory, and there is none"],
    [["/a"], 'the config directory is "/a": the path leads out of the repository'],
    [["../a"], 'the config directory is "../a": the path leads out of the repository'],
    [
      ["--gcb-config=../../b", "a"],
      "it cannot be written as a job file: the build file is outside the repository",
    ],
    [["--env-passthrough=A-B", "a"], 'it cannot be written as a job file: "A-B" is no name of a variable'],
  ])("%j is read as Go reads it", (args, expected) => {
    expect(ofArgs(args)).toEqual(expected);
  });

  test("has references to variables, as Kubernetes resolves them", () => {
    const env = [
      { name: "P", value: "p" },
      { name: "Q", value: "$(P)q$(R)$$(P)" },
      { name: "R", value: "r" },
    ];
    expect(ofArgs(["--project=$(Q)", "$(NONE)"], env)).toEqual({ dir: "$(NONE)", project: "pq$(R)$(P)" });
    expect(ofArgs(["--project=$(BUILD_ID)", "a"], env)).toBe(
      "it uses $(BUILD_ID), which is known only in a run",
    );
  });
});

describe("what starts a job", () => {
  test.each<[object, Pick<Job, "on"> | string]>([
    [{}, { on: {} }],
    [{ always_run: true }, { on: {} }],
    [{ always_run: false }, {}],
    [{ branches: [], run_if_changed: "" }, { on: {} }],
    [{ always_run: false, run_if_changed: "a" }, { on: { paths: "a" } }],
    [
      { always_run: true, run_if_changed: "a" },
      "always_run excludes run_if_changed and skip_if_only_changed, as Prow has it",
    ],
    [
      { skip_if_only_changed: "b", run_if_changed: "a" },
      "run_if_changed and skip_if_only_changed exclude each other, as Prow has it",
    ],
    [{ branches: "main" }, "branches is no list of expressions"],
    [
      { run_if_changed: "(?!a)" },
      "run_if_changed is no regular expression of Go: invalid or unsupported Perl syntax: `(?!`",
    ],
    [
      { extra_refs: [{ workdir: true }] },
      "it builds another repository than the one that starts it (extra_refs with workdir)",
    ],
    [{ agent: "jenkins" }, "its agent is jenkins, so it is no pod that could run image-builder"],
    [{ name: "a/b" }, "the name of a job has letters, digits, dots, dashes and underscores alone"],
    [
      { spec: { initContainers: [{}], containers: [{ image: "image-builder" }] } },
      "it has initContainers, and what they do is not known",
    ],
    [
      { spec: { containers: [{ image: "image-builder", command: ["sh"] }] } },
      'it does not run image-builder but ["sh"]',
    ],
    [
      { spec: { containers: [{ image: "my-image-builder" }] } },
      "it runs neither image-builder nor the promoter: its image is my-image-builder",
    ],
  ])("%j: %j", (more, expected) => {
    expect(ofJob(more, ({ on }) => (on === undefined ? {} : { on }))).toEqual(expected);
  });
});

describe("files that are not as they should be", () => {
  const of = (text: string) => {
    const { jobs, notImported, remarks } = importProwJobs([{ file: "f", text }]);
    return [jobs.length, ...notImported.map(({ message }) => message), ...remarks.map(({ path }) => path)];
  };

  test.each([
    ["", [0]],
    ["postsubmits:\nperiodics:\n", [0]],
    ["[]\n", [0, "expected presubmits, postsubmits or periodics"]],
    ["postsubmits: []\n", [0, "expected repositories below postsubmits"]],
    ["postsubmits: {a/b: {}}\n", [0, "expected a list of jobs"]],
    ["periodics: [a]\n", [0, "expected a job"]],
    ["periodics: [{}]\n", [0, "it has no name"]],
    ["deck: {}\n", [0, "deck"]],
    ["periodics: []\n---\n", [0, "a second document, which Prow does not read either"]],
    ["a: *b\n", [0, "unknown alias *b"]],
  ])("%j", (text, expected) => {
    expect(of(text)).toEqual(expected);
  });

  test("two jobs of one name are one, and it is said where the other is", () => {
    const job = { name: "a", spec: { containers: [{ image: "image-builder", args: ["."] }] } };
    const text = JSON.stringify({ postsubmits: { "example/a": [job], "example/b": [job] } });
    const { jobs, notImported } = importProwJobs([{ file: "f", text }]);
    expect(jobs.map(({ job }) => job.repo)).toEqual(["https://github.com/example/a"]);
    expect(notImported[0]?.message).toBe("there is a job of this name already, from f:1");
  });
});

describe("a job", () => {
  const text = fc.string({ minLength: 1 }).filter((value) => !/\p{Cc}/u.test(value));
  const strange = fc.oneof(
    text,
    fc.constantFrom(
      "true",
      "1.5",
      "null",
      "~",
      "- a",
      "a: b",
      "#",
      "'",
      '"',
      "a #b",
      "1e3",
      "on:",
      "0x1",
      "\u2028",
      "2001-01-01",
    ),
  );
  const plain = fc.constantFrom("^main$", "(?i)a|b", "^v\\d+", "x y", "'", "[a,b]", "a: b #c");
  const path = fc.constantFrom(".", "a", "a/b", "a b", "#a", "a: b", "-");
  const name = fc
    .stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/)
    .filter((value) => !/^(?:CI|__proto__)$/.test(value));
  const filter = fc.record(
    {
      branch: fc.array(plain, { minLength: 1, maxLength: 3 }),
      skipBranch: fc.array(plain, { minLength: 1, maxLength: 3 }),
      paths: plain,
    },
    { requiredKeys: [] },
  );
  const build = fc.record(
    {
      dir: path,
      buildDir: path,
      project: strange,
      pushTo: strange,
      env: fc.array(name, { minLength: 1, maxLength: 3 }),
      withGitDir: fc.boolean(),
      google: fc.record(
        { machineType: strange, pollingSeconds: fc.integer({ min: 1, max: 999 }) },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: ["dir"] },
  );
  const flag = fc.boolean();
  const some = fc.array(strange, { minLength: 1, maxLength: 2 });
  const work: fc.Arbitrary<JobWork> = fc.oneof(
    build.map((build) => ({ kind: "build", build }) as const),
    fc
      .record({ manifests: path, dryRun: flag, strict: flag }, { requiredKeys: ["manifests"] })
      .map((promote) => ({ kind: "promote", promote }) as const),
    fc
      .record(
        {
          manifests: path,
          attempts: fc.integer({ min: 1, max: 100 }),
          sample: fc.constantFrom("2%", "0.5%"),
        },
        { requiredKeys: ["manifests"] },
      )
      .map((verify) => ({ kind: "verify", verify }) as const),
    fc
      .record(
        {
          registry: fc.constantFrom("gcr.io/k8s-staging-a", "localhost:5000"),
          manifests: path,
          minimal: flag,
          artifact: fc.constantFrom("a.csv", "all.yaml"),
        },
        { requiredKeys: ["registry"] },
      )
      .map((snapshot) => ({ kind: "snapshot", snapshot }) as const),
  );
  const job = fc.record(
    {
      name: fc.stringMatching(/^[A-Za-z0-9._-]{1,12}$/),
      ref: strange,
      repo: fc.constantFrom(
        "https://github.com/example/a",
        "git@example.com:a/b.git",
        "ssh://git@example.com:22/a/b",
      ),
      description: fc.string({ unit: "grapheme" }).filter((value) => value !== ""),
      contact: fc.array(strange, { minLength: 1, maxLength: 2 }),
      on: filter,
      clock: fc.oneof(
        fc.record({ everySeconds: fc.integer({ min: 1, max: 10_000_000 }), ref: strange }),
        fc.record({
          cron: fc.constantFrom("0 7 * * *", "@daily"),
          zone: fc.constant("Asia/Tokyo"),
          ref: strange,
        }),
      ),
      after: fc.array(fc.constantFrom("before-1", "before.2"), { minLength: 1, maxLength: 2 }),
      shadow: flag,
      capacity: strange,
      priority: fc.integer({ min: -1000, max: 1000 }),
      hold: strange,
      rerun: fc.record({ anyone: flag, users: some, orgs: some }, { requiredKeys: [] }),
      context: strange,
      notify: fc.record({ failures: fc.integer({ min: 1, max: 9 }), to: some }, { requiredKeys: [] }),
      work,
      env: fc.dictionary(name, fc.oneof(strange, fc.string()), { noNullPrototype: true, maxKeys: 3 }),
      timeoutSeconds: fc.integer({ min: 1, max: 1_000_000 }),
      mutex: strange,
      maxConcurrency: fc.integer({ min: 1, max: 999 }),
    },
    { requiredKeys: ["name", "repo", "work"] },
  );

  test("whatever it says is the same when it has been written and read", () => {
    fc.assert(
      fc.property(job, (any) => {
        const { env, ...same } = any;
        const one = any.work.kind === "build" ? any : same;
        const { jobs, diagnostics } = parseJobs(formatJob(one), "f");
        expect(diagnostics).toEqual([]);
        expect(jobs[0]?.job).toEqual(one);
        expect(jobOfDocument(JSON.parse(JSON.stringify(documentOfJob(one))))).toEqual(one);
      }),
      { numRuns: 500 },
    );
  });
});
