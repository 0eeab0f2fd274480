import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { buildImage, pushImage } from "../../src/demo/image.ts";
import { writeImages } from "../../src/manifest/index.ts";
import { parseRepository, parseTag } from "../../src/oci/index.ts";
import type { Registries } from "../../src/registry/index.ts";
import { startRegistryServer } from "../../src/registry-server/index.ts";
import {
  contentsOfManifests,
  type RegistryContents,
  repositoriesOfManifests,
  type SnapshotOptions,
  takeSnapshot,
} from "../../src/snapshot/index.ts";
import { manifestOf } from "../promotion/world.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { startFaultyRegistry } from "../support/faulty-registry.ts";
import { testWith } from "../support/programs.ts";
import { answer, startScriptedServer } from "../support/scripted-server.ts";
import { temporaryFolder } from "../support/tree.ts";
import { registriesWith } from "../support/world.ts";

const cleanups: (() => Promise<void>)[] = [];
let folder: string;
beforeEach(async () => {
  const temporary = await temporaryFolder("snapshot");
  folder = temporary.path;
  cleanups.push(temporary.remove);
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Settings = NonNullable<Parameters<typeof registriesWith>[0]>;

function registriesFor(settings: Settings = {}): Registries {
  const registries = registriesWith(settings);
  cleanups.push(() => registries.close());
  return registries;
}

const kinds: [string, typeof test, () => Promise<string>][] = [
  [
    "docker-registry",
    testWith("docker-registry") as typeof test,
    async () => {
      const registry = await startDockerRegistry();
      cleanups.push(registry.stop);
      return registry.host;
    },
  ],
  ["the embedded registry", test, () => embedded("plain")],
  ["the embedded registry with Google's listing", test, () => embedded("extended")],
  ["folders", test, async () => `oci:${folder}/layouts`],
];

async function embedded(listing: "plain" | "extended"): Promise<string> {
  const server = await startRegistryServer({ dir: `${folder}/data`, listing });
  cleanups.push(() => server.close());
  return server.address;
}

/** Digests of what is put into `prod.example.com/team`, and beside it where the prefix is a mere prefix of the name. */
async function fill(registries: Registries) {
  const put = async (name: string, version: string, ...tags: string[]) => {
    const image = await buildImage(name.replaceAll("/", "-"), version);
    const repository = registries.repository(parseRepository(`prod.example.com/${name}`));
    await pushImage(image, repository, tags.map(parseTag));
    return image;
  };
  return {
    one: await put("team/app", "1", "v1", "latest"),
    two: await put("team/app", "2", "v2"),
    deep: await put("team/deep/er", "1", "v1"),
    beside: await put("teammate/app", "1", "v1"),
  };
}

const shot = (registries: Registries, prefix: string, more: Partial<SnapshotOptions> = {}) =>
  takeSnapshot({ prefix, open: registries.repository, catalog: registries.catalog, ...more });

const plain = (contents: RegistryContents) =>
  Object.fromEntries([...contents].map(([name, digests]) => [name, Object.fromEntries(digests)]));

describe.each(kinds)("a snapshot of %s", (kind, run, start) => {
  const listsAll = kind !== "docker-registry" && kind !== "the embedded registry";

  run("that a location puts elsewhere holds what is below the prefix, by whole components", async () => {
    const at = await start();
    const registries = registriesFor({
      locations: [{ repository: "prod.example.com", at: `${at}${at.startsWith("oci:") ? "" : "/mirror"}` }],
    });
    const { one, two, deep } = await fill(registries);
    const snapshot = await shot(registries, "prod.example.com/team/", { minimal: true });
    expect(plain(snapshot.contents)).toEqual({
      app: { [one.root.descriptor.digest]: ["latest", "v1"], [two.root.descriptor.digest]: ["v2"] },
      "deep/er": { [deep.root.descriptor.digest]: ["v1"] },
    });
    expect([...snapshot.contents.keys()]).toEqual(["app", "deep/er"]);
    expect(snapshot).toMatchObject({ unread: [], taggedOnly: listsAll ? 0 : 2 });
    const text = writeImages(snapshot.contents, "csv");
    expect(text).toContain(`deep/er@${deep.root.descriptor.digest},deep/er:v1\n`);

    const everything = await shot(registries, "prod.example.com/team");
    const digests = everything.contents.get("app")?.size ?? 0;
    expect(digests).toBe(listsAll ? 2 + one.children.length + two.children.length : 2);
  });

  run("by a tag keeps the digests that have it, with all their tags", async () => {
    const registries = registriesFor({ locations: [{ repository: "prod.example.com", at: await start() }] });
    const { one, deep } = await fill(registries);
    const { contents } = await shot(registries, "prod.example.com/team", { tag: "v1" });
    expect(plain(contents)).toEqual({
      app: { [one.root.descriptor.digest]: ["latest", "v1"] },
      "deep/er": { [deep.root.descriptor.digest]: ["v1"] },
    });
    expect((await shot(registries, "prod.example.com/team", { tag: "nonesuch" })).contents.size).toBe(0);
  });

  run("of one repository names it by its last component", async () => {
    const registries = registriesFor({ locations: [{ repository: "prod.example.com", at: await start() }] });
    const { deep } = await fill(registries);
    const { contents } = await shot(registries, "prod.example.com/team/deep/er", { minimal: true });
    expect(plain(contents)).toEqual({ er: { [deep.root.descriptor.digest]: ["v1"] } });
  });
});

describe("a snapshot", () => {
  test("of a whole host, without any path", async () => {
    const registries = registriesFor({
      locations: [{ repository: "prod.example.com", at: await embedded("plain") }],
    });
    await fill(registries);
    const { contents } = await shot(registries, "prod.example.com");
    expect([...contents.keys()]).toEqual(["team/app", "team/deep/er", "teammate/app"]);
  });

  test("of a path at which there is nothing is refused, unless manifests name what is to come", async () => {
    const registries = registriesFor({
      locations: [{ repository: "prod.example.com", at: await embedded("plain") }],
    });
    await fill(registries);
    await expect(shot(registries, "prod.example.com/nothing")).rejects.toMatchObject({
      code: "no-repository",
      where: "prod.example.com/nothing",
      hint: "look for a typing error; what there is shows: waybill registry snapshot prod.example.com",
    });
    const repositories = [parseRepository("prod.example.com/nothing/app")];
    const { contents } = await shot(registries, "prod.example.com/nothing", { repositories });
    expect([...contents]).toEqual([]);
  });

  test("leaves out what another location has taken from the prefix", async () => {
    const locations = [
      { repository: "prod.example.com", at: await embedded("plain") },
      { repository: "prod.example.com/team/deep", at: `oci:${folder}/layouts` },
    ];
    await fill(registriesFor({ locations: locations.slice(0, 1) }));
    const { contents } = await shot(registriesFor({ locations }), "prod.example.com/team");
    expect([...contents.keys()]).toEqual(["app"]);
  });

  test("drops children in their own repository only", async () => {
    const registries = registriesFor({
      locations: [{ repository: "prod.example.com", at: await embedded("extended") }],
    });
    const { one } = await fill(registries);
    const elsewhere = registries.repository(parseRepository("prod.example.com/team/loose"));
    await pushImage(one, elsewhere, []);
    const { contents } = await shot(registries, "prod.example.com/team", { minimal: true });
    const loose = Object.keys(plain(contents).loose ?? {});
    expect(loose.sort()).toEqual(one.children.map(({ descriptor }) => descriptor.digest).sort());
  });

  test("keeps the children of an index that it cannot read, and says so", async () => {
    const behind = await embedded("extended");
    const { one } = await fill(
      registriesFor({ locations: [{ repository: "prod.example.com", at: behind }] }),
    );
    const server = await startFaultyRegistry(behind);
    cleanups.push(server.close);
    const { digest } = one.root.descriptor;
    server.interfere((_, url) => (url.pathname.endsWith(digest) ? (to) => answer(to, 500) : undefined));
    const registries = registriesFor({ hosts: { [server.host]: { retries: 0 } } });
    const { contents, unread } = await shot(registries, `${server.host}/team`, { minimal: true });
    expect(contents.get("app")?.size).toBe(2 + one.children.length);
    expect(unread).toMatchObject([{ repository: `${server.host}/team/app@${digest}` }]);
  });

  test("names what could not be read, and goes on", async () => {
    const behind = await embedded("plain");
    const server = await startFaultyRegistry(behind);
    cleanups.push(server.close);
    server.interfere((_, url) =>
      url.pathname.includes("/deep/er/") ? (response) => answer(response, 500) : undefined,
    );
    const registries = registriesFor({
      hosts: { [server.host]: { retries: 0 } },
      locations: [{ repository: "prod.example.com", at: server.host }],
    });
    await fill(registriesFor({ locations: [{ repository: "prod.example.com", at: behind }] }));
    const { contents, unread } = await shot(registries, "prod.example.com/team");
    expect([...contents.keys()]).toEqual(["app"]);
    expect(unread).toMatchObject([{ repository: "prod.example.com/team/deep/er" }]);
  });

  test("goes to the catalog where the prefix itself may not be listed", async () => {
    const behind = await embedded("plain");
    const server = await startFaultyRegistry(behind);
    cleanups.push(server.close);
    server.interfere((_, url) =>
      url.pathname === "/v2/team/tags/list" ? (response) => answer(response, 403) : undefined,
    );
    await fill(registriesFor({ locations: [{ repository: "prod.example.com", at: behind }] }));
    const { contents } = await shot(registriesFor(), `${server.host}/team`);
    expect([...contents.keys()]).toEqual(["app", "deep/er"]);
  });

  test("of a registry without a catalog needs the names from elsewhere", async () => {
    const server = await startScriptedServer((_, response) => answer(response, 404));
    cleanups.push(server.close);
    await expect(shot(registriesFor(), `${server.host}/team`)).rejects.toMatchObject({
      code: "no-repositories",
      hint: expect.stringContaining("--manifests"),
    });
  });

  test("of a registry that cannot be reached says that, not that it has no catalog", async () => {
    const server = await startScriptedServer((_, response) => response.destroy());
    cleanups.push(server.close);
    const registries = registriesFor({ hosts: { [server.host]: { retries: 0 } } });
    for (const prefix of [server.host, `${server.host}/team`]) {
      await expect(shot(registries, prefix)).rejects.toMatchObject({ code: "unreachable" });
    }
  });

  test("of the repositories that manifests name looks at those", async () => {
    const registries = registriesFor({
      locations: [{ repository: "prod.example.com", at: await embedded("plain") }],
    });
    const { one } = await fill(registries);
    const manifests = [
      manifestOf("p", "stage.example.com", ["prod.example.com/team"], { app: {}, gone: {} }),
    ];
    const repositories = repositoriesOfManifests(manifests, "prod.example.com");
    const { contents, unread } = await shot(registries, "prod.example.com", { repositories, tag: "v1" });
    expect(plain(contents)).toEqual({ "team/app": { [one.root.descriptor.digest]: ["latest", "v1"] } });
    expect(unread).toEqual([]);
  });
});

describe("what manifests ask for, as a snapshot", () => {
  const manifests = [
    manifestOf("one", "stage.example.com/a", ["prod.example.com/team", "prod.example.com/teammate"], {
      app: { "000": ["v2", "v1"], "111": [] },
    }),
    manifestOf("two", "stage.example.com/b", ["prod.example.com/team"], { app: { "000": ["v1", "v3"] } }),
  ];

  test("counts destinations by whole components, and adds up the tags of a digest", () => {
    const contents = contentsOfManifests(manifests, "prod.example.com/team/");
    expect([...contents.keys()]).toEqual(["app"]);
    const tags = [...(contents.get("app")?.values() ?? [])];
    expect(tags).toContainEqual(["v1", "v2", "v3"]);
    expect(tags).toContainEqual([]);
    expect([...contentsOfManifests(manifests, "prod.example.com").keys()]).toEqual([
      "team/app",
      "teammate/app",
    ]);
    expect(contentsOfManifests(manifests, "prod.example").size).toBe(0);
  });

  test("names sources and destinations below a registry, once each", () => {
    expect(repositoriesOfManifests(manifests, "prod.example.com/team")).toEqual([
      "prod.example.com/team/app",
    ]);
    expect(repositoriesOfManifests(manifests, "stage.example.com")).toEqual([
      "stage.example.com/a/app",
      "stage.example.com/b/app",
    ]);
  });
});
