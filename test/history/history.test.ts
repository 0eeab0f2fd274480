import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import {
  eventsOf,
  findImage,
  findInHistory,
  forgetHistory,
  historyMigrations,
  keepContents,
  keptContents,
  listImages,
  listTags,
  mirrorsOf,
  noteAsked,
  placeOfTag,
  predecessorOf,
  retellRuns,
  sizesOf,
  tagsOfDigest,
  tellEndedRuns,
} from "../../src/history/index.ts";
import { openObjects } from "../../src/objects/index.ts";
import { productionMigrations, recordLook } from "../../src/production/index.ts";
import { queueMigrations } from "../../src/queue/index.ts";
import { openRunDatabase, type StoredRun, storeMigrations } from "../../src/store/index.ts";
import { hours, lookAt } from "../production/looks.ts";
import { digestFor } from "../promotion/world.ts";
import { describeDatabases } from "../support/databases.ts";
import { temporaryFolder } from "../support/tree.ts";
import {
  built,
  edge,
  merged,
  mirrors,
  one,
  promotion,
  pull,
  reviewed,
  source,
  staging,
  type ToldWorld,
  tellWholeStory,
  toldWorld,
  two,
} from "./told-world.ts";

describeDatabases((databases) => {
  const world = async (): Promise<ToldWorld> => {
    const db = await databases.open([
      ...queueMigrations,
      ...storeMigrations,
      ...productionMigrations,
      ...historyMigrations,
    ]);
    const folder = await temporaryFolder("history");
    onTestFinished(folder.remove);
    const runs = await openRunDatabase(db, {
      objects: openObjects(join(folder.path, "objects")),
      spool: join(folder.path, "spool"),
    });
    onTestFinished(() => runs.release());
    return toldWorld(db, runs);
  };
  const wholeStory = async (): Promise<ToldWorld> => {
    const made = await world();
    expect(await tellWholeStory(made)).toBe(6);
    return made;
  };

  it("tells the life of a digest, whoever has done what to it", async () => {
    const { db } = await wholeStory();
    const events = await eventsOf(db, one);
    expect(events.map(({ kind, image, run }) => [kind, image, run.id])).toEqual([
      ["built", staging, "1"],
      ["proposed", staging, "2"],
      ["reviewed", staging, "3"],
      ["promoted", staging, "4"],
      ["stopped", staging, "4"],
      ["promoted", staging, "6"],
    ]);
    const [build, proposed, judged, first, stopped] = events;
    expect(build?.run).toMatchObject({ job: "push-snoopdb", commit: source });
    expect(build?.details).toMatchObject({ tags: ["v1.0.0", "latest"] });
    expect(proposed?.details).toMatchObject({ pull, tags: ["v1.0.0"] });
    expect(judged?.judged).toMatchObject({
      ...{ url: pull, number: 7, author: "robot", edgesHash: "sha256:abc", verdict: "passes" },
      title: "Promote \\u{202e}snoopdb",
      approvals: reviewed.approvals,
    });
    expect(judged?.details.places).toEqual(["images/k8s-staging-apisnoop/images.yaml:4:5"]);
    expect(first?.details.destinations).toEqual([mirrors[0]]);
    expect(stopped).toMatchObject({
      ...{ lastRun: "5", at: new Date("2026-11-29T10:04:00Z"), lastAt: new Date("2026-11-29T10:05:00Z") },
      details: { state: "failed", why: "eu.gcr.io: still away" },
    });
    // What is not asked for any more was asked for of another digest.
    expect(await eventsOf(db, two)).toEqual([]);
    expect(await mirrorsOf(db, staging)).toEqual(mirrors.toSorted());
  });

  it("knows nothing more when it is told again, in whatever order", async () => {
    const { db, runs } = await wholeStory();
    const before = await eventsOf(db, one);
    expect(await retellRuns(db)).toBe(6);
    await db.query("UPDATE history_run SET due = NULL WHERE run <> 6");
    await tellEndedRuns(db, runs);
    await retellRuns(db);
    await tellEndedRuns(db, runs);
    expect(await eventsOf(db, one)).toEqual(before);
    await db.script(
      "DELETE FROM history_event; DELETE FROM history_tag; DELETE FROM history_pull; DELETE FROM history_image",
    );
    await retellRuns(db);
    await tellEndedRuns(db, runs);
    expect(await eventsOf(db, one)).toEqual(before);
  });

  it("lists images and their tags, and what one was before", async () => {
    const { db, runs, end } = await wholeStory();
    await end({
      id: "7",
      kind: "build",
      commit: merged,
      files: { "images.json": built(two, ["v1.1.0", "latest"]) },
    });
    await tellEndedRuns(db, runs);
    expect(await listImages(db, { limit: 10 })).toMatchObject([
      { name: staging, project: "k8s-staging-apisnoop", mirrors: 2, digests: 2, tag: "v1.1.0" },
    ]);
    expect(await listImages(db, { limit: 10, search: "SNOOP" })).toHaveLength(1);
    expect(await listImages(db, { limit: 10, search: "other" })).toHaveLength(0);
    expect(await findImage(db, mirrors[1] ?? "")).toMatchObject({ name: staging });
    const tags = await listTags(db, { image: staging, limit: 10 });
    expect(tags.map(({ tag, digest }) => [tag, digest])).toEqual([
      ["v1.1.0", two],
      ["latest", two],
      ["v1.0.0", one],
      ["latest", one],
    ]);
    const [first] = tags;
    if (first === undefined) throw new Error("there is no tag");
    expect(await listTags(db, { image: staging, limit: 10, after: placeOfTag(first) })).toEqual(
      tags.slice(1),
    );
    expect((await tagsOfDigest(db, one)).map(({ tag }) => tag)).toEqual(["latest", "v1.0.0"]);
    expect(await predecessorOf(db, { image: staging, digest: two })).toBe(one);
    expect(await predecessorOf(db, { image: staging, digest: one })).toBeUndefined();
    const contents = {
      mediaType: "m",
      bytes: 4_000_000_000,
      platforms: ["linux/amd64"],
      layers: [],
      isPartial: false,
    };
    await keepContents(db, { image: staging, digest: one }, contents, new Date());
    expect(await keptContents(db, { image: staging, digest: one })).toEqual(contents);
    // What was read of it before all of it was there is read again.
    await keepContents(db, { image: staging, digest: two }, { ...contents, isPartial: true }, new Date());
    expect(await keptContents(db, { image: staging, digest: two })).toBeUndefined();
    expect((await sizesOf(db, staging, 10)).map(({ digest, tag, bytes }) => [digest, tag, bytes])).toEqual([
      [one, "v1.0.0", 4_000_000_000],
      [two, "v1.1.0", undefined],
    ]);
  });

  it("finds images, tags, digests, commits, pull requests and projects", async () => {
    const { db } = await wholeStory();
    const asked = [
      ["image", "snoopdb", [staging]],
      ["image", mirrors[0] ?? "", [staging]],
      ["image", "snoopdb'; DROP TABLE history_event; --", []],
      ["image", "%", []],
      ["tag", "v1.0", [`v1.0.0 ${staging}`]],
      ["tag", "snoopdb:v1.0.0", [`${staging}:v1.0.0`]],
      ["tag", "apisnoop/snoopdb:v1.0.0", [`${staging}:v1.0.0`]],
      ["tag", "db:v1.0.0", []],
      ["tag", "V1", []],
      ["tag", `${mirrors[1]}:v1.0.0`, [`${staging}:v1.0.0`]],
      ["digest", "1111111", [one]],
      ["digest", `${staging}@${one}`, [one]],
      ["digest", "111111", []],
      ["commit", source.slice(0, 8), [source]],
      ["commit", merged, [merged]],
      ["pull", "#7", [pull]],
      ["pull", pull, [pull]],
      ["pull", "https://github.com/kubernetes/k8s.io/pull/8", []],
      ["project", "apisnoop", ["k8s-staging-apisnoop"]],
    ] as const;
    for (const [type, text, names] of asked) {
      const found = await findInHistory(db, type, { text, limit: 10 });
      expect([type, text, found.map(({ name }) => name)]).toEqual([type, text, names]);
      const [last] = names;
      if (last !== undefined)
        expect(await findInHistory(db, type, { text, limit: 10, after: last })).toEqual([]);
    }
  });

  it("looks again for a record that is not there yet, and gives up in the end", async () => {
    const { db, runs, end } = await world();
    await end({ id: "1", kind: "promote", files: {} });
    for (let look = 1; look <= 5; look += 1) {
      expect(await tellEndedRuns(db, runs)).toBe(look === 5 ? 1 : 0);
      await db.query("UPDATE history_run SET due = now() WHERE due IS NOT NULL");
    }
    expect(await db.query("SELECT due, why FROM history_run")).toEqual([
      { due: null, why: "its record does not say it" },
    ]);
  });

  it("reads a record again that broke off, and tells nothing of its half", async () => {
    const { db, runs, end } = await world();
    await end({
      id: "1",
      kind: "promote",
      files: { "report.json": promotion([edge(mirrors[0], "done")], []) },
    });
    const broken = {
      find: async (name: string): Promise<StoredRun> => ({
        ...(await runs.find(name)),
        async artifact() {
          return (async function* () {
            yield Buffer.from('{\n  "work": [\n    {\n');
            throw new Error("the connection was lost");
          })();
        },
      }),
    };
    await expect(tellEndedRuns(db, broken)).rejects.toThrow("the connection was lost");
    expect(await eventsOf(db, one)).toEqual([]);
    await db.query("UPDATE history_run SET due = now()");
    expect(await tellEndedRuns(db, runs)).toBe(1);
    expect(await eventsOf(db, one)).toHaveLength(1);
  });

  it("keeps what can be read of a report that others have written into", async () => {
    const { db, runs, end } = await world();
    const good = edge(mirrors[0], "done");
    await end({
      ...{ id: "1", kind: "promote" },
      files: { "report.json": promotion([good, { ...good, digest: "no digest" }, 7, "x", null], [[], {}]) },
    });
    await end({ id: "2", kind: "promote", files: { "report.json": "<html>" } });
    await end({
      id: "3",
      kind: "promote",
      files: { "report.json": promotion([edge(mirrors[1], "done")], [], true) },
    });
    await end({ id: "4", kind: "build", files: { "images.json": "{}" } });
    await end({
      id: "5",
      kind: "verify",
      files: {
        "report.json": { findings: [{ ...good, kind: "missing-tag", message: "it is \u0000 gone" }] },
      },
    });
    expect(await tellEndedRuns(db, runs)).toBe(5);
    expect((await eventsOf(db, one)).map(({ kind, image, details }) => [kind, image, details.why])).toEqual([
      ["promoted", staging, undefined],
      ["found", staging, "it is \\u{0} gone"],
    ]);
    const told = await db.query<{ why: string | null }>("SELECT why FROM history_run ORDER BY run");
    expect(told.map(({ why }) => why)).toEqual([
      "parts of its report that could not be read: 6",
      null,
      null,
      expect.stringContaining("not what a run records"),
      null,
    ]);
  });

  it("reads what stands before and behind a line without an end", async () => {
    const { db, runs, end } = await world();
    const long = edge(mirrors[0], "failed", { why: "x".repeat(9 * 1024 * 1024) });
    const report = promotion([edge(mirrors[0], "done")], [long, edge(mirrors[1], "failed", { why: "away" })]);
    await end({ id: "1", kind: "promote", files: { "report.json": report } });
    await tellEndedRuns(db, runs);
    expect((await eventsOf(db, one)).map(({ kind, details }) => [kind, details.why])).toEqual([
      ["promoted", undefined],
      ["stopped", "away"],
    ]);
    expect(await db.query("SELECT why FROM history_run")).toEqual([
      { why: "parts of its report that could not be read: 1" },
    ]);
  });

  it("forgets what is long past, and nothing of what is still in use", async () => {
    const { db } = await wholeStory();
    await forgetHistory(db, new Date("2026-11-29T10:06:00Z"));
    expect(await eventsOf(db, one)).toHaveLength(6);
    await forgetHistory(db, new Date("2026-11-30T00:00:00Z"));
    for (const table of ["event", "tag", "run", "image", "pull", "mirror"]) {
      expect(await db.query(`SELECT * FROM history_${table}`)).toEqual([]);
    }
  });

  it("knows what manifests ask for, also of what nobody promotes any more", async () => {
    const { db, runs, end } = await world();
    const alpha = { app: { a1: ["v1", "latest"], a2: [] } };
    await end({ id: "1", kind: "verify", files: { "report.json": { findings: [] } } });
    await tellEndedRuns(db, runs);
    await recordLook(db, lookAt({ alpha }, { run: "1" }));
    expect([await noteAsked(db), await noteAsked(db)]).toEqual([1, 0]);
    expect(await listImages(db, { limit: 10 })).toMatchObject([
      { name: "staging.example/alpha/app", project: "alpha", mirrors: 3, digests: 2 },
    ]);
    const [event] = await eventsOf(db, digestFor("a1"));
    expect(event).toMatchObject({
      kind: "asked",
      details: { tags: ["v1", "latest"] },
      run: { id: "1", job: "verify" },
    });
    const found = await findInHistory(db, "tag", { text: "us.example/prod/alpha/app:v1", limit: 10 });
    expect(found).toMatchObject([{ digest: digestFor("a1") }]);
    expect(await findInHistory(db, "digest", { text: digestFor("a2").slice(7, 20), limit: 10 })).toHaveLength(
      1,
    );
    // Another commit that asks for one more: what is known is not written again.
    const more = { app: { ...alpha.app, a3: ["v3"] } };
    await recordLook(db, lookAt({ alpha: more }, { run: "2", commit: "d".repeat(40), began: hours(1) }));
    expect(await noteAsked(db)).toBe(1);
    expect((await eventsOf(db, digestFor("a1"))).map(({ run }) => run.id)).toEqual(["1"]);
    expect((await eventsOf(db, digestFor("a3"))).map(({ run }) => run.id)).toEqual(["2"]);
  });

  it("keeps what manifests still ask for, however long ago they did first", async () => {
    const { db } = await world();
    const alpha = { app: { a1: ["v1"], a2: ["v2"] } };
    await recordLook(db, lookAt({ alpha }, { run: "1" }));
    await noteAsked(db);
    const later = hours(5 * 365 * 24);
    await forgetHistory(db, later);
    expect((await eventsOf(db, digestFor("a1"))).map(({ at }) => at)).toEqual([hours(0)]);
    expect(await listTags(db, { image: "staging.example/alpha/app", limit: 10 })).toHaveLength(2);
    const less = { app: { a1: ["v1"] } };
    await recordLook(db, lookAt({ alpha: less }, { run: "2", commit: "d".repeat(40), began: hours(1) }));
    await forgetHistory(db, later);
    expect(await eventsOf(db, digestFor("a1"))).toHaveLength(1);
    expect(await eventsOf(db, digestFor("a2"))).toEqual([]);
  });

  it("has runs told that ended before there were its tables", async () => {
    const db = await databases.open([...queueMigrations, ...storeMigrations]);
    await db.query(
      `INSERT INTO queue_run (id, job, kind, type, key, priority, input, causes, state, rank, attempt, result, ended_at)
       VALUES (9, 'promote', 'promote', 'postsubmit', 'k', 0, '{}', '[]', 'ended', 0, 1, 'SUCCESS', now())`,
    );
    for (const { sql } of historyMigrations) await db.script(sql);
    expect(await db.query("SELECT run, kind FROM history_run WHERE due <= now()")).toEqual([
      { run: "9", kind: "promote" },
    ]);
  });
});
