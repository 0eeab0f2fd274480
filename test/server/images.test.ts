import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { type ImageLife, tellEndedRuns } from "../../src/history/index.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { recordLook } from "../../src/production/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import type { HitDocument, ImageContentsDocument, ImageSizeDocument } from "../../src/server/index.ts";
import {
  built,
  merged,
  mirrors,
  one,
  pull,
  review,
  reviewed,
  source,
  staging,
  tellWholeStory,
  toldWorld,
} from "../history/told-world.ts";
import { lookAt, place, trouble } from "../production/looks.ts";
import { digestFor } from "../promotion/world.ts";
import { ask } from "../queue/support.ts";
import { usePglite } from "../support/databases.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";
import { serverMigrations, serverWorld, type WorldOptions } from "./server-world.ts";

describe("images over the API", () => {
  const databases = usePglite();
  const world = async (options: WorldOptions = {}) => {
    const server = await serverWorld(await databases.open(serverMigrations), options);
    const told = toldWorld(server.db, server.runs);
    const get = async <Answer>(path: string): Promise<Answer> => {
      const answer = await server.ask(path, { as: "reader" });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${answer.status} ${text}`);
      return JSON.parse(text) as Answer;
    };
    return { ...server, told, get };
  };
  const search = (text: string, more = ""): string => `/search?q=${encodeURIComponent(text)}${more}`;

  it("tells the life of an image: who did what to it, when, and where it is", async () => {
    const { told, get } = await world();
    await tellWholeStory(told);
    const life = await get<Record<string, unknown>>(`/images/life?digest=${one}`);
    expect(life).toMatchObject({
      ...{ format: "waybill-trace/1", image: staging, digest: one },
      stations: [
        { name: "commit", state: "done", commit: source, repo: "https://github.com/kubernetes/k8s.io" },
        {
          name: "build",
          state: "done",
          at: "2026-11-29T10:01:00.000Z",
          run: { id: "1", job: "push-snoopdb" },
        },
        { name: "staging", state: "done", text: "v1.0.0, latest" },
        { name: "pull-request", state: "done", url: pull, who: [`cecile approved ${merged.slice(0, 12)}`] },
        { name: "promotion", state: "done", run: { id: "6", job: "promote" }, commit: merged },
        { name: "mirrors", state: "done", text: "2 of 2", at: "2026-11-29T10:06:00.000Z" },
      ],
      mirrors: [
        { repository: mirrors[1], state: "promoted", arrivedAt: "2026-11-29T10:06:00.000Z", run: "6" },
        { repository: mirrors[0], state: "promoted", arrivedAt: "2026-11-29T10:04:00.000Z", run: "4" },
      ],
      pulls: [{ number: 7, verdict: "passes", edgesHash: "sha256:abc", proposedBy: "2", reviewedBy: "3" }],
      askedBy: [{ place: "images/k8s-staging-apisnoop/images.yaml:4:5", commit: merged }],
    });
    // By a repository that it was promoted to as well.
    expect(await get(`/images/life?digest=${one}&image=${mirrors[0]}`)).toEqual(life);
  });

  it("says how production was found to be since, of what no run has told as well", async () => {
    const { told, get } = await world();
    await tellWholeStory(told);
    const asked = {
      ...lookAt({ alpha: { app: { a1: ["v1"] } } }, { run: "77" }),
      troubles: [trouble(0, "alpha/app", "a1", "v1", "missing")],
    };
    await recordLook(told.db, asked);
    const life = await get<ImageLife>(`/images/life?digest=${digestFor("a1")}`);
    expect(life).toMatchObject({
      image: "staging.example/alpha/app",
      askedBy: [{ tags: ["v1"], repo: place.repo }],
    });
    expect(life.mirrors.map(({ repository, state }) => [repository, state])).toEqual([
      ["asia.example/prod/alpha/app", "there"],
      ["eu.example/prod/alpha/app", "missing"],
      ["us.example/prod/alpha/app", "there"],
    ]);
    expect(life.stations.map(({ state }) => state)).toEqual([
      ...["unknown", "unknown", "unknown", "unknown", "done", "failed"],
    ]);
  });

  it("finds by whatever somebody has of it, what is meant exactly first", async () => {
    const { told, get, db } = await world();
    await tellWholeStory(told);
    const first = async (text: string): Promise<HitDocument | undefined> =>
      (await get<{ items: HitDocument[] }>(search(text))).items[0];
    expect(await first("snoopdb")).toMatchObject({ type: "image", image: staging, isExact: true });
    expect(await first("push-snoopdb")).toMatchObject({ type: "job", job: "push-snoopdb", isExact: true });
    expect(await first("v1.0.0")).toMatchObject({ type: "tag", image: staging, digest: one });
    expect(await first(`${mirrors[1]}:v1.0.0`)).toMatchObject({ type: "tag", digest: one, isExact: true });
    expect(await first(one)).toMatchObject({ type: "digest", isExact: true });
    expect(await first("11111111")).toMatchObject({ type: "digest", isExact: false });
    expect(await first(merged)).toMatchObject({ type: "commit", isExact: true });
    const built = (await get<{ items: HitDocument[] }>(search(source))).items.map(({ type }) => type);
    expect(built).toEqual(["commit", "digest"]);
    expect(await first("#7")).toMatchObject({ type: "pull", url: pull });
    expect(await first("nothing of that name")).toBeUndefined();
    const asked = await ask(db, { job: "nightly" });
    expect(await first(asked.id)).toMatchObject({ type: "run", run: asked.id, isExact: true });
    const only = await get<{ items: HitDocument[] }>(search("snoopdb", "&type=job"));
    expect(only.items.map(({ type }) => type)).toEqual(["job"]);
  });

  it("lists what has happened, by pages, and of one image, pull request, commit or run", async () => {
    const { told, get } = await world();
    await tellWholeStory(told);
    type Page = { items: { kind: string; run: string; text: string }[]; next?: string };
    const kinds = async (query: string): Promise<string[]> =>
      (await get<Page>(`/images/events?${query}`)).items.map(({ kind, run }) => `${kind} ${run}`);
    const all = ["promoted 6", "promoted 4", "stopped 4", "reviewed 3", "proposed 2", "built 1"];
    expect(await kinds("")).toEqual(all);
    const paged: string[] = [];
    for (let after: string | undefined, looks = 0; looks < 10; looks += 1) {
      const page = await get<Page>(`/images/events?limit=1${after === undefined ? "" : `&after=${after}`}`);
      paged.push(...page.items.map(({ kind, run }) => `${kind} ${run}`));
      after = page.next;
      if (after === undefined) break;
    }
    expect(paged).toEqual(all);
    expect(await kinds(`image=${mirrors[0]}`)).toEqual(all);
    expect(await kinds(`pull=${encodeURIComponent(pull)}`)).toEqual(["reviewed 3", "proposed 2"]);
    expect(await kinds(`commit=${source}`)).toEqual(["proposed 2", "built 1"]);
    expect(await kinds("run=4")).toEqual(["promoted 4", "stopped 4"]);
  });

  it("gives pages of one type, and CSV", async () => {
    const { told, get, ask } = await world();
    await told.end({ id: "1", kind: "build", files: { "images.json": built(one, ["v1", "v2", "v3"]) } });
    await tellEndedRuns(told.db, told.runs);
    const page = await get<{ items: HitDocument[]; next: string }>(search("v", "&type=tag&limit=2"));
    expect(page.items.map(({ tag }) => tag)).toEqual(["v1", "v2"]);
    const rest = await get<{ items: HitDocument[] }>(
      search("v", `&type=tag&limit=2&after=${encodeURIComponent(page.next)}`),
    );
    expect(rest.items.map(({ tag }) => tag)).toEqual(["v3"]);
    const tags = await get<{ items: { tag: string }[]; next: string }>(
      `/images/tags?image=${staging}&limit=1`,
    );
    expect(tags.items).toMatchObject([{ tag: "v3" }]);
    const more = await get<{ items: { tag: string }[] }>(`/images/tags?image=${staging}&after=${tags.next}`);
    expect(more.items.map(({ tag }) => tag)).toEqual(["v2", "v1"]);
    const csv = await (await ask("/images?format=csv", { as: "reader" })).text();
    expect(csv.split("\r\n")[1]).toContain(staging);
  });

  it("refuses who may not read, and says what is not known", async () => {
    const { told, ask } = await world();
    await tellWholeStory(told);
    for (const path of [
      search("v1"),
      "/images",
      `/images/life?digest=${one}`,
      `/images/contents?digest=${one}`,
    ]) {
      expect((await ask(path)).status).toBe(401);
    }
    const unknown = await ask(`/images/life?digest=sha256:${"9".repeat(64)}`, { as: "reader" });
    expect([unknown.status, await unknown.json()]).toMatchObject([404, { code: "unknown-image" }]);
    expect((await ask("/images/life?digest=v1", { as: "reader" })).status).toBe(400);
    expect((await ask(search("%00\u0000"), { as: "reader" })).status).toBe(400);
    for (const text of ["'; --", "%", "\\", "\u202e", "a".repeat(500), "💥", "..", "@", ":", "&|!"]) {
      expect([text, (await ask(search(text), { as: "reader" })).status]).toEqual([text, 200]);
    }
  });

  it("asks registries what an image is made of, once, and says what could not be read", async () => {
    const folder = await temporaryFolder("images");
    onTestFinished(folder.remove);
    const registry = await startRegistryServer({ dir: join(folder.path, "registry") });
    const registries = registriesWith();
    let asked = 0;
    let isAway = false;
    const { told, get } = await world({
      parts: {
        withRegistries: async (read) => {
          asked += 1;
          return read((name) => {
            if (isAway) throw new Error("the registry is away");
            return registries.repository(name);
          });
        },
      },
    });
    onTestFinished(async () => {
      await registries.close();
      await registry.close();
    });
    const repository = registries.repository(parseRepository(`${registry.address}/staging/hello`));
    const put = async (version: string): Promise<string> => {
      const image = await buildImage("hello", version);
      await pushImage(image, repository, [parseTag(version)]);
      return image.root.descriptor.digest;
    };
    const [first, second] = [await put("v1"), await put("v2.0.0")];
    const image = repository.name;
    const builtOf = (digest: string, tag: string) => {
      const record = built(digest, [tag]);
      return { ...record, images: record.images.map((each) => ({ ...each, repository: image })) };
    };
    await told.end({ id: "1", kind: "build", files: { "images.json": builtOf(first, "v1") } });
    await told.end({ id: "2", kind: "build", files: { "images.json": builtOf(second, "v2") } });
    await tellEndedRuns(told.db, told.runs);

    const document = await get<ImageContentsDocument>(`/images/contents?digest=${second}`);
    expect(document).toMatchObject({
      ...{ image, from: image, referrers: [], unread: [] },
      contents: { platforms: ["linux/amd64", "linux/arm64"] },
      before: { digest: first, tag: "v1" },
    });
    expect(document.contents?.layers.map(({ isShared }) => isShared)).toEqual([true, false, false]);
    const sizes = await get<{ items: ImageSizeDocument[] }>(`/images/sizes?image=${image}`);
    expect(sizes.items.map(({ tag }) => tag)).toEqual(["v1", "v2"]);
    for (const { bytes } of sizes.items) expect(bytes).toBeGreaterThan(100);
    const before = asked;
    await get(`/images/sizes?image=${image}`);
    await get(`/images/contents?digest=${second}`);
    expect(asked).toBe(before);

    // What it is made of is known by now; what hangs on it is not.
    await told.end({ id: "3", kind: "build", files: { "images.json": builtOf(one, "v3") } });
    await tellEndedRuns(told.db, told.runs);
    isAway = true;
    const away = await get<ImageContentsDocument>(`/images/contents?digest=${one}&image=${image}`);
    expect(away).toMatchObject({
      before: { digest: second },
      unread: [{ what: image, why: "the registry is away" }],
    });
    expect([away.contents, away.referrers]).toEqual([undefined, undefined]);
  });

  it("asks no registry that a pull request alone names", async () => {
    const { told, get } = await world();
    await told.end({
      id: "3",
      kind: "review",
      pull: 7,
      files: { "report.json": review, "pull.json": reviewed },
    });
    await tellEndedRuns(told.db, told.runs);
    const document = await get<ImageContentsDocument>(`/images/contents?digest=${one}`);
    expect(document.contents).toBeUndefined();
    expect(document.unread).toMatchObject([{ what: staging }]);
  });
});
