import { expect, test } from "vitest";
import type { WorkEvent } from "../../src/events/index.ts";
import { ask, startWorker, untilState } from "../queue/support.ts";
import type { ServerWorld } from "../server/server-world.ts";
import { barriersAt, describeBrowser, polled, untilSo } from "./browser.ts";
import { logIn, usePages } from "./page-world.ts";

const hostile = "</main><script>alert(1)</script><img src=x onerror=alert(2)> \u202egnp.exe";
const repo = "https://github.com/cncf/apisnoop";
const digest = `sha256:${"ab".repeat(32)}`;

describeBrowser("pages of runs", (browser) => {
  const world = usePages();

  /** A build that has ended, with all that one leaves, and one that goes on. */
  async function withBuilds({ db, queue, runs }: ServerWorld) {
    const worker = startWorker(db, { queue });
    const begun = async (key: string) => {
      const job = "push-snoopdb";
      const input = { job: { name: job, repo, build: { dir: hostile } } };
      const { id } = await ask(db, { job, key, repo, ref: "refs/heads/main", commit: "a".repeat(40), input });
      const run = await worker.taken(id);
      const record = await runs.start({ id, attempt: run.attempt, job, type: "postsubmit" });
      const tell = (event: WorkEvent) => record.append(event);
      const name = "gcr.io/cloud-builders/docker";
      tell({ type: "build-step-started", build: "build", step: 0, steps: 2, id: hostile, name } as WorkEvent);
      return { id, run, record, tell };
    };
    const ended = await begun("1");
    ended.tell({ type: "build-step-ended", build: "build", step: 0, exitCode: 0 } as WorkEvent);
    const images = [{ repository: "gcr.io/k8s-staging-apisnoop/snoopdb", digest, tags: ["v1", hostile] }];
    await ended.record.write("images.json", JSON.stringify({ images }));
    await ended.record.write(
      "junit.xml",
      `<testsuite><testcase name="&lt;b&gt;"><failure message="no"/></testcase></testsuite>`,
    );
    await ended.record.write("a b/page.html", hostile);
    await ended.record.finish({ result: "SUCCESS" });
    worker.finish(ended.id, { result: "SUCCESS", details: { summary: "built 1 image" } });
    await untilState(queue, ended.id, "ended");
    const running = await begun("2");
    running.run.tell({ text: "12 of 200 copied", done: 12, total: 200 });
    return { worker, ended, running };
  }

  test("show steps, what was pushed, attempts, inputs, files and events, without scripts", async () => {
    const served = await world();
    const { worker, ended, running } = await withBuilds(served);
    const page = await browser.open(served.origin, { javaScriptEnabled: false });
    await logIn(page, await served.token("admin"));
    await page.goto(`/runs/${ended.id}`);
    const rows = (label: string) =>
      page.getByRole("region", { name: `${label}: table`, exact: true }).locator("tbody tr");
    expect(await rows("Steps").allTextContents()).toEqual([
      expect.stringContaining("success1 of 2build: </main><script>"),
    ]);
    expect(await rows("What it pushed").allTextContents()).toEqual([expect.stringContaining(digest)]);
    expect(await rows("Attempts").allTextContents()).toEqual([expect.stringMatching(/^1success/)]);
    await expect.poll(() => rows("What it has left").count(), polled).toBe(4);
    await page.getByText("2 events").click();
    await expect.poll(() => rows("What happened").count(), polled).toBe(2);
    expect(await page.locator("main script, main img[src=x]").count()).toBe(0);
    await page.getByRole("link", { name: "junit.xml", exact: true }).click();
    expect(
      await page.getByRole("region", { name: "Tests: table" }).locator("tbody tr").allTextContents(),
    ).toEqual([expect.stringContaining("failed<b>no")]);
    await page.goto(`/runs/${ended.id}/files/${encodeURIComponent("a b")}/page.html`);
    await expect.poll(() => page.locator("pre").textContent(), polled).toContain("<script>alert(1)</script>");
    await expect.poll(() => page.locator("pre").textContent(), polled).toContain("\\u{202e}");
    await page.goto(`/runs/${ended.id}/files/none`);
    await page.getByRole("heading", { name: "There is nothing here" }).waitFor();
    await page.goto("/");
    await page.locator(`#running-${running.id}`).getByText("12 of 200 copied").waitFor();
    await running.record.finish({ result: "SUCCESS" });
    worker.finish(running.id);
    await worker.stop();
  });

  test("show before a run is repeated what it would be, and what is otherwise by now", async () => {
    const served = await world();
    const { worker, ended, running } = await withBuilds(served);
    const page = await browser.open(served.origin, { javaScriptEnabled: false });
    await logIn(page, await served.token("admin"));
    await page.goto(`/runs/${ended.id}`);
    await page.getByRole("link", { name: /^Run again/ }).click();
    await page.waitForURL(`/runs/${ended.id}/again`);
    expect(await page.getByText("a".repeat(40)).count()).toBeGreaterThan(0);
    const changed = page.getByRole("region", { name: "What is otherwise now: table" });
    await expect.poll(() => changed.getByText("k8s-staging-apisnoop").count(), polled).toBe(1);
    await page.getByRole("button", { name: "Run again with the same inputs" }).click();
    await page.waitForURL((url) => /^\/runs\/\d+$/.test(url.pathname) && !url.pathname.endsWith(ended.id));
    const again = await served.queue.read(new URL(page.url()).pathname.split("/").at(-1) ?? "");
    expect(again).toMatchObject({ rerunOf: ended.id, commit: "a".repeat(40) });
    await page.goto(`/runs/${ended.id}/again`);
    await page.getByRole("button", { name: "Run the job as it is now" }).click();
    await page.waitForURL((url) => /^\/runs\/\d+$/.test(url.pathname));
    const now = await served.queue.read(new URL(page.url()).pathname.split("/").at(-1) ?? "");
    expect(now).toMatchObject({ rerunOf: undefined, ref: "refs/heads/main" });
    await running.record.finish({ result: "SUCCESS" });
    worker.finish(running.id);
    await worker.stop();
  });

  test("list runs by pages in both directions, by several filters at once", async () => {
    const served = await world();
    for (let number = 0; number < 120; number++)
      await ask(served.db, { job: number < 110 ? "many" : "few", key: `${number}` });
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    await page.goto("/runs?job=m*,few");
    const ids = () => page.locator("tbody tr").evaluateAll((rows) => rows.map(({ id }) => id));
    await page.getByRole("heading", { name: "Runs 120" }).waitFor();
    const follow = async (name: string) => {
      const from = page.url();
      await page.getByRole("link", { name }).click();
      await page.waitForURL(({ href }) => href !== from);
      return ids();
    };
    const first = await ids();
    const second = await follow("Next page");
    const third = await follow("Next page");
    expect([first.length, second.length, third.length]).toEqual([50, 50, 20]);
    expect(await page.getByRole("link", { name: "Next page" }).count()).toBe(0);
    expect(await follow("Page before")).toEqual(second);
    expect(await follow("Page before")).toEqual(first);
    expect(await page.getByRole("link", { name: "Page before" }).count()).toBe(0);
    await page.getByLabel("Job", { exact: true }).fill("few");
    await page.getByLabel("Order").selectOption("Oldest first");
    await page.getByRole("button", { name: "Show" }).click();
    await page.getByRole("heading", { name: "Runs 10" }).waitFor();
    expect(await ids()).toEqual((await ids()).toSorted());
    await page.goto("/runs?state=unheard-of");
    await page.getByText("it is one of held, waiting, running").waitFor();
  });

  test("say that the server does not answer, and are as it is when it does again", async () => {
    const served = await world();
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    await page.route("**/api/v1/events*", (route) => route.abort());
    await page.goto("/");
    await page.locator("body.stale").waitFor();
    await expect
      .poll(() => page.getByRole("status").textContent(), polled)
      .toBe("The server does not answer");
    const { id } = await ask(served.db, { job: "push-snoopdb" });
    await page.unroute("**/api/v1/events*");
    // It is the browser that tries again.
    await page.locator(`#waiting-${id}`).waitFor();
    await page.locator("body:not(.stale)").waitFor();
  });

  test("follow what happens again after an answer that is no stream", async () => {
    const served = await world();
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    let isRefused = true;
    await page.route("**/api/v1/events*", async (route) => {
      if (isRefused) await route.fulfill({ status: 502, contentType: "text/html", body: "a proxy" });
      else await route.continue();
    });
    await page.goto("/");
    await page.locator("body.stale").waitFor();
    isRefused = false;
    // No browser opens it again by itself after such an answer.
    await page.locator("body:not(.stale)").waitFor();
    const { id } = await ask(served.db, { job: "push-snoopdb" });
    await page.locator(`#waiting-${id}`).waitFor();
  });

  test("say of a moment exactly when it was to who goes there by keyboard", async () => {
    const served = await world();
    const { id } = await ask(served.db, { job: "push-snoopdb" });
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("reader"));
    await page.goto(`/runs/${id}`);
    const time = page.locator(".facts time").first();
    await untilSo(page, `document.querySelector(".facts time")?.tabIndex === 0`);
    await time.focus();
    const exact = await time.textContent();
    expect(exact).toBe(await time.getAttribute("title"));
    expect(exact).toContain(await time.getAttribute("datetime"));
    await page.getByRole("searchbox").focus();
    expect(await time.textContent()).not.toContain(await time.getAttribute("datetime"));
  });

  test("are without barriers, in both colors and at three widths", { timeout: 240_000 }, async () => {
    const served = await world();
    const { worker, ended, running } = await withBuilds(served);
    await served.db.query(
      `INSERT INTO promotion_retry (job, key, state, failures, since, due_at, run_id, summary, crashed)
       VALUES ('nightly', 'y', 'due', 2, now(), now(), 8, $1, false)`,
      [hostile],
    );
    const page = await browser.open(served.origin);
    await logIn(page, await served.token("admin"));
    expect(
      await barriersAt(
        page,
        [
          "/",
          `/runs/${ended.id}`,
          `/runs/${running.id}`,
          `/runs/${ended.id}/again`,
          `/runs/${ended.id}/files/junit.xml`,
          "/runs?sort=longest&state=success,failure",
        ],
        true,
      ),
    ).toEqual([]);
    await running.record.finish({ result: "SUCCESS" });
    worker.finish(running.id);
    await worker.stop();
  });
});
