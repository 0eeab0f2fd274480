import { expect, test } from "vitest";
import { prowJobs } from "../../bench/serve/prow-jobs.mjs";
import { importProwJobs, judgeJobs, parseJobs } from "../../src/jobs/index.ts";
import { formatJobs } from "../../src/jobs/write.ts";

test("as many jobs as Kubernetes has, with its mix of fields, become ours", () => {
  const { repositories, files } = prowJobs();
  expect(repositories).toHaveLength(128);
  const { jobs, notImported, capacities } = importProwJobs(files);
  expect({ notImported, capacities }).toEqual({ notImported: [], capacities: {} });
  const count = (is: (job: (typeof jobs)[number]["job"]) => boolean): number =>
    jobs.filter(({ job }) => is(job)).length;
  expect({
    all: count(() => true),
    pushed: count(({ on }) => on !== undefined),
    clocked: count(({ clock }) => clock !== undefined),
    cron: count(({ clock }) => clock?.cron !== undefined),
    tags: count(({ on }) => on?.branch?.some((expression) => expression.startsWith("^v(0")) === true),
    paths: count(({ on }) => on?.paths !== undefined),
    mutex: count(({ mutex }) => mutex === "image-pushing"),
    limited: count(({ maxConcurrency }) => maxConcurrency !== undefined),
    rerun: count(({ rerun }) => rerun?.teams !== undefined),
    contact: count(({ contact }) => contact !== undefined),
    patient: count(({ notify }) => notify?.failures === 3),
  }).toEqual({
    ...{ all: 234, pushed: 202, clocked: 32, cron: 8, tags: 105, paths: 87, mutex: 17, limited: 18 },
    ...{ rerun: 88, contact: 68, patient: 25 },
  });
  const list = judgeJobs(parseJobs(formatJobs(jobs.map(({ job }) => job)), "jobs.yaml"));
  expect(list.diagnostics).toEqual([]);
  expect(list.jobs).toHaveLength(234);
});
