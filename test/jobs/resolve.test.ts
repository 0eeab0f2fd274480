import { describe, expect, test } from "vitest";
import type { CommitHash } from "../../src/git/index.ts";
import { isSameRepository, type JobOf, resolveJob } from "../../src/jobs/index.ts";

const commit = "0123456789012345678901234567890123456789" as CommitHash;
const job: JobOf<"build"> = {
  name: "push-images",
  repo: "https://github.com/cncf/apisnoop.git",
  on: {},
  work: {
    kind: "build",
    build: {
      dir: "apps/snoopdb",
      buildDir: ".",
      config: "a/b.yaml",
      env: ["PULL_BASE_REF", "WHAT", "GONE"],
      project: "p",
    },
  },
  env: { WHAT: "all", JOB_NAME: "other" },
  timeoutSeconds: 60,
};
const run = { id: "1384977461019676672", uuid: "u-u-i-d", artifacts: "/data/artifacts" };

describe("a job that a push starts", () => {
  const resolved = resolveJob(job, { ref: "refs/tags/v1.2.3", commit }, "/checkout", {
    PATH: "/bin",
    GONE: "of the shell",
    PULL_BASE_REF: "of the shell",
    PULL_NUMBER: "1",
    BUILD_ID: "1",
  });

  test("is built as image-builder would be asked to", () => {
    const { environment: _, ...request } = resolved.request;
    expect(request).toEqual({
      configDir: "/checkout/apps/snoopdb",
      buildDir: "/checkout",
      configFile: "a/b.yaml",
      envPassthrough: ["PULL_BASE_REF", "WHAT", "GONE"],
      project: "p",
    });
    expect(resolved.timeoutSeconds).toBe(60);
  });

  test("has Prow's environment, and nothing of the shell reaches the build", () => {
    const refs = {
      org: "cncf",
      repo: "apisnoop",
      repo_link: "https://github.com/cncf/apisnoop",
      base_ref: "v1.2.3",
      base_sha: commit,
    };
    const before = {
      PATH: "/bin",
      WHAT: "all",
      CI: "true",
      JOB_NAME: "push-images",
      JOB_TYPE: "postsubmit",
      REPO_OWNER: "cncf",
      REPO_NAME: "apisnoop",
      PULL_BASE_REF: "v1.2.3",
      PULL_BASE_SHA: commit,
      PULL_REFS: `v1.2.3:${commit}`,
    };
    expect(resolved).toMatchObject({ type: "postsubmit", refs, spec: {} });
    expect(resolved.request.environment).toEqual(before);
    const { JOB_SPEC, ...rest } = resolved.environment(run);
    expect(rest).toEqual({
      ...before,
      BUILD_ID: run.id,
      BUILD_NUMBER: run.id,
      PROW_JOB_ID: "u-u-i-d",
      ARTIFACTS: "/data/artifacts",
    });
    expect(JSON.parse(JOB_SPEC ?? "")).toEqual({
      type: "postsubmit",
      job: "push-images",
      buildid: run.id,
      prowjobid: "u-u-i-d",
      refs,
    });
  });
});

test("a job that a clock starts is a periodic, whose environment names no repository", () => {
  const { on: _, ...rest } = job;
  const clock = { everySeconds: 60, ref: "main" };
  const resolved = resolveJob({ ...rest, clock }, { ref: "refs/heads/main", commit }, "/checkout");
  expect(resolved.type).toBe("periodic");
  expect(resolved.refs).toBeUndefined();
  expect(resolved.spec).toMatchObject({ extra_refs: [{ org: "cncf", base_ref: "main", base_sha: commit }] });
  const environment = resolved.environment(run);
  expect(Object.keys(environment).filter((name) => /^(?:PULL|REPO)_/.test(name))).toEqual([]);
  expect(JSON.parse(environment.JOB_SPEC ?? "")).toMatchObject({
    type: "periodic",
    extra_refs: [{ repo: "apisnoop" }],
  });
});

test.each([
  ["https://github.com/a/b", "https://github.com/a/b.git", true],
  ["https://github.com/a/b", "git@github.com:A/b.git", true],
  ["https://github.com/a/b", "ssh://git@github.com/a/b", true],
  ["https://github.com/a/b", "https://github.com/a/c", false],
  ["https://github.com/a/b", "https://example.com/a/b", false],
  ["https://example.com/a/b/c", "git@example.com:a/b/c", true],
])("%s and %s are the same repository: %s", (one, other, same) => {
  expect(isSameRepository(one, other)).toBe(same);
});
