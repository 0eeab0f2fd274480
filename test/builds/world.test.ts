import { copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BuildRequest, prepareBuild } from "../../src/builds/index.ts";
import { readVariants } from "../../src/builds/variants.ts";
import { CloudBuildError } from "../../src/cloudbuild/index.ts";
import type { CommitHash } from "../../src/git/index.ts";
import { importProwJobs, isJobOf, resolveJob } from "../../src/jobs/index.ts";
import { describeShared } from "../support/shared.ts";
import { temporaryFolder } from "../support/tree.ts";

/** What became of each file, and why; renewed by `vitest --update` where the same files are. */
const table = join(import.meta.dirname, "world.golden.tsv");

/** What a push would say; a folder outside of a repository does not. */
const said = {
  _GIT_TAG: "v20261120-v1.2.3",
  TAG_NAME: "v1.2.3",
  BRANCH_NAME: "main",
  COMMIT_SHA: "1".repeat(40),
  REVISION_ID: "1".repeat(40),
  SHORT_SHA: "1".repeat(7),
};
const passed = ["PULL_BASE_REF", "PULL_BASE_SHA", "WHAT", "REGISTRY"];

interface BuildFile {
  readonly folder: string;
  readonly place: string;
  readonly text: string;
}

/** `planned`; or with what it takes; or why it is refused. */
async function verdictOf(folder: string, request: Partial<BuildRequest>): Promise<string> {
  const values = new Set<string>();
  const unused = new Set<string>();
  for (let round = 0; round < 4; round += 1) {
    const given = Object.fromEntries([...values].map((key) => [key, "v1"]));
    try {
      await prepareBuild({
        configDir: folder,
        engine: "plan",
        environment: { PATH: process.env.PATH, ...Object.fromEntries(passed.map((name) => [name, "main"])) },
        project: "k8s-staging-demo",
        ...request,
        substitutions: { ...said, ...given },
        ...(unused.size === 0 ? {} : { substitutionOption: "ALLOW_LOOSE" }),
      });
    } catch (error) {
      if (!(error instanceof CloudBuildError)) throw error;
      const errors = error.diagnostics.filter(({ severity }) => severity === "error");
      const asked = errors.flatMap(({ code, message, hint = "" }) => {
        const key = /^key in the template "(_\w+)" is not matched/.exec(message)?.[1];
        return key ?? (code === "invalid-image" ? /\$(_\w+) is empty/.exec(hint)?.[1] : undefined) ?? [];
      });
      const idle = errors.flatMap(({ code, message }) =>
        code === "unused" ? (/"(\w+)"/.exec(message)?.[1] ?? []) : [],
      );
      if (asked.length + idle.length === 0) {
        return `refused: ${[...new Set(errors.map(({ message }) => message))].join("; ")}`;
      }
      for (const key of asked) values.add(key);
      for (const key of idle) unused.add(key);
      continue;
    }
    const needs = values.size === 0 ? [] : [`needs a value for ${[...values].sort().join(", ")}`];
    const loose = unused.size === 0 ? [] : [`loosely alone, not using ${[...unused].sort().join(", ")}`];
    return ["planned", ...needs, ...loose].join("; ");
  }
  return "refused: for more than values";
}

describeShared("files of the world", "world", (world) => {
  let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
  const files: BuildFile[] = [];

  beforeAll(async () => {
    scratch = await temporaryFolder("world");
    const variants = await readdir(join(world, "variants"));
    const index = await readFile(join(world, "cloudbuild", "INDEX.tsv"), "utf8");
    for (const row of index.trim().split("\n").slice(1)) {
      const [name = "", repository = "", path = ""] = row.split("\t");
      const folder = join(scratch.path, name);
      await mkdir(folder);
      const [found = ""] = (await readdir(join(world, "cloudbuild"))).filter((one) =>
        one.startsWith(`${name}.`),
      );
      await copyFile(join(world, "cloudbuild", found), join(folder, "cloudbuild.yaml"));
      const beside = `${repository}/${dirname(path)}.yaml`.replace("/", "-").replaceAll("/", "_");
      if (variants.includes(beside)) {
        await copyFile(join(world, "variants", beside), join(folder, "variants.yaml"));
      }
      const text = await readFile(join(folder, "cloudbuild.yaml"), "utf8");
      files.push({ folder, place: `${repository}\t${path}`, text });
    }
  });
  afterAll(() => scratch?.remove());

  test("are planned, or refused for what is wrong with them", async () => {
    const rows: string[] = [];
    for (const { folder, place, text } of files) {
      const build = await verdictOf(folder, {});
      const names = passed.filter((name) => text.includes(`_${name}`));
      // Those that image-builder is there for.
      const strict = text.includes("_GIT_TAG")
        ? await verdictOf(folder, { givenMustMatch: true, pushAsNamed: true, envPassthrough: names })
        : "-";
      rows.push(`${place}\t${build}\t${strict}\n`);
    }
    const known = (await readFile(table, "utf8").catch(() => "")).split("\n").map(placeOf).filter(Boolean);
    const isKnown = known.length === 0 || rows.map(placeOf).join("\n") === known.join("\n");
    // Of other files nobody has looked at what is wrong with them.
    if (isKnown) await expect(rows.join("")).toMatchFileSnapshot(table);
    const refused = rows.filter((row) => row.includes("\trefused: "));
    expect(refused.length / rows.length).toBeLessThan(0.05);
  });

  test("say what is to be built in variants, each of which is read", async () => {
    for (const file of await readdir(join(world, "variants"))) {
      const { variants } = await readVariants(join(world, "variants", file));
      expect(variants.length, file).toBeGreaterThan(0);
      expect(
        variants.every(({ substitutions }) => substitutions._CONFIG !== undefined),
        file,
      ).toBe(true);
    }
  });

  test("are jobs that push images, which all become ours but those of two repositories", async () => {
    const names = (await readdir(join(world, "prow"))).sort();
    const prow = await Promise.all(
      names.map(async (file) => ({ file, text: await readFile(join(world, "prow", file), "utf8") })),
    );
    const { jobs, notImported } = importProwJobs(prow, { destination: { pushAsNamed: true } });
    for (const { message } of notImported) {
      expect(message).toBe(
        "it builds another repository than the one that starts it (extra_refs with workdir)",
      );
    }
    expect(jobs.length).toBeGreaterThan(notImported.length * 50);
    for (const { job } of jobs) {
      if (!isJobOf(job, "build")) continue;
      const push = { ref: "refs/heads/main", commit: "1".repeat(40) as CommitHash };
      const { request, environment } = resolveJob(job, push, "/checkout");
      const run = environment({ id: "1", uuid: "u", artifacts: "/artifacts" });
      // What Prow gives no periodic, and the job does not set, was empty there as well.
      const isPush = job.on !== undefined || job.clock === undefined;
      for (const name of request.envPassthrough ?? []) {
        if (isPush || job.env?.[name] !== undefined) expect(run[name], `${job.name} ${name}`).toBeTruthy();
      }
    }
  });
});

function placeOf(row: string): string {
  return row.split("\t").slice(0, 2).join("\t");
}
