import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openBucket, openObjects } from "../../../src/objects/index.ts";
import { openRunFolder, type ProwRun, readProwHistory } from "../../../src/store/index.ts";
import { answer, serve } from "../../support/scripted-server.ts";
import { temporaryFolder } from "../../support/tree.ts";

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  temporary = await temporaryFolder("history");
});
afterEach(() => temporary.remove());

const put = async (path: string, document: object | string) => {
  const file = join(temporary.path, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, typeof document === "string" ? document : JSON.stringify(document));
};
const history = async (...asked: Parameters<typeof readProwHistory>) => {
  const runs: ProwRun[] = [];
  for await (const run of readProwHistory(...asked)) runs.push(run);
  return runs;
};
const folder = () => openBucket(temporary.path);
/** Ids of the 21st, 22nd and 23rd of April 2021, and one that was counted. */
const [first, second, third] = ["1384977461019676672", "1385339848862633984", "1385702236705591296"];
const milliseconds = (id: string) => Number((BigInt(id) >> 22n) + 1288834974657n);
const timestamp = (id: string) => Math.floor(milliseconds(id) / 1000);

/** A server that has the bucket `kubernetes-ci-logs` in a folder, at the addresses of Google's storage; lists have three items. */
async function serveBucket() {
  const store = openObjects(temporary.path);
  const server = await serve((_, response, url) => {
    void (async () => {
      if (url.pathname === "/storage/v1/b/kubernetes-ci-logs/o") {
        const prefix = url.searchParams.get("prefix") ?? "";
        const isDeep = url.searchParams.get("delimiter") === null;
        const start = url.searchParams.get("pageToken") ?? url.searchParams.get("startOffset") ?? "";
        const [items, prefixes]: [object[], string[]] = [[], []];
        let nextPageToken: string | undefined;
        for await (const { path, size } of store.list(prefix, { isDeep })) {
          if (path < start) continue;
          if (items.length + prefixes.length === 3) {
            nextPageToken = path;
            break;
          }
          if (size === undefined) prefixes.push(path);
          else items.push({ name: path, size: String(size) });
        }
        return answer(response, 200, {}, JSON.stringify({ items, prefixes, nextPageToken }));
      }
      const path = decodeURIComponent(url.pathname.replace("/kubernetes-ci-logs/", ""));
      const file = await readFile(join(temporary.path, path)).catch(() => undefined);
      answer(response, file === undefined ? 404 : 200, {}, file ?? "<Error><Code>NoSuchKey</Code></Error>");
    })();
  });
  return openBucket(`${server.origin}/kubernetes-ci-logs`);
}

describe.each([
  ["a folder", async () => folder()],
  ["a public bucket", serveBucket],
])("the history of a job in %s", (_, open) => {
  test("is that of its runs, the oldest first, each as its documents tell", async () => {
    const bucket = await open();
    await put(`logs/push/${first}/started.json`, { timestamp: timestamp(first), "repo-commit": "cafe" });
    await put(`logs/push/${first}/finished.json`, { timestamp: 1, result: "SUCCESS", passed: true });
    await put(`logs/push/${first}/build-log.txt`, "log");
    await put(`logs/push/${second}/started.json`, "no JSON");
    await put(`logs/push/${second}/finished.json`, "nor this");
    await put(`logs/push/${third}/started.json`, {
      timestamp: timestamp(third),
      repos: { "a/b": "main:beef" },
    });
    await put("logs/push/latest-build.txt", third);
    await put("logs/push/no-run/started.json", {});
    await put("logs/push/7/started.json", { timestamp: 1000 });
    await put("logs/push/7/finished.json", { timestamp: 1060, result: "ABORTED", revision: "old" });
    expect(await history(bucket, "push")).toEqual(
      [
        {
          ...{ job: "push", id: "7", result: "ABORTED", revision: "old" },
          ...{ startedAt: new Date(1_000_000), finishedAt: new Date(1_060_000) },
        },
        {
          ...{ job: "push", id: first, result: "SUCCESS", revision: "cafe" },
          ...{ startedAt: new Date(timestamp(first) * 1000), finishedAt: new Date(1000) },
        },
        { job: "push", id: second, result: "FAILURE", startedAt: new Date(milliseconds(second)) },
        expect.objectContaining({
          id: third,
          result: "PENDING",
          refs: expect.objectContaining({ base_sha: "beef" }),
        }),
      ].map((run) => (run instanceof Object && "job" in run ? expect.objectContaining(run) : run)),
    );
    const since = new Date(milliseconds(second));
    expect((await history(bucket, "push", since)).map(({ id }) => id)).toEqual([second, third]);
    expect(await history(bucket, "nothing")).toEqual([]);
    expect(await history(bucket, "../..")).toEqual([]);
  });

  test("has the runs for pull requests as well", async () => {
    const bucket = await open();
    const place = `pr-logs/pull/kubernetes_k8s.io/5/pull-it/${first}`;
    await put(`pr-logs/directory/pull-it/${first}.txt`, `gs://kubernetes-ci-logs/${place}`);
    await put(`pr-logs/directory/pull-it/${second}.txt`, "gs://kubernetes-ci-logs/../elsewhere");
    await put("pr-logs/directory/pull-it/latest-build.txt", first);
    await put(`${place}/started.json`, { timestamp: timestamp(first) });
    await put(`${place}/finished.json`, { timestamp: timestamp(first), result: "SUCCESS" });
    expect(await history(bucket, "pull-it")).toMatchObject([{ id: first, result: "SUCCESS" }]);
  });

  test("is listed from the time on that is asked for", async () => {
    const bucket = await open();
    const places = [first, second, third].map((id) => ({ id, place: `pr-logs/pull/a_b/5/pull-it/${id}` }));
    for (const { id, place } of places) {
      await put(`pr-logs/directory/pull-it/${id}.txt`, `gs://kubernetes-ci-logs/${place}`);
      await put(`${place}/started.json`, { timestamp: timestamp(id) });
    }
    const seen: string[] = [];
    const watched: typeof bucket = {
      ...bucket,
      async *list(...asked) {
        for await (const entry of bucket.list(...asked)) {
          seen.push(entry.path);
          yield entry;
        }
      },
    };
    const since = new Date(milliseconds(second));
    expect((await history(watched, "pull-it", since)).map(({ id }) => id)).toEqual([second, third]);
    expect(seen).toEqual([second, third].map((id) => `pr-logs/directory/pull-it/${id}.txt`));
  });

  test("reads what Waybill writes", async () => {
    const bucket = await open();
    const store = openRunFolder(temporary.path);
    const refs = { org: "a", repo: "b", base_ref: "main", base_sha: "cafe" };
    const run = await store.start({ job: "push", type: "postsubmit", refs });
    await run.finish({ result: "FAILURE" });
    const { id, startedAt, finishedAt } = (await store.find(run.id)).record;
    expect(await history(bucket, "push")).toEqual([
      { job: "push", id, startedAt, finishedAt, result: "FAILURE", refs, revision: "cafe" },
    ]);
  });
});

describe("a public bucket", () => {
  test.each([
    ["is not there", 404, "<Error><Code>NoSuchBucket</Code></Error>", "bucket-missing"],
    ["is for others", 403, "<Error><Code>AccessDenied</Code></Error>", "object-forbidden"],
    ["lists something else", 200, "<html>", "unexpected-objects-answer"],
  ])("that %s gives no empty history", async (_, status, body, code) => {
    const server = await serve((_, response) => answer(response, status, {}, body));
    const bucket = openBucket(`${server.origin}/kubernetes-ci-logs/deep`);
    await expect(history(bucket, "push")).rejects.toMatchObject({ code });
  });
});
