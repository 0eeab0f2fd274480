import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import type { Database } from "../../src/database/index.ts";
import { matrixMigrations, openMatrixWriter } from "../../src/matrix/index.ts";
import { openObjects } from "../../src/objects/index.ts";
import type { Digest, RepositoryName, Tag } from "../../src/oci/index.ts";
import type { Plan } from "../../src/promotion/index.ts";
import { queueMigrations } from "../../src/queue/index.ts";
import {
  type ComparedWork,
  comparisonOf,
  type PromotedRun,
  readCompared,
  reviewsMigrations,
  sumCompared,
} from "../../src/reviews/index.ts";
import { openRunDatabase, storeMigrations } from "../../src/store/index.ts";
import { planOf } from "../matrix/plan.ts";
import { describeDatabases } from "../support/databases.ts";
import { temporaryFolder } from "../support/tree.ts";
import { aLine, edgesOf } from "./a-review.ts";
import { keepMerged, type MergedPull } from "./merged-pull.ts";

const url = "https://github.com/Org/images.git";
const at = (minute: number) => new Date(Date.UTC(2026, 10, 30, 10, minute));
const merge = "c".repeat(40);
const digestOf = (number: number) => `sha256:${String(number).padStart(64, "0")}` as Digest;

describeDatabases((databases) => {
  /** A database, and what keeps the plan of a run. */
  const world = async () => {
    const db = await databases.open([
      ...queueMigrations,
      ...storeMigrations,
      ...reviewsMigrations,
      ...matrixMigrations,
    ]);
    const folder = await temporaryFolder("compare");
    onTestFinished(folder.remove);
    const runs = await openRunDatabase(db, {
      ...{ objects: openObjects(join(folder.path, "objects")), spool: join(folder.path, "spool") },
    });
    onTestFinished(runs.release);
    const planned = async (id: string, plan: Plan, kind: "plan" | "promotion" = "plan") => {
      await runs.start({ id, attempt: 1, job: kind, type: "periodic" });
      const writer = openMatrixWriter(db, { id, attempt: 1 }, (error) => {
        throw error;
      });
      await writer.plan(plan, kind);
      return writer;
    };
    return { db, planned };
  };
  const merged = (db: Database, number: number, more: Pick<MergedPull, "run"> & Partial<MergedPull>) =>
    keepMerged(db, { url, number, at: at(number), ...more });
  const promoted: PromotedRun = { id: "900", repo: url, commit: merge, endedAt: at(30) };
  const words = ({ found, name, tag, state, mirrors, by }: ComparedWork) =>
    `${found} ${name}:${tag} ${state ?? "-"} ${mirrors.length}${by === undefined ? "" : ` by #${by.pull.number}`}`;
  const all = async (db: Database, run: PromotedRun, of: "run" | "left") =>
    (await readCompared(db, await comparisonOf(db, run), of, { limit: 100 })).items.map(words);

  it("what a run does is approved by the review that has shown it, edge by edge", async () => {
    const { db, planned } = await world();
    await planned("101", planOf({ images: 3, mirrors: 2, conflictEach: 99 }));
    await merged(db, 1, { run: "101", mergeCommit: merge });
    // Four images at three mirrors: image 3, and a mirror, were in no review; image 0 is in conflict everywhere.
    const writer = await planned("900", planOf({ images: 4, mirrors: 3, conflictEach: 99 }), "promotion");
    const edge = {
      ...{ kind: "images", project: "project-1", tag: "v1" as Tag, digest: digestOf(1) },
      source: "staging.example.com/project-1/image-1" as RepositoryName,
      destination: "mirror-0.example.com/prod/project-1/image-1" as RepositoryName,
    };
    writer.listener({ type: "edge-done", ...edge, failure: undefined });
    await writer.close();
    expect(await all(db, promoted, "run")).toEqual([
      "unapproved project-0/image-3:v3 pending 3",
      "approved project-1/image-1:v1 done 1 by #1",
      "approved project-1/image-1:v1 pending 1 by #1",
      "unapproved project-1/image-1:v1 pending 1",
      "approved project-2/image-2:v2 pending 2 by #1",
      "unapproved project-2/image-2:v2 pending 1",
    ]);
    // In conflict at the review as well: nobody was shown that it would be copied.
    expect(await all(db, promoted, "left")).toEqual([]);
    const { edges, isWhole, reviews } = await sumCompared(db, await comparisonOf(db, promoted));
    expect({ edges, isWhole }).toEqual({
      edges: { approved: 4, unapproved: 5, left: 0 },
      isWhole: true,
    });
    expect(reviews).toMatchObject([
      { isAtCommit: true, by: ["pam"], whyNot: undefined, review: { edgesHash: edgesOf("1") } },
    ]);
  });

  it("what was approved and is not done says how it is now, by pages that lose nothing", async () => {
    const { db, planned } = await world();
    await planned("101", planOf({ images: 8, mirrors: 2, conflictEach: 99 }));
    await merged(db, 1, { run: "101" });
    // Known by its images alone. The run has other images than the first in conflict.
    const writer = await planned("900", planOf({ images: 5, mirrors: 1, conflictEach: 2 }), "promotion");
    await writer.close();
    const comparison = await comparisonOf(db, promoted);
    expect(comparison.reviews).toMatchObject([{ isAtCommit: false, isConcerned: true }]);
    const whole = await all(db, promoted, "left");
    expect(whole).toEqual([
      "left project-0/image-3:v3 - 1 by #1",
      "left project-0/image-6:v6 - 2 by #1",
      "left project-1/image-1:v1 - 1 by #1",
      "left project-1/image-4:v4 conflict 1 by #1",
      "left project-1/image-4:v4 - 1 by #1",
      "left project-1/image-7:v7 - 2 by #1",
      "left project-2/image-2:v2 conflict 1 by #1",
      "left project-2/image-2:v2 - 1 by #1",
      "left project-2/image-5:v5 - 2 by #1",
    ]);
    for (const limit of [1, 2, 5]) {
      const seen: string[] = [];
      let after: Awaited<ReturnType<typeof readCompared>>["next"];
      do {
        const page = await readCompared(db, comparison, "left", { limit, after });
        seen.push(...page.items.map(words));
        after = page.next;
      } while (after !== undefined);
      expect(seen).toEqual(whole);
    }
  });

  it("a line of a review approves what its plan does not list any more", async () => {
    const { db, planned } = await world();
    const line = aLine("v1", {
      image: "project-1/image-1",
      digest: digestOf(1),
      source: "staging.example.com/project-1/image-1" as RepositoryName,
      destinations: ["mirror-0.example.com/prod/project-1/image-1" as RepositoryName],
    });
    await merged(db, 1, { run: "101", lines: [line] });
    await (await planned("900", planOf({ images: 2, mirrors: 2, conflictEach: 99 }), "promotion")).close();
    expect(await all(db, promoted, "run")).toEqual([
      "approved project-1/image-1:v1 pending 1 by #1",
      "unapproved project-1/image-1:v1 pending 1",
    ]);
  });

  it("what was not approved, is not of its newest commit, or came later approves nothing, and says why", async () => {
    const { db, planned } = await world();
    const plan = planOf({ images: 2, mirrors: 1, conflictEach: 99 });
    for (const run of ["101", "102", "103", "104"]) await planned(run, plan);
    await merged(db, 1, { run: "101", by: [] });
    await merged(db, 2, { run: "102", uncovered: ["OWNERS", "images.yaml"] });
    await merged(db, 3, { run: "103", commit: "f".repeat(40) });
    await merged(db, 4, { run: "104" });
    await (await planned("900", plan, "promotion")).close();
    const run = { ...promoted, endedAt: at(3) };
    expect(await all(db, run, "run")).toEqual(["unapproved project-1/image-1:v1 pending 1"]);
    const { reviews } = await comparisonOf(db, run);
    expect(reviews.map(({ whyNot }) => whyNot)).toEqual([
      "it was reviewed after the run had ended",
      "its newest commit was not reviewed here",
      "nobody has approved OWNERS and 1 more",
      "nobody has approved it",
    ]);
    expect(await all(db, promoted, "run")).toEqual(["approved project-1/image-1:v1 pending 1 by #4"]);
    expect(await all(db, { ...promoted, repo: "https://example.com/other" }, "run")).toEqual([
      "unapproved project-1/image-1:v1 pending 1",
    ]);
    expect((await comparisonOf(db, { ...promoted, repo: undefined })).reviews).toEqual([]);
  });
});
