import { afterEach, describe, expect, test } from "vitest";
import { createDocumentCache } from "../../src/copy/index.ts";
import { edgesOf } from "../../src/edges/index.ts";
import { parseRepository } from "../../src/oci/index.ts";
import {
  formatPlan,
  type Plan,
  plannedImages,
  planPromotion,
  readPlan,
  reportPromotion,
} from "../../src/promotion/index.ts";
import { answer, type Script, type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts";
import { registriesWith } from "../support/world.ts";
import { digestFor, type Images, manifestOf } from "./world.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function start(script: Script): Promise<ScriptedServer> {
  const server = await startScriptedServer(script);
  closing.push(server.close);
  return server;
}

/** A registry that holds these images by name below any path, and lists them with their manifests or without. */
const registryOf =
  (images: Images, listsManifests: boolean): Script =>
  ({ method }, response, url) => {
    const [, name = "", reference = ""] = /\/([^/]+)\/(?:tags|manifests)\/([^/]+)$/.exec(url.pathname) ?? [];
    const held = Object.entries(images[name] ?? {}).map(([nickname, tags]) => ({
      nickname,
      digest: digestFor(nickname),
      tags,
    }));
    if (url.pathname.endsWith("/tags/list")) {
      const tags = held.flatMap((image) => image.tags);
      const manifest = Object.fromEntries(held.map((image) => [image.digest, { tag: image.tags }]));
      const listing = listsManifests ? { tags, manifest } : { tags };
      return answer(response, 200, { "content-type": "application/json" }, JSON.stringify(listing));
    }
    const found = held.find(({ digest, tags }) => digest === reference || tags.includes(reference));
    if (found === undefined) return answer(response, 404);
    const headers = {
      "docker-content-digest": found.digest,
      "content-type": "application/vnd.oci.image.manifest.v1+json",
    };
    // What a digest stands for here is the nickname that was hashed.
    return answer(response, 200, headers, method === "HEAD" ? "" : found.nickname);
  };

const images: Images = { app: { one: ["v1", "latest"], two: ["v2"], three: [] }, web: { four: ["v1"] } };

const noHost = "127.0.0.1:1";

async function plan(
  servers: readonly ScriptedServer[],
  wanted: Images,
  mirrors: readonly string[],
  listsManifests = false,
): Promise<Plan> {
  const registries = registriesWith({
    hosts: Object.fromEntries(
      [...servers.map(({ host }) => host), noHost].map((host) => [host, { retries: 0 }]),
    ),
  });
  closing.unshift(registries.close);
  if (listsManifests) {
    for (const { host } of servers) await registries.repository(parseRepository(`${host}/known`)).list();
  }
  const places = servers.flatMap(({ host }) => mirrors.map((name) => `${host}/${name}`));
  return planPromotion({
    edges: edgesOf([manifestOf("p", `${noHost}/staging`, places, wanted)]),
    open: registries.repository,
    documents: createDocumentCache(),
  });
}

const requests = ({ seen }: ScriptedServer): string[] =>
  seen
    .map(({ method, url }) => `${method} ${url.replace("/v2/", "")}`)
    .filter((line) => !line.includes("known"));

describe("a plan in which nothing is to be done", () => {
  test("takes one listing a repository where manifests are listed, and nothing else", async () => {
    const servers = [await start(registryOf(images, true)), await start(registryOf(images, true))];
    const { summary } = await plan(servers, { ...images, none: {} }, ["eu", "us"], true);
    expect(summary).toMatchObject({ present: 20, copy: 0, tag: 0, unread: 0 });
    for (const server of servers) {
      expect(requests(server).sort()).toEqual(
        ["eu/app", "eu/web", "us/app", "us/web"].map((name) => `GET ${name}/tags/list?n=10000`),
      );
    }
  });

  test("takes one request for each tag of each repository elsewhere, and for each digest without any", async () => {
    const server = await start(registryOf(images, false));
    const { summary } = await plan([server], images, ["eu", "us"]);
    expect(summary).toMatchObject({ present: 10, copy: 0, tag: 0, unread: 0 });
    const names = ["app/manifests/latest", "app/manifests/v1", "app/manifests/v2", "web/manifests/v1"];
    expect(requests(server).sort()).toEqual(
      ["eu", "us"]
        .flatMap((mirror) => [
          ...names.map((name) => `HEAD ${mirror}/${name}`),
          `GET ${mirror}/app/manifests/${digestFor("three")}`,
        ])
        .sort(),
    );
  });

  test.each([true, false])(
    "finds out by one listing whether a host lists manifests that many tags are wanted of (it does: %s)",
    async (listsManifests) => {
      const tags = Array.from({ length: 300 }, (_, at) => `v${at}`);
      const many: Images = Object.fromEntries(["a", "b", "c", "d"].map((name) => [name, { [name]: tags }]));
      const server = await start(registryOf(many, listsManifests));
      const { summary } = await plan([server], many, ["eu"]);
      expect(summary).toMatchObject({ present: 1200, copy: 0, tag: 0, unread: 0 });
      const methods = requests(server).map((line) => line.slice(0, line.indexOf(" ")));
      expect(methods.filter((method) => method === "GET")).toHaveLength(listsManifests ? 4 : 2);
      expect(methods.filter((method) => method === "HEAD")).toHaveLength(listsManifests ? 0 : 1200);
    },
  );

  test("lists nothing, and has no items", async () => {
    const server = await start(registryOf(images, true));
    const { sections } = await plan([server], images, ["eu", "us"], true);
    expect(sections).toEqual([{ kind: "images", present: 10, items: [] }]);
  });
});

test("a plan lists what is not as asked, and mirrors that lack the same as one", async () => {
  const server = await start(registryOf({ app: { one: ["v1"] }, web: {} }, false));
  const wanted: Images = { app: { one: ["v1", "v2"] }, web: { one: ["v1"] } };
  const made = await plan([server], wanted, ["eu", "us"]);
  expect(made.summary).toMatchObject({ present: 2, tag: 2, unread: 2 });
  expect(made.reasons).toEqual({ "tag-absent": 2, "source-unread": 2 });
  const [app, web, ...others] = made.sections.flatMap(({ items }) => items);
  expect(others).toEqual([]);
  expect(app).toMatchObject({
    destinations: [`${server.host}/eu/app`, `${server.host}/us/app`],
    images: [{ edges: [{ tag: "v2", verdict: "tag" }] }],
  });
  expect(web).toMatchObject({ destinations: [`${server.host}/eu/web`, `${server.host}/us/web`] });
  const [euApp, euWeb, usApp, usWeb] = plannedImages(made);
  expect([euApp, euWeb, usApp, usWeb].map((found) => found?.destination)).toEqual(
    ["eu/app", "eu/web", "us/app", "us/web"].map((name) => `${server.host}/${name}`),
  );
  expect([usApp?.images, usWeb?.images]).toEqual([euApp?.images, euWeb?.images]);
});

test("all hosts are read at the same time, however many repositories one of them has", async () => {
  const many: Images = Object.fromEntries(
    Array.from({ length: 300 }, (_, at) => [`app${at}`, { one: ["v1"] }]),
  );
  const asked: (() => void)[] = [];
  const askings = ["one", "other"].map(() => new Promise<void>((resolve) => asked.push(resolve)));
  /** Each answers only when the other one has been asked. */
  const waiting =
    (own: number): Script =>
    (request, response, url) => {
      asked[own]?.();
      void askings[1 - own]?.then(() => registryOf(many, false)(request, response, url));
    };
  const servers = [await start(waiting(0)), await start(waiting(1))];
  const { summary } = await plan(servers, many, ["eu"]);
  expect(summary).toMatchObject({ present: 600 });
});

test("questions to a host wait in memory a few at a time, however many tags its repositories have", async () => {
  const tags = Array.from({ length: 40 }, (_, at) => `v${at}`);
  const many: Images = Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`app${at}`, { one: tags }]));
  const registries = registriesWith();
  closing.unshift(registries.close);
  const waiting: number[] = [];
  const server = await start((request, response, url) => {
    waiting.push(registries.underWay().reduce((sum, { count }) => sum + count, 0));
    registryOf(many, false)(request, response, url);
  });
  const { summary } = await planPromotion({
    edges: edgesOf([manifestOf("p", `${noHost}/staging`, [`${server.host}/eu`], many)]),
    open: registries.repository,
    documents: createDocumentCache(),
  });
  expect(summary).toMatchObject({ present: 800 });
  expect(server.seen).toHaveLength(800);
  expect(Math.max(...waiting)).toBeLessThanOrEqual(96);
});

describe("a plan for a repository that somebody has to create", () => {
  test("says so before anything is tried, and what creates it", async () => {
    const amazon = await start((_, response) =>
      answer(
        response,
        404,
        { "content-type": "application/json" },
        JSON.stringify({
          errors: [
            {
              code: "NAME_UNKNOWN",
              message:
                "The repository with name 'eu/app' does not exist in the registry with id '123456789012'",
            },
          ],
        }),
      ),
    );
    const made = await plan([amazon], { app: { one: ["v1"] } }, ["eu"]);
    const [repository] = plannedImages(made);
    expect(repository?.missing).toMatchObject({
      code: "repository-missing",
      hint: "create it: aws ecr create-repository --repository-name eu/app --registry-id 123456789012",
    });
    expect((await readPlan(formatPlan(made), "it")).sections).toEqual(made.sections);
    const planned: Plan = {
      ...made,
      sections: made.sections.map((section) => ({
        ...section,
        items: plannedImages(made).map(({ destination, images, ...each }) => ({
          ...each,
          destinations: [destination],
          images: images.map((image) => ({
            ...image,
            edges: image.edges.map(({ failure: _, ...edge }) => ({ ...edge, verdict: "copy" as const })),
          })),
        })),
      })),
    };
    const dry = reportPromotion(planned, []);
    expect(dry).toMatchObject({ asDesired: false, interrupted: false, work: [] });
    expect(dry.causes).toMatchObject([
      { state: "pending", code: "repository-missing", host: amazon.host, count: 1 },
    ]);
  });
});
