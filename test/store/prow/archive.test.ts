import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type ObjectReader, openBucket } from "../../../src/objects/index.ts";
import { openProwArchive } from "../../../src/store/index.ts";
import { temporaryFolder } from "../../support/tree.ts";

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  temporary = await temporaryFolder("archive");
});
afterEach(() => temporary.remove());

const put = async (path: string, document: object | string) => {
  const file = join(temporary.path, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, typeof document === "string" ? document : JSON.stringify(document));
};

/** The id of a run that began so many hours after 2021-04-21T21:08:53Z. */
const idAt = (hours: number): string => String(1384977461019676672n + ((BigInt(hours) * 3_600_000n) << 22n));

/** A bucket that counts what is asked of it. */
function counted(): ObjectReader & { readonly asked: { got: number; listed: number } } {
  const bucket = openBucket(temporary.path);
  const asked = { got: 0, listed: 0 };
  return {
    ...{ where: bucket.where, asked },
    get(path, range) {
      asked.got += 1;
      return bucket.get(path, range);
    },
    async *list(folder, options) {
      for await (const entry of bucket.list(folder, options)) {
        asked.listed += 1;
        yield entry;
      }
    },
  };
}

async function putRun(place: string, passed: boolean | undefined): Promise<void> {
  await put(`${place}/started.json`, { timestamp: 1_619_039_333, repos: { "cncf/apisnoop": "main:abc" } });
  if (passed !== undefined) await put(`${place}/finished.json`, { timestamp: 1_619_039_393, passed });
}

test("jobs and runs of a bucket come by pages, wherever Prow has put them", async () => {
  for (let hour = 0; hour < 30; hour++) await putRun(`logs/push/${idAt(hour * 24)}`, hour % 2 === 0);
  const pull = `pr-logs/pull/cncf_apisnoop/7/pull-it/${idAt(5)}`;
  await putRun(pull, undefined);
  await put(`pr-logs/directory/pull-it/${idAt(5)}.txt`, `gs://kubernetes-ci-logs/${pull}`);
  await put("logs/push/latest-build.txt", idAt(29 * 24));
  await putRun("logs/counted/17", true);
  const archive = openProwArchive("old", counted());
  const first = await archive.jobs({ after: undefined, limit: 2 });
  expect(first).toEqual({ items: ["counted", "pull-it"], next: "pull-it" });
  expect(await archive.jobs({ after: first.next, limit: 2 })).toEqual({ items: ["push"], next: undefined });
  const ids: string[] = [];
  let after: string | undefined;
  do {
    const page = await archive.runs("push", { after, limit: 12 });
    ids.push(...page.items.map(({ id }) => id));
    after = page.next;
  } while (after !== undefined);
  expect(ids).toEqual(Array.from({ length: 30 }, (_, at) => idAt((29 - at) * 24)));
  expect((await archive.runs("pull-it", { after: undefined, limit: 5 })).items).toMatchObject([
    { id: idAt(5), result: "PENDING", refs: { org: "cncf", repo: "apisnoop" } },
  ]);
  expect((await archive.runs("counted", { after: undefined, limit: 5 })).items).toMatchObject([
    { id: "17", result: "SUCCESS" },
  ]);
  expect((await archive.runs("nothing", { after: undefined, limit: 5 })).items).toEqual([]);
  expect((await archive.runs("../..", { after: undefined, limit: 5 })).items).toEqual([]);
});

test("a run is read with its log and files, and one that has ended is asked for once", async () => {
  const id = idAt(0);
  await putRun(`logs/push/${id}`, false);
  await put(`logs/push/${id}/build-log.txt`, "one\ntwo\n");
  await put(`logs/push/${id}/artifacts/a/b.txt`, "b");
  const bucket = counted();
  const archive = openProwArchive("old", bucket);
  const run = await archive.find("push", id);
  expect(run.record).toMatchObject({ job: "push", id, result: "FAILURE", revision: undefined });
  const pieces: Uint8Array[] = [];
  for await (const piece of run.log(4)) pieces.push(piece);
  expect(Buffer.concat(pieces).toString()).toBe("two\n");
  expect(await run.artifacts()).toEqual(["a/b.txt"]);
  expect(await run.artifact("../started.json")).toBeUndefined();
  const before = bucket.asked.got;
  expect((await archive.find("push", id)).record).toEqual(run.record);
  await archive.runs("push", { after: undefined, limit: 5 });
  expect(bucket.asked.got).toBe(before);
  await expect(archive.find("push", idAt(1))).rejects.toMatchObject({ code: "unknown-run" });
  await expect(archive.find("..", id)).rejects.toMatchObject({ code: "unknown-run" });
});
