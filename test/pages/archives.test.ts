import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openBucket } from "../../src/objects/index.ts";
import { openProwArchive } from "../../src/store/index.ts";
import { temporaryFolder } from "../support/tree.ts";
import { barriersOf, describeBrowser, polled } from "./browser.ts";
import { logIn, usePages } from "./page-world.ts";

const job = "apisnoop-push-snoopdb-images";
const failed = "1384977461019676672";
const passed = "1385339848862633984";
/** Runs without an end: one that nobody will ever end any more, and one that began just now. */
const lost = "1384977461019676000";
const fresh = "1385339848862633999";

describeBrowser("runs that Prow has left", (browser) => {
  const world = usePages();

  async function served() {
    const folder = await temporaryFolder("bucket");
    onTestFinished(folder.remove);
    const put = async (path: string, content: object | string) => {
      const file = join(folder.path, "kubernetes-jenkins", path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
    };
    const log = Array.from({ length: 3_000 }, (_, at) => `line ${at + 1}`).join("\n");
    for (const [id, result] of [
      [failed, "FAILURE"],
      [passed, "SUCCESS"],
    ] as const) {
      const place = `logs/${job}/${id}`;
      await put(`${place}/started.json`, {
        timestamp: 1_619_039_333,
        repos: { "cncf/apisnoop": `main:${"a".repeat(40)}` },
      });
      await put(`${place}/finished.json`, {
        ...{ timestamp: 1_619_039_393, passed: result === "SUCCESS", result },
        metadata: { "<script>": "x" },
      });
      await put(`${place}/build-log.txt`, `${log}\nerror: <b>it</b> broke\n${log}`);
      await put(`${place}/artifacts/junit.xml`, "<x/>");
    }
    for (const [id, timestamp] of [
      [lost, 1_619_039_333],
      [fresh, Math.floor(Date.now() / 1000)],
    ] as const) {
      await put(`logs/${job}/${id}/started.json`, { timestamp });
    }
    const bucket = openBucket(join(folder.path, "kubernetes-jenkins"));
    return world({ parts: { archives: [openProwArchive("kubernetes", bucket)] } });
  }

  test("are on the same pages, with their logs, by addresses of Prow's", async () => {
    const { origin, token, at, ask } = await served();
    const page = await browser.open(origin);
    await logIn(page, await token("reader"));
    await page.goto("/prow");
    await page.getByRole("link", { name: "kubernetes" }).click();
    await page.getByRole("link", { name: job }).click();
    await page.waitForURL(`/prow/kubernetes/jobs/${job}`);
    expect(await page.locator("tbody tr .state").allTextContents()).toEqual([
      ...["running", "success", "failure", "unknown"],
    ]);
    expect(await page.locator(`#run-${lost} td`).allTextContents()).toMatchObject({ 4: "–" });
    await page
      .locator(`#run-${failed}`)
      .getByRole("link", { name: /^Log of/ })
      .click();
    await page.locator("#L3001.suspect").waitFor();
    await expect
      .poll(() => page.locator("#L3001 .text").textContent(), polled)
      .toBe("error: <b>it</b> broke");
    await page.goto(`/prow/kubernetes/runs/${job}/${failed}/log?lines=100-102`);
    await expect.poll(() => page.locator(".line.marked").count(), polled).toBe(3);
    await page.goto(`/view/gs/kubernetes-jenkins/logs/${job}/${failed}`);
    await page.waitForURL(`/prow/kubernetes/runs/${job}/${failed}`);
    expect(await page.locator(".files li").allTextContents()).toEqual(["junit.xml"]);
    await page.goto(`/job-history/gs/kubernetes-jenkins/logs/${job}`);
    await page.waitForURL(`/prow/kubernetes/jobs/${job}`);
    const answer = await at("/prow", {});
    expect([answer.status, answer.headers.get("location")]).toEqual([302, "/login?return=%2Fprow"]);
    const runs = `/archives/kubernetes/jobs/${job}/runs`;
    const list = JSON.parse(await (await ask(runs, { as: "reader" })).text());
    expect(list.items.map(({ id }: { id: string }) => id)).toEqual([fresh, passed, failed, lost]);
    expect(list.items.map(({ result }: { result: string }) => result)).toEqual([
      ...["PENDING", "SUCCESS", "FAILURE", "UNKNOWN"],
    ]);
    expect((await ask(runs)).status).toBe(401);
    const one = `/archives/kubernetes/runs/${job}/${failed}`;
    const part = await ask(`${one}/log`, { as: "reader", headers: { range: "bytes=5-8" } });
    expect([part.status, await part.text()]).toEqual([206, "1\nli"]);
    const file = await ask(`${one}/artifacts/junit.xml`, { as: "reader" });
    expect([await file.text(), file.headers.get("content-disposition")]).toEqual([
      "<x/>",
      "attachment; filename*=UTF-8''junit.xml",
    ]);
    for (const nothing of [
      `${one}/artifacts/x`,
      "/archives/other/jobs",
      `/archives/kubernetes/runs/${job}/1`,
    ]) {
      expect((await ask(nothing, { as: "reader" })).status).toBe(404);
    }
  });

  test("read without JavaScript, and are without barriers", async () => {
    const { origin, token } = await served();
    const page = await browser.open(origin);
    await logIn(page, await token("reader"));
    const plain = await browser.open(origin, { javaScriptEnabled: false });
    await logIn(plain, await token("reader"));
    const found: string[] = [];
    const run = `/prow/kubernetes/runs/${job}/${failed}`;
    for (const address of ["/prow", "/prow/kubernetes", `/prow/kubernetes/jobs/${job}`, run, `${run}/log`]) {
      await plain.goto(address);
      await expect.poll(() => plain.locator("h1").count(), polled).toBe(1);
      expect(await plain.locator("main script, main b").count()).toBe(0);
      await page.goto(address);
      for (const width of [360, 1280, 2560]) {
        await page.setViewportSize({ width, height: 800 });
        const isWider = await page.evaluate("document.documentElement.scrollWidth > innerWidth");
        if (isWider) found.push(`${address} is wider than ${width}`);
        found.push(
          ...(await barriersOf(page, false)).map((barrier) => `${address}: ${barrier}`.slice(0, 500)),
        );
      }
    }
    expect(found).toEqual([]);
  });
});
