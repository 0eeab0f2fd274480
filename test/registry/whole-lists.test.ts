import { describe, expect, it, onTestFinished } from "vitest";
import { clientOf } from "../support/registry-client.ts";
import { answer, type Script, startScriptedServer } from "../support/scripted-server.ts";

async function open(script: Script) {
  const server = await startScriptedServer(script);
  const client = clientOf(server.host, { settings: { retries: 0 } });
  onTestFinished(async () => {
    await client.close();
    await server.close();
  });
  const seen = () => server.seen.map(({ url }) => url.slice(url.indexOf("?") + 1));
  const catalog = async () => {
    const names: string[] = [];
    for await (const name of client.registries.catalog(`${server.host}`)) names.push(name);
    return names;
  };
  return { repository: client.repository, catalog, seen };
}

const named = (count: number) => Array.from({ length: count }, (_, at) => `v${String(at).padStart(5, "0")}`);

/** How a registry lists so many names. */
interface Manner {
  readonly count: number;
  /** Names on a page, whatever is asked for. */
  readonly cap?: number;
  readonly ignoresLast?: boolean;
  readonly ignoresSize?: boolean;
  readonly links?: boolean;
  /** How another page is named, where they are. */
  readonly linkedBy?: (address: string, host: string) => string;
  /** Page sizes above this are refused so. */
  readonly refuses?: { readonly above: number; readonly status: number };
  /** How all but the first page are answered. */
  readonly later?: (response: Parameters<Script>[1]) => void;
}

const listing =
  (manner: Manner): Script =>
  (request, response, url) => {
    const { count, cap = Number.POSITIVE_INFINITY, refuses, later } = manner;
    const n = url.searchParams.get("n");
    const last = url.searchParams.get("last");
    if (refuses !== undefined && n !== null && Number(n) > refuses.above) {
      return answer(response, refuses.status, {}, '{"errors":[{"code":"PAGINATION_NUMBER_INVALID"}]}');
    }
    if (last !== null && later !== undefined) return later(response);
    const after = named(count).filter((name) => manner.ignoresLast || last === null || name > last);
    const size = Math.min(cap, manner.ignoresSize || n === null ? Number.POSITIVE_INFINITY : Number(n));
    const page = after.slice(0, size);
    const address = `${url.pathname}?n=${n}&last=${page.at(-1)}`;
    const { linkedBy = (it: string) => `<${it}>; rel="next"` } = manner;
    const link = linkedBy(address, request.headers.host ?? "");
    const headers = manner.links && after.length > page.length ? { link } : {};
    const body = url.pathname.endsWith("_catalog") ? { repositories: page } : { tags: page };
    answer(response, 200, headers as Record<string, string>, JSON.stringify(body));
  };

describe.each(["tags", "repositories"])("a list of %s", (kind) => {
  const read = async (manner: Manner) => {
    const { repository, catalog, seen } = await open(listing(manner));
    const list = async () => (kind === "tags" ? ((await repository().list())?.tags ?? []) : await catalog());
    return { list, seen };
  };

  it.each<[string, Manner]>([
    ["whose full page has no link", { count: 2400 }],
    ["whose pages are shorter than asked for, without a link", { count: 2400, cap: 100 }],
    ["that is cut at an odd number, without a link", { count: 20, cap: 7 }],
    ["whose pages are shorter than asked for, with a link", { count: 250, cap: 100, links: true }],
    ["that ends where a page does", { count: 1000 }],
    ["that is longer than a page, on one page", { count: 1200, ignoresSize: true, ignoresLast: true }],
    [
      "that is short, of a registry that knows no pages",
      { count: 100, ignoresSize: true, ignoresLast: true },
    ],
    [
      "that is short, where nobody goes on from a name",
      { count: 3, later: (response) => answer(response, 400) },
    ],
    ["that is refused by its page size", { count: 250, refuses: { above: 100, status: 400 }, links: true }],
    ["that is refused by a body's size", { count: 250, refuses: { above: 100, status: 413 }, links: true }],
    ["that is refused with any page size", { count: 250, refuses: { above: 0, status: 405 } }],
  ])("%s is read as a whole", async (_, manner) => {
    const { list } = await read(manner);
    expect(await list()).toHaveLength(manner.count);
  });

  it("to which a name came while it was read, of a registry that begins anew, is read with it", async () => {
    const names = ["v00000", "v00001", "v00000-new"];
    const { list } = await read({
      count: 2,
      later: (it) => answer(it, 200, {}, JSON.stringify({ tags: names, repositories: names })),
    });
    const found = (await list()).map((name) => name.slice(name.indexOf("/") + 1));
    expect(found.toSorted()).toEqual(names.toSorted());
  });

  it.each<[string, Manner]>([
    ["whose second page is not there", { count: 250, cap: 100, links: true, later: (it) => answer(it, 404) }],
    ["that is full, with nothing behind it that is there", { count: 2400, later: (it) => answer(it, 404) }],
    ["that is full, of a registry that begins anew", { count: 2400, ignoresLast: true }],
    [
      "whose pages overlap",
      {
        count: 1000,
        later: (it) =>
          answer(it, 200, {}, JSON.stringify({ tags: ["v00999", "x"], repositories: ["v00999", "x"] })),
      },
    ],
  ])("%s is not taken for whole", async (_, manner) => {
    const { list } = await read(manner);
    await expect(list()).rejects.toMatchObject({ code: "list-incomplete" });
  });

  it.each<[string, NonNullable<Manner["linkedBy"]>]>([
    ["with several relations", (address) => `<${address}>; rel="prev next"`],
    ["in another order", (address) => `<${address}>; rel="next last"`],
    ["behind a title with a comma", (address) => `<${address}>; title="1, then 2"; rel="next"`],
    ["behind a title that speaks of it", (address) => `<${address}>; title="; rel=next"; rel=next`],
    ["in capitals", (address) => `<${address}>; REL=NEXT`],
    ["in single quotes", (address) => `<${address}>; rel='next'`],
    ["beside others", (address) => `</v2/x>; rel="prev", <${address}>; type="a"; rel="next"; foo`],
    ["relative to this one", (address) => `<${address.slice(address.indexOf("?"))}>; rel="next"`],
    ["by an internal port", (address) => `<http://127.0.0.1:5000${address}>; rel="next"`],
    ["without brackets", (address) => `${address}; rel="next"`],
    ["without a relation", (address) => `<${address}>`],
    ["by a relation that is another", (address) => `<${address}>; rel="nextpage"`],
  ])("whose next page is named %s is read as a whole", async (_, linkedBy) => {
    const { list } = await read({ count: 231, cap: 77, links: true, linkedBy });
    expect(await list()).toHaveLength(231);
  });

  it("that is longer than any seen to end is not taken for whole because a short one was", async () => {
    const manner = { count: 2, cap: 77 };
    const { list, seen } = await read(manner);
    expect(await list()).toHaveLength(2);
    Object.assign(manner, { count: 231 });
    expect(await list()).toHaveLength(231);
    const before = seen().length;
    Object.assign(manner, { count: 60, cap: 1000 });
    expect(await list()).toHaveLength(60);
    expect(seen().slice(before)).toEqual(["n=1000"]);
  });

  it.each([401, 503])("of which it is not known whether it goes on is not whole (%i)", async (status) => {
    const { list } = await read({ count: 3, later: (response) => answer(response, status) });
    for (let time = 0; time < 2; time += 1) await expect(list()).rejects.toThrow();
  });

  it("costs one request where the host has shown that its lists end where they say", async () => {
    const { list, seen } = await read({ count: 3 });
    for (let time = 0; time < 3; time += 1) expect(await list()).toHaveLength(3);
    expect(seen()).toEqual(["n=1000", "n=1000&last=v00002", "n=1000", "n=1000"]);
  });

  it("is asked for at once by the page size that was not refused before", async () => {
    const { list, seen } = await read({ count: 3, refuses: { above: 100, status: 400 } });
    for (let time = 0; time < 2; time += 1) expect(await list()).toHaveLength(3);
    expect(seen()).toEqual(["n=1000", "n=100", "n=100&last=v00002", "n=100"]);
  });

  it("that is null is one of nothing, and what names no such list is none", async () => {
    const list = async (body: string) => {
      const { repository, catalog } = await open((_, response) => answer(response, 200, {}, body));
      return kind === "tags" ? (await repository().list())?.tags : await catalog();
    };
    expect(await list('{"tags":null,"repositories":null}')).toEqual([]);
    for (const body of ["{}", '{"message":"log in"}']) {
      await expect(list(body)).rejects.toMatchObject({ code: "unexpected-response" });
    }
  });

  it("that goes round in a circle ends", async () => {
    const { repository, catalog } = await open((_, response, url) => {
      const link = `<${url.pathname}?last=${url.searchParams.get("last") === "a" ? "b" : "a"}>; rel="next"`;
      answer(response, 200, { link }, '{"tags":["a"],"repositories":["a"]}');
    });
    const list = kind === "tags" ? repository().list() : catalog();
    await expect(list).rejects.toMatchObject({ code: "endless-pagination" });
  });
});

describe("a page of very many", () => {
  const manifests = (count: number) =>
    Array.from({ length: count }, (_, at) => `"sha256:${String(at).padStart(64, "0")}":{"tag":["v${at}"]}`);
  const names = (count: number) => Array.from({ length: count }, (_, at) => `"v${at}"`);

  it("children is refused", async () => {
    const page = `{"tags":[],"child":[${names(500_001).join()}],"manifest":{}}`;
    const { repository } = await open((_, response) => answer(response, 200, {}, page));
    await expect(repository().list()).rejects.toMatchObject({
      code: "too-large",
      message: expect.stringContaining("children"),
    });
  });

  it("things is read", async () => {
    const page = `{"child":["a"],"manifest":{${manifests(20_000).join()}},"tags":[${names(20_000).join()}]}`;
    const { repository } = await open((_, response) => answer(response, 200, {}, page));
    const listing = await repository().list();
    expect([listing?.tags.length, listing?.manifests?.size, listing?.children]).toEqual([
      20_000,
      20_000,
      ["a"],
    ]);
  });
});
