import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { buildImage, type DemoImage, pushImage } from "../../src/demo/image.ts";
import { edgesOf } from "../../src/edges/index.ts";
import { inspectImage } from "../../src/inspect/index.ts";
import { readManifestTree } from "../../src/manifest/index.ts";
import { planMerge } from "../../src/merge/index.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import { causesOf, expectationOf, lookForArrivals, plannedImages } from "../../src/promotion/index.ts";
import { takeSnapshot } from "../../src/snapshot/index.ts";
import type { Fault } from "../support/faulty-registry.ts";
import { answer } from "../support/scripted-server.ts";
import type { Project } from "../support/tree.ts";
import { openWorld, type PromotionWorld } from "../support/world.ts";

let world: PromotionWorld;
let wanted: DemoImage;
let standing: DemoImage;

/** Production holds `foo/app:v1` at another image than is wanted there. */
beforeEach(async () => {
  world = await openWorld();
  wanted = await world.stage("foo/app", "v1");
  standing = await buildImage("older", "v1");
  await pushImage(standing, production(), [parseTag("v1")]);
});
afterEach(() => world.close());

const production = () => world.registries.repository(parseRepository(`${world.production.host}/foo/app`));
const project = (...tags: string[]): Project => ({
  name: "foo",
  source: `${world.staging.host}/foo`,
  destinations: [`${world.production.host}/foo`],
  images: { app: { [wanted.root.descriptor.digest]: tags } },
});

const isManifest = ({ pathname }: URL) => pathname.includes("/manifests/");
const isList = ({ pathname }: URL) => pathname.endsWith("/tags/list");
const page = (response: Parameters<typeof answer>[0]) =>
  answer(response, 404, { "content-type": "text/html" }, "<html>404 Not Found</html>");

/** Nexus and some proxies: every `HEAD` of a manifest is 404. */
const headIsMissing: Fault = ({ method }, url) =>
  method === "HEAD" && isManifest(url) ? (response) => answer(response, 404) : undefined;
/** A load balancer that does not know the paths of manifests. */
const pageForManifests: Fault = ({ method }, url) => (method !== "PUT" && isManifest(url) ? page : undefined);
/** A load balancer without anything behind it. */
const pageForAll: Fault = () => page;
/** Everything is said to be missing, but the list still names it. */
const onlyListed: Fault = ({ method }, url) =>
  method !== "PUT" && isManifest(url) ? (response) => answer(response, 404) : undefined;

/** What each verb finds of the one tag that is asked for. */
async function words() {
  const { plan, report } = await world.promote([project("v1")]);
  const tree = await readManifestTree(`${world.folder}/tree`);
  const open = world.registries.repository;
  const { absent } = await lookForArrivals(expectationOf(edgesOf(tree.manifests)), open);
  const { findings } = await world.verify();
  const [image] = plannedImages(plan).flatMap(({ images }) => images);
  return {
    plan: image?.edges[0]?.verdict ?? "present",
    asDesired: report.asDesired,
    wait: absent[0]?.state,
    verify: findings.find(({ tag }) => tag !== null)?.kind,
  };
}

async function merged() {
  await world.promote([project()], { confirm: false });
  return planMerge({
    tree: await readManifestTree(`${world.folder}/tree`),
    staging: `${world.staging.host}/foo`,
    filters: { images: ["app"], tags: ["v1"] },
    open: world.registries.repository,
  }).then(
    () => "merged",
    (error: { code?: string }) => error.code,
  );
}

const snapshot = () =>
  takeSnapshot({
    prefix: `${world.production.host}/foo`,
    repositories: [production().name],
    open: world.registries.repository,
    catalog: world.registries.catalog,
  });

async function stays(): Promise<void> {
  world.production.interfere();
  expect((await production().fetch(parseTag("v1")))?.descriptor.digest).toBe(standing.root.descriptor.digest);
}

describe("a tag that stands elsewhere", () => {
  test("is a conflict in every verb where HEAD says that it is not there", async () => {
    world.production.interfere(headIsMissing);
    expect(await words()).toEqual({
      plan: "conflict",
      asDesired: false,
      wait: "conflict",
      verify: "tag-elsewhere",
    });
    expect(await merged()).toBe("refused");
    expect((await snapshot()).contents.get("app")?.get(standing.root.descriptor.digest)).toEqual(["v1"]);
    expect(await inspectImage(production(), parseTag("v1"))).toMatchObject({
      Digest: standing.root.descriptor.digest,
    });
    await stays();
  });

  test.each([
    ["a web page answers for manifests", pageForManifests],
    ["a web page answers for everything", pageForAll],
    ["nothing but its list names it", onlyListed],
  ])("is unread in every verb where %s", async (_, fault) => {
    world.production.interfere(fault);
    expect(await words()).toEqual({ plan: "unread", asDesired: false, wait: "unread", verify: "unread" });
    if (fault !== onlyListed) expect(await merged()).toBe("production-unread");
    const { unread, contents } = await snapshot();
    expect(unread).toHaveLength(1);
    expect(contents.size).toBe(0);
    await stays();
  });

  test("at something else than an image is a conflict that says what it is", async () => {
    const type = "application/vnd.docker.distribution.manifest.v1+json";
    world.production.interfere(({ method, headers }, url) => {
      if (method === "PUT" || !url.pathname.endsWith("/manifests/v1")) return undefined;
      const { digest } = standing.root.descriptor;
      const isAccepted = headers.accept?.includes(type) === true;
      return (response) =>
        isAccepted
          ? answer(response, 200, { "content-type": type, "docker-content-digest": digest }, "{}")
          : answer(response, 404);
    });
    expect(await words()).toMatchObject({ plan: "conflict", wait: "conflict", verify: "tag-elsewhere" });
    const { report } = await world.promote([project("v1")]);
    expect(report.problems).toMatchObject([{ state: "conflict", currentType: type }]);
    expect(JSON.stringify(causesOf(report.problems))).toContain(`which is no image (${type})`);
    await stays();
  });

  test("and shows itself only after planning is not moved", async () => {
    const { digest } = standing.root.descriptor;
    await production().delete(digest);
    let isThere = false;
    world.production.interfere((request, url) => {
      if (request.method === "POST") isThere = true;
      if (!isThere || request.method !== "GET" || !url.pathname.endsWith("/manifests/v1")) {
        return headIsMissing(request, url);
      }
      const headers = {
        "content-type": standing.root.descriptor.mediaType,
        "docker-content-digest": digest,
      };
      return (response) => answer(response, 200, headers, standing.root.bytes);
    });
    const { plan, report } = await world.promote([project("v1")]);
    expect(plan.summary.copy).toBe(1);
    expect(report.asDesired).toBe(false);
    const puts = world.production.seen.filter(({ method, url }) => method === "PUT" && url.endsWith("/v1"));
    expect(puts).toHaveLength(1);
  });
});

describe("a tag that is free", () => {
  test("is promoted where HEAD says of everything that it is not there", async () => {
    world.production.interfere(headIsMissing);
    const { report } = await world.promote([project("v2")]);
    expect(report.asDesired).toBe(true);
    expect(await world.promote([project("v2")])).toMatchObject({
      plan: { summary: { present: 1, copy: 0 } },
    });
  });

  test("is promoted where what is absent is refused", async () => {
    world.production.interfere(({ method, headers }, url) => {
      const isHeld = /\/(?:v1|sha256:[0-9a-f]{64})$/.test(url.pathname);
      const isRead = method === "GET" || method === "HEAD";
      if (!isManifest(url) || !isRead || (isHeld && headers.range === undefined)) return undefined;
      return (response) => answer(response, 403, {}, '{"errors":[{"code":"DENIED"}]}');
    });
    const { plan, report } = await world.promote([project("v2", "v3")]);
    expect(plan.summary).toMatchObject({ copy: 2, unread: 0 });
    expect(report.asDesired).toBe(true);
  });

  test("is unread where what is absent is refused and the list is cut off", async () => {
    world.production.interfere(({ method }, url) => {
      if (isManifest(url) && method !== "PUT") return (response) => answer(response, 403);
      if (!isList(url)) return undefined;
      const tags = Array.from({ length: 1000 }, (_, at) => `a${at}`);
      return (response) => answer(response, 200, {}, JSON.stringify({ tags }));
    });
    const { plan } = await world.promote([project("v2")]);
    expect(plan.summary).toMatchObject({ copy: 0, unread: 1 });
  });
});

test("a list that is cut off answers for no tag: each is asked for", async () => {
  const tags = Array.from({ length: 1000 }, (_, at) => `a${at}`);
  world.production.interfere((_, url) =>
    isList(url) ? (response) => answer(response, 200, {}, JSON.stringify({ tags })) : undefined,
  );
  const { plan } = await world.promote([project("v2", "v1")], { confirm: false });
  const edges = plannedImages(plan).flatMap(({ images }) => images.flatMap((image) => image.edges));
  expect(Object.fromEntries(edges.map(({ tag, verdict }) => [tag, verdict]))).toEqual({
    v1: "conflict",
    v2: "copy",
  });
  expect((await snapshot()).unread).toHaveLength(1);
});

test("promoting asks for no more than one thing more for each tag that is written", async () => {
  await world.promote([project("v2", "v3")]);
  const from = world.production.seen.length;
  const another = project("v4", "v5", "v6");
  expect((await world.promote([another])).report.asDesired).toBe(true);
  const reads = world.production.seen
    .slice(from)
    .filter(({ method, url }) => method !== "PUT" && /\/(?:manifests|tags)\//.test(url))
    .map(({ method, url }) => `${method} ${url.replace(/^.*\/foo\/app\//, "")}`);
  const { digest } = wanted.root.descriptor;
  expect(reads.filter((line) => !line.includes(digest)).sort()).toEqual([
    "GET manifests/v4",
    "GET manifests/v5",
    "GET manifests/v6",
    "GET tags/list?n=1000",
    // The list is longer than the one that was seen to end.
    "GET tags/list?n=1000&last=v3",
    "HEAD manifests/v4",
  ]);
});
