import type { Database } from "../../src/database/index.ts";
import { asJson } from "../../src/disk/index.ts";
import { noteToldRun, tellEndedRuns } from "../../src/history/index.ts";
import type { RunDatabase } from "../../src/store/index.ts";

export const staging = "gcr.io/k8s-staging-apisnoop/snoopdb";
export const mirrors = ["us", "eu"].map((region) => `${region}.gcr.io/k8s-artifacts-prod/apisnoop/snoopdb`);
export const one = `sha256:${"1".repeat(64)}`;
export const two = `sha256:${"2".repeat(64)}`;
export const source = "f7a3cc6a5d0f4d2f8a9c1b7e2d3c4b5a6f708192";
export const merged = "0123456789abcdef0123456789abcdef01234567";
export const pull = "https://github.com/kubernetes/k8s.io/pull/7";
export const place = { file: "images/k8s-staging-apisnoop/images.yaml", line: 4, column: 5 };

export const built = (digest: string, tags: readonly string[]) => ({
  format: "waybill-images/1",
  run: { job: "push-snoopdb", id: "1" },
  source: { repository: "https://github.com/cncf/apisnoop", commit: source, isDirty: false, path: "." },
  tag: tags[0] ?? "",
  images: [
    {
      ...{ build: "default", name: staging, repository: staging, digest, tags, size: 500 },
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      seenBy: ["waybill"],
    },
  ],
});
export const proposal = {
  format: "waybill-pr/1",
  requests: [
    {
      outcome: "opened",
      pullRequest: { url: pull, number: 7, title: "Promote snoopdb", author: "robot" },
      added: [{ image: "snoopdb", digest: one, tag: "v1.0.0", line: 4 }],
    },
  ],
};
export const review = {
  format: "waybill-review/2",
  plan: { hash: "sha256:0", sections: [{ items: [] }] },
  projects: [
    {
      project: "k8s-staging-apisnoop",
      lines: [
        {
          ...{ kind: "added", image: "snoopdb", tag: "v1.0.0", digest: one, at: place },
          ...{ source: staging, destinations: mirrors },
        },
        {
          ...{ kind: "removed", image: "snoopdb", tag: "v0.1.0", digest: two, at: place },
          ...{ source: staging, destinations: mirrors },
        },
      ],
    },
  ],
};
export const reviewed = {
  ...{
    format: "waybill-reviewed-pull/1",
    url: pull,
    number: 7,
    title: "Promote \u202esnoopdb",
    author: "robot",
  },
  ...{ commit: merged, edgesHash: "sha256:abc", verdict: "passes", uncovered: [] },
  approvals: [
    { user: "cecile", commit: merged, at: "2026-11-29T12:00:00.000Z" },
    { user: "mallory", void: "not-an-approver" },
  ],
};
export const edge = (destination: string | undefined, state: string, more: object = {}) => ({
  ...{ kind: "images", destination, tag: "v1.0.0", digest: one, source: staging, state },
  ...{ project: "k8s-staging-apisnoop", at: "images.yaml:4:5", place, ...more },
});
export const promotion = (work: readonly unknown[], problems: readonly unknown[], dryRun = false) => ({
  ...{ format: "waybill-report/1", planHash: "sha256:0", dryRun, work, problems },
});

/** A run that has ended, with the files that it has left. */
interface Ended {
  readonly id: string;
  readonly kind: string;
  readonly job?: string;
  readonly commit?: string;
  readonly pull?: number;
  readonly files: Readonly<Record<string, object | string>>;
}

/** A database, and the records of runs in it. */
export interface ToldWorld {
  readonly db: Database;
  readonly runs: RunDatabase;
  end(run: Ended): Promise<void>;
}

export function toldWorld(db: Database, runs: RunDatabase): ToldWorld {
  return {
    ...{ db, runs },
    async end({ id, kind, job = kind, commit, pull, files }) {
      const run = await runs.start({ id, attempt: 1, job, type: "postsubmit" });
      for (const [path, file] of Object.entries(files)) {
        await run.write(path, typeof file === "string" ? file : asJson(file));
      }
      await run.finish({ result: "SUCCESS", revision: commit });
      const repo = "https://github.com/kubernetes/k8s.io";
      const endedAt = new Date(Date.UTC(2026, 10, 29, 10, Number(id)));
      await noteToldRun(db, { id, job, kind, repo, commit, pull, endedAt, details: undefined, attempt: 1 });
    },
  };
}

/** From a build to two mirrors, of which one was away at first. @returns How many runs were told. */
export async function tellWholeStory({ db, runs, end }: ToldWorld): Promise<number> {
  const build = built(one, ["v1.0.0", "latest"]);
  await end({ id: "1", kind: "build", job: "push-snoopdb", commit: source, files: { "images.json": build } });
  await end({ id: "2", kind: "propose", commit: source, files: { "report.json": proposal } });
  const judged = { "report.json": review, "pull.json": reviewed };
  await end({ id: "3", kind: "review", commit: merged, pull: 7, files: judged });
  const promotions = [
    promotion([edge(mirrors[0], "done")], [edge(mirrors[1], "failed", { why: "eu.gcr.io: away" })]),
    promotion([], [edge(mirrors[1], "failed", { why: "eu.gcr.io: still away" })]),
    promotion([edge(mirrors[1], "done")], []),
  ];
  for (const [at, report] of promotions.entries()) {
    await end({ id: `${4 + at}`, kind: "promote", commit: merged, files: { "report.json": report } });
  }
  return tellEndedRuns(db, runs);
}
