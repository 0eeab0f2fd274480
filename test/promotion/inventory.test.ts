import { afterEach, describe, expect, test } from "vitest";
import { Budget } from "../../src/copy/index.ts";
import type { DesiredImage } from "../../src/edges/index.ts";
import { parseRepository, parseTag, type Tag } from "../../src/oci/index.ts";
import { readRepositoryState } from "../../src/promotion/inventory.ts";
import { answer, type Script, type ScriptedServer, startScriptedServer } from "../support/scripted-server.ts";
import { registriesWith } from "../support/world.ts";
import { digestFor } from "./world.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const line = { file: "images.yaml", line: 1, column: 1 };
const wanted = (nickname: string, ...tags: string[]): DesiredImage => ({
  digest: digestFor(nickname),
  sources: [{ repository: parseRepository("s.example/app"), project: "p", at: line, policy: undefined }],
  tags: tags.map((tag) => ({ tag: parseTag(tag), at: line })),
});

const head = (nickname: string) => ({
  "docker-content-digest": digestFor(nickname),
  "content-type": "application/vnd.oci.image.manifest.v1+json",
});

/** A registry by what its repository holds: tag or digest → nickname; `undefined` for what it answers 404. */
const registryOf =
  (held: Readonly<Record<string, string>>, listing: object | number): Script =>
  (_, response, url) => {
    if (url.pathname.endsWith("/tags/list")) {
      if (typeof listing === "number") return answer(response, listing);
      return answer(response, 200, { "content-type": "application/json" }, JSON.stringify(listing));
    }
    const nickname = held[url.pathname.slice(url.pathname.lastIndexOf("/") + 1)];
    return nickname === undefined ? answer(response, 404) : answer(response, 200, head(nickname));
  };

async function read(script: Script, images: readonly DesiredImage[], listFirst = false) {
  const server: ScriptedServer = await startScriptedServer(script);
  const registries = registriesWith({ hosts: { [server.host]: { retries: 0 } } });
  closing.push(() => registries.close(), server.close);
  const repository = registries.repository(parseRepository(`${server.host}/app`));
  if (listFirst) await repository.list();
  const before = server.seen.length;
  const state = await readRepositoryState(() => repository, images, new Budget(128));
  const requests = server.seen
    .slice(before)
    .map(({ method, url }) => `${method} ${url.replace("/v2/app/", "")}`);
  return { state, requests };
}

const at = (state: Awaited<ReturnType<typeof read>>["state"], tag: string) =>
  state.tags.get(parseTag(tag) as Tag);

describe("reading a production repository", () => {
  test("that has every tag takes one request for each", async () => {
    const script = registryOf({ v1: "one", v2: "two" }, 500);
    const { state, requests } = await read(script, [wanted("one", "v1"), wanted("two", "v2")]);
    expect(requests).toEqual(["HEAD manifests/v1", "HEAD manifests/v2"]);
    expect(at(state, "v2")).toEqual({ digest: digestFor("two") });
  });

  test("that is not there takes three, and its digests are taken for absent", async () => {
    const { state, requests } = await read(registryOf({}, 404), [
      wanted("one", "v1", "v2"),
      wanted("two", "v3"),
    ]);
    expect(requests).toEqual(["HEAD manifests/v1", "GET tags/list?n=1000", "GET manifests/v1"]);
    expect(state.empty).toBe(true);
    expect(state.digests.get(digestFor("two"))).toEqual({ digest: undefined });
  });

  test("without tags still asks for a digest that is wanted without one", async () => {
    const script = registryOf({ [digestFor("one")]: "one" }, { tags: [] });
    const { state } = await read(script, [wanted("one"), wanted("two", "v2")]);
    expect(state.digests.get(digestFor("one"))).toEqual({ digest: digestFor("one") });
    expect(state.digests.get(digestFor("two"))).toEqual({ digest: undefined });
  });

  test("whose listing is denied asks for each tag", async () => {
    const script = registryOf({ v2: "two" }, 403);
    const { state, requests } = await read(script, [wanted("one", "v1"), wanted("two", "v2")]);
    expect(requests).toEqual([
      "HEAD manifests/v1",
      "GET tags/list?n=1000",
      "GET manifests/v1",
      "HEAD manifests/v2",
      `GET manifests/${digestFor("one")}`,
    ]);
    expect(state.empty).toBe(false);
    expect(at(state, "v2")).toEqual({ digest: digestFor("two") });
  });

  test("of which one tag is broken is read for all others", async () => {
    const script: Script = (request, response, url) =>
      url.pathname.endsWith("/v1")
        ? answer(response, 500)
        : registryOf({ v2: "two" }, 404)(request, response, url);
    const { state } = await read(script, [wanted("one", "v1"), wanted("two", "v2"), wanted("three", "v3")]);
    expect(at(state, "v1")).toMatchObject({ failure: { code: "server-error" } });
    expect(at(state, "v2")).toEqual({ digest: digestFor("two") });
    expect(at(state, "v3")).toEqual({ digest: undefined });
  });

  test("that cannot be read is unknown, not absent, and not asked for ever", async () => {
    const script: Script = (_, response) => answer(response, 500);
    const { state, requests } = await read(script, [wanted("one", "v1", "v2", "v3"), wanted("two")]);
    expect(requests).toEqual(["HEAD manifests/v1", "HEAD manifests/v2"]);
    for (const reading of [at(state, "v1"), at(state, "v3"), state.digests.get(digestFor("two"))]) {
      expect(reading).toMatchObject({ failure: { code: "server-error" } });
    }
  });

  test("that cannot be opened is unknown in every part", async () => {
    const broken = () => {
      throw new Error("no such place");
    };
    const state = await readRepositoryState(broken, [wanted("one", "v1"), wanted("two")], new Budget(128));
    for (const reading of [at(state, "v1"), state.digests.get(digestFor("two"))]) {
      expect(reading).toMatchObject({ failure: { message: "no such place" } });
    }
  });

  describe("that lists manifests", () => {
    const listing = {
      tags: ["v1", "odd"],
      manifest: { [digestFor("one")]: { tag: ["v1"] }, [digestFor("two")]: { tag: [] } },
    };

    test("takes one request for everything", async () => {
      const images = [wanted("one", "v1"), wanted("two", "v2"), wanted("three", "v3")];
      const { state, requests } = await read(registryOf({}, listing), images, true);
      expect(requests).toEqual(["GET tags/list?n=10000"]);
      expect(at(state, "v1")).toEqual({ digest: digestFor("one") });
      expect(at(state, "v2")).toEqual({ digest: undefined });
      expect(state.digests.get(digestFor("two"))).toEqual({ digest: digestFor("two") });
      expect(state.digests.get(digestFor("three"))).toEqual({ digest: undefined });
    });

    test("takes one for digests without tags, too, and none when nothing is wanted", async () => {
      const { state, requests } = await read(registryOf({}, listing), [wanted("two"), wanted("three")], true);
      expect(requests).toEqual(["GET tags/list?n=10000"]);
      expect(state.digests.get(digestFor("two"))).toEqual({ digest: digestFor("two") });
      expect(state.digests.get(digestFor("three"))).toEqual({ digest: undefined });
      expect((await read(registryOf({}, listing), [], true)).requests).toEqual([]);
    });

    test("a tag that is listed without its manifest is not taken for free", async () => {
      const script = registryOf({ odd: "elsewhere" }, listing);
      const { state } = await read(script, [wanted("one", "v1", "odd")], true);
      expect(at(state, "odd")).toEqual({ digest: digestFor("elsewhere") });
    });
  });
});
