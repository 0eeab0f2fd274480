import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  formatJobs,
  importProwJobs,
  type Job,
  judgeJobs,
  type ProwImport,
  parseJobs,
} from "../../src/jobs/index.ts";

const folder = join(import.meta.dirname, "prow");

async function imported(...files: readonly string[]): Promise<ProwImport> {
  const texts = files.map(async (file) => ({ file, text: await readFile(join(folder, file), "utf8") }));
  return importProwJobs(await Promise.all(texts));
}

describe("promotion jobs of Prow", () => {
  test("become what is written down, with all that is left out", async () => {
    const { jobs, notImported, remarks, capacities } = await imported("promotion.yaml", "config.yaml");
    const written = formatJobs(
      jobs.map(({ job }) => job),
      (index) => [`from promotion.yaml:${jobs[index]?.line}`],
    );
    await expect(written).toMatchFileSnapshot(join(folder, "promotion.jobs.txt"));
    const lines = [
      ...jobs.flatMap(({ job, remarks }) => remarks.map((remark) => ({ job: job.name, ...remark }))),
      ...remarks.map((remark) => ({ job: "-", ...remark })),
      ...notImported.map((one) => ({ kind: "not-imported", path: "-", job: "-", ...one })),
    ].map(
      ({ line, column, job, path, kind, message }) =>
        `${line}:${column} ${job} ${path} ${kind}: ${message}\n`,
    );
    await expect(lines.join("")).toMatchFileSnapshot(join(folder, "promotion.remarks.txt"));
    expect(capacities).toEqual({ "large-promotions": 3 });
    const list = judgeJobs(parseJobs(written, "f.yaml"), { capacities: Object.keys(capacities) });
    expect(list.diagnostics).toEqual([]);
    expect(list.jobs.map(({ job }) => job)).toEqual(jobs.map(({ job }) => job));
  });

  test("without Prow's configuration have a mutex for each queue", async () => {
    const { jobs, capacities } = await imported("promotion.yaml");
    const queued = jobs.filter(({ job }) => job.mutex !== undefined || job.capacity !== undefined);
    expect(queued.map(({ job }) => [job.name, job.mutex, job.capacity])).toEqual([
      ["post-k8sio-image-promo", "k8sio-image-promo", undefined],
      ["post-k8sio-image-promo-dry", "large-promotions", undefined],
      ["ci-k8sio-image-promo", "k8sio-image-promo", undefined],
    ]);
    expect(capacities).toEqual({});
  });

  test("may all be taken over in shadow", async () => {
    const text = await readFile(join(folder, "promotion.yaml"), "utf8");
    const { jobs } = importProwJobs([{ file: "f", text }], { shadow: true });
    expect(jobs.every(({ job }) => job.shadow === true)).toBe(true);
  });
});

/** What the promoter's line in a job of a kind becomes, or why it is no job. */
function ofLine(kind: "presubmits" | "postsubmits", line: string, more: object = {}): Job["work"] | string {
  const [command = "", ...args] = line.split(" ");
  const spec = {
    containers: [{ image: "registry.k8s.io/artifact-promoter/kpromo:v4", command: [command], args }],
  };
  const job = { name: "a", always_run: true, spec, ...more };
  const text = JSON.stringify({ [kind]: { "kubernetes/k8s.io": [job] } });
  const { jobs, notImported } = importProwJobs([{ file: "f", text }]);
  return jobs[0]?.job.work ?? notImported[0]?.message ?? "nothing";
}

describe("a line of the promoter", () => {
  test.each<[string, Job["work"] | string]>([
    [
      "kpromo cip --manifest-based-snapshot-of=gcr.io/a --thin-manifest-dir=a",
      "it lists what manifests ask for, not what a registry holds",
    ],
    ["kpromo cip --thin-manifest-dir=a", { kind: "promote", promote: { manifests: "a", dryRun: true } }],
    ["cip -manifest a/b.yaml -confirm", { kind: "promote", promote: { manifests: "a/b.yaml" } }],
    ["cip --thin_manifest_dir=a --dry_run=false", { kind: "promote", promote: { manifests: "a" } }],
    [
      "kpromo cip --confirm --dry-run --thin-manifest-dir=a",
      { kind: "promote", promote: { manifests: "a", dryRun: true } },
    ],
    [
      "kpromo cip --confirm=false --thin-manifest-dir=a",
      { kind: "promote", promote: { manifests: "a", dryRun: true } },
    ],
    ["kpromo cip --confirm --thin-manifest-dir=.", { kind: "promote", promote: { manifests: "." } }],
    [
      "kpromo cip --confirm --thin-manifest-dir=/home/prow/go/src/github.com/kubernetes/k8s.io",
      { kind: "promote", promote: { manifests: "." } },
    ],
    [
      "kpromo cip --confirm --thin-manifest-dir=/home/prow/go/src/github.com/kubernetes/k8s.io.evil/a",
      "the manifests are not in the repository that starts it: /home/prow/go/src/github.com/kubernetes/k8s.io.evil/a",
    ],
    [
      "kpromo cip --confirm --thin-manifest-dir=../a",
      'the manifests are at "../a": the path leads out of the repository',
    ],
    [
      "kpromo cip --confirm --thin-manifest-dir=/a",
      'the manifests are at "/a": the path leads out of the repository',
    ],
    ["kpromo cip --confirm", "it names no manifests: neither --thin-manifest-dir nor --manifest"],
    ["kpromo cip --confirm --thin-manifest-dir", "the flag --thin-manifest-dir needs a value"],
    ["kpromo cip --confirmed", "it has a flag --confirmed, which is not known"],
    ["kpromo cip a", 'the promoter is given "a", which is no flag'],
    ["kpromo gh --org=a", "kpromo gh: it promotes no images"],
    ["cip audit --project=a", "it is the auditor, which is a server"],
    ["make promote", 'it does not run the promoter but "make"'],
    ["cip -snapshot=https://gcr.io/a", '--snapshot: leave out "https://"'],
  ])("%j after a push: %j", (line, expected) => {
    expect(ofLine("postsubmits", line)).toEqual(expected);
  });

  test.each<[string, Job["work"] | string]>([
    ["kpromo cip --thin-manifest-dir=a", { kind: "review", review: { manifests: "a" } }],
    ["cip --parse-only --thin-manifest-dir=a", { kind: "review", review: { manifests: "a" } }],
    ["kpromo cip --thin-manifest-dir=a --confirm", "it writes to production what is not merged"],
    ["cip -snapshot=gcr.io/a", "it lists a registry, which does not depend on what is proposed"],
  ])("%j of a pull request: %j", (line, expected) => {
    expect(ofLine("presubmits", line)).toEqual(expected);
  });
});
